"""Partial batches: frames of some columns padded to the whole schema, and their sum."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import reduce

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schemas.partial import (
    BOTH,
    COLUMN_NAMES,
    DIMENSION_NAMES,
    GROUPING_NAMES,
    GROUPINGS,
    PARTIAL,
    SQUARES,
    TRAFFIC,
    WINDOWS,
)
from transforms.calendar import local_windows
from transforms.frame import Frame, rows_of

_DTYPES = {field.name: np.dtype(str(field.type)) for field in PARTIAL if field.type != SQUARES}
"""Arrow's integers have numpy's names. (`to_pandas_dtype` wants pandas, which Moment does not.)"""


def partial_batch(parts: Sequence[tuple[int, int, int, Frame]]) -> pa.RecordBatch:
    """PARTIAL batch of (grouping, traffic, window, frame) parts; absent columns are zero."""
    parts = [part for part in parts if rows_of(part[3])]
    lengths = [rows_of(frame) for *_, frame in parts]
    total = sum(lengths)
    constants = {
        "grouping": [grouping for grouping, *_ in parts],
        "traffic": [traffic for _, traffic, _, _ in parts],
        "window": [window for _, _, window, _ in parts],
    }
    arrays = []
    for field in PARTIAL:
        if field.name in constants:
            values = np.repeat(np.array(constants[field.name], dtype=np.int8), lengths)
            arrays.append(pa.array(values, pa.int8()))
            continue
        if field.type == SQUARES:
            arrays.append(_squares([frame.get(field.name) for *_, frame in parts], lengths))
            continue
        column = np.zeros(total, dtype=_DTYPES[field.name])
        offset = 0
        for (grouping, _, _, frame), length in zip(parts, lengths):
            named = field.name not in ("content", "brand", "channel")
            if field.name in frame and (named or field.name in GROUPINGS[grouping]):
                column[offset : offset + length] = frame[field.name]
            offset += length
        arrays.append(pa.array(column, field.type))
    return pa.RecordBatch.from_arrays(arrays, schema=PARTIAL)


def rows_batch(frames: Sequence[Frame]) -> pa.RecordBatch:
    """PARTIAL batch of frames that have their dimensions as columns; absent columns are zero."""
    lengths = [rows_of(frame) for frame in frames]
    arrays = []
    for field in PARTIAL:
        if field.type == SQUARES:
            arrays.append(_squares([frame.get(field.name) for frame in frames], lengths))
            continue
        column = np.zeros(sum(lengths), dtype=_DTYPES[field.name])
        offset = 0
        for frame, length in zip(frames, lengths):
            if field.name in frame:
                column[offset : offset + length] = frame[field.name]
            offset += length
        arrays.append(pa.array(column, field.type))
    return pa.RecordBatch.from_arrays(arrays, schema=PARTIAL)


def sum_partials(batches: Iterable[pa.RecordBatch]) -> pa.RecordBatch:
    """One row of sums for each combination of dimensions; rows of zeros throughout are gone."""
    table = pa.Table.from_batches(batches, PARTIAL)
    if not table.num_rows:
        return partial_batch([])
    summed = table.group_by(list(DIMENSION_NAMES), use_threads=False).aggregate(
        [(name, "sum") for name in COLUMN_NAMES]
    )
    columns = [summed[name] for name in DIMENSION_NAMES]
    columns += [summed[f"{name}_sum"] for name in COLUMN_NAMES]
    result = pa.table(
        [c.cast(f.type) for c, f in zip(columns, PARTIAL)], schema=PARTIAL
    ).combine_chunks()
    moved = [
        pc.not_equal(result[name], pa.scalar(0, PARTIAL.field(name).type)) for name in COLUMN_NAMES
    ]
    left = result.filter(reduce(pc.or_, moved)).combine_chunks().to_batches()
    return left[0] if left else partial_batch([])


def without_days(totals: pa.RecordBatch, last_day: int, time_zone: str) -> pa.RecordBatch:
    """The rows of windows that lie in local days after `last_day`."""
    start = totals.column("start").to_numpy().astype(np.int64)
    is_day = totals.column("window").to_numpy() == WINDOWS.index("day")
    minutes = np.where(is_day, 0, start)
    day = np.where(is_day, start, local_windows(minutes, time_zone)[0])
    return totals.filter(pa.array(day > last_day))


def by_traffic(totals: pa.RecordBatch) -> pa.RecordBatch:
    """Totals with the rows of both traffics added to those of each: no BOTH is left."""
    place = PARTIAL.get_field_index("traffic")
    both = pc.equal(totals.column(place), pa.scalar(BOTH, pa.int8()))
    shared = totals.filter(both)
    parts = [totals.filter(pc.invert(both))]
    for traffic in range(len(TRAFFIC)):
        code = pa.repeat(pa.scalar(traffic, pa.int8()), shared.num_rows)
        parts.append(shared.set_column(place, PARTIAL.field(place), code))
    return sum_partials(parts) if parts[0].num_rows else concatenated(parts[1:])


def concatenated(batches: Sequence[pa.RecordBatch]) -> pa.RecordBatch:
    """One batch of several of the same schema; at least one must be given."""
    whole = pa.Table.from_batches(batches).combine_chunks().to_batches()
    return whole[0] if whole else batches[0]


def split_labels(labels: pa.RecordBatch, families: int) -> list[tuple[int, pa.RecordBatch]]:
    """Labels by the family shards of their contents and brands. Totals have channels only, which
    every family knows by name."""
    shard = (1 + labels.column("key").to_numpy().view(np.uint64) % np.uint64(families)).astype(int)
    return [(int(n), labels.filter(pa.array(shard == n))) for n in np.unique(shard)]


def split_by_family(partials: pa.RecordBatch, families: int) -> list[tuple[int, pa.RecordBatch]]:
    """Deltas by family shard: content and brand by their key, totals and channels to shard 0."""
    grouping = partials.column("grouping").to_numpy()
    content = partials.column("content").to_numpy().view(np.uint64)
    brand = partials.column("brand").to_numpy().view(np.uint64)
    is_content = np.isin(grouping, [i for i, n in enumerate(GROUPING_NAMES) if "content" in n])
    is_brand = np.isin(grouping, [i for i, n in enumerate(GROUPING_NAMES) if "brand" in n])
    shard = np.select(
        [is_content, is_brand],
        [1 + content % np.uint64(families), 1 + brand % np.uint64(families)],
        default=np.uint64(0),
    ).astype(np.int64)
    return [
        (int(number), partials.filter(pa.array(shard == number))) for number in np.unique(shard)
    ]


def _squares(columns: Sequence[np.ndarray | None], lengths: Sequence[int]) -> pa.Array:
    """decimal128 column of exact Python integers; int64-sized ones take the fast way."""
    values: list[np.ndarray] = [
        np.zeros(n, dtype=object) if c is None else c for c, n in zip(columns, lengths)
    ]
    flat = np.concatenate(values) if values else np.zeros(0, dtype=object)
    try:
        return pa.array(flat.astype(np.int64)).cast(pa.decimal128(19, 0)).cast(SQUARES)
    except OverflowError:
        return pa.array(flat.tolist(), SQUARES)
