"""How evenly the events of a file fall on the shards of a streaming job."""

from __future__ import annotations

import numpy as np

from benchmarks.inputs import Tracks
from pipelines.keys import pseudonym_keys
from pipelines.sources.discover import discover
from pipelines.sources.formats import FileFailure
from pipelines.sources.read_payloads import read_payloads
from schemas.channels import registered_channels
from transforms.decode import decode
from transforms.protect import protect
from transforms.screen import screen
from transforms.shards import shards_of

SAMPLED_EVENTS = 200_000


def busiest_shard_over_mean(tracks: Tracks, shards: int) -> float:
    """Events of the busiest shard over the mean of all, of the first events of a file."""
    channel, keys = registered_channels()["segment"], pseudonym_keys()
    (file,) = discover([str(tracks.path)])
    counts = np.zeros(shards, dtype=np.int64)
    for payloads in read_payloads(file):
        if isinstance(payloads, FileFailure) or counts.sum() >= SAMPLED_EVENTS:
            break
        events = protect(screen(decode(payloads, channel).events), keys).events
        own = shards_of(events.column("route").to_numpy(), shards).astype(np.int64)
        counts += np.bincount(own, minlength=shards)
    return float(counts.max() / counts.mean())
