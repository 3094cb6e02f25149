"""Shards: observations split by the shard of their actor, changes of facts echoed to all others."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from schemas.observation import CHANGE, ECHO, OBSERVATION


def split_by_shard(
    observations: pa.RecordBatch, route: np.ndarray, shards: int
) -> Iterator[tuple[int, pa.RecordBatch]]:
    """The rows of each shard: (shard, batch), shards without rows left out.

    A change of a fact goes to its own shard and, as an echo, to all others: a moderator's deletion
    must meet the author's message. Changes are rare, so this costs less than a shuffle of facts.
    """
    echoes = _echoes(observations, route, shards)
    if echoes is not None:
        observations = (
            pa.Table.from_batches([observations, echoes[0]]).combine_chunks().to_batches()[0]
        )
        route = np.concatenate([route, echoes[1]])
    shard = shards_of(route, shards)
    order = np.argsort(shard, kind="stable")
    bounds = np.searchsorted(shard[order], np.arange(shards + 1))
    arranged = observations.take(pa.array(order))
    for number in range(shards):
        first, last = int(bounds[number]), int(bounds[number + 1])
        if last > first:
            yield number, arranged.slice(first, last - first)


def shards_of(route: np.ndarray, shards: int) -> np.ndarray:
    """The shard of each routing hash."""
    return route.astype(np.uint64) % np.uint64(shards)


def _echoes(
    observations: pa.RecordBatch, route: np.ndarray, shards: int
) -> tuple[pa.RecordBatch, np.ndarray] | None:
    """Copies of changes for all other shards, and their routes; None where there are none."""
    flags = observations.column("flags").to_numpy()
    changes = (flags & CHANGE != 0) & (observations.column("fact").to_numpy() != 0)
    if shards == 1 or not changes.any():
        return None
    rows = np.flatnonzero(changes)
    own = route[rows].astype(np.uint64) % np.uint64(shards)
    others = np.tile(np.arange(shards), len(rows))
    foreign = others != np.repeat(own.astype(np.int64), shards)
    copies = observations.take(pa.array(np.repeat(rows, shards)[foreign]))
    flagged = pa.array(copies.column("flags").to_numpy() | ECHO)
    place = OBSERVATION.get_field_index("flags")
    return copies.set_column(place, OBSERVATION.field(place), flagged), others[foreign]
