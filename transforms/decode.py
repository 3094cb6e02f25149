"""Decode: bytes as received to NATIVE_EVENT batches, failed events and counts for the balance."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

import apache_beam as beam
import numpy as np
import pyarrow as pa

from schemas.channel import Channel, Kind, Sheet
from schemas.channels import registered_channels
from schemas.conform import conform
from schemas.event import NATIVE_EVENT
from schemas.failure import Reason, Reject
from transforms.balance import arrival_hours, count_batch
from transforms.failures import Failure, failed_batch
from transforms.records import Records, decoder_error, explain, unwrap


class Decoded(NamedTuple):
    """What became of one PAYLOAD batch."""

    events: pa.RecordBatch
    failed: pa.RecordBatch
    received: int
    decoded: int
    ignored: Counter[str]


def decode(batch: pa.RecordBatch, channel: Channel) -> Decoded:
    """Events, failures and counts of one PAYLOAD batch of one channel.

    `received` counts records: a container counts one for each record it carries. `received` =
    `decoded` + failed rows. `ignored` counts events of kinds the channel declares ignored, by
    event type; they are events of the balance but rows of no table.
    """
    records = unwrap(batch, channel)
    failures = records.failures
    rows: list[Any] = []
    at: list[int] = []
    parse = channel.parse
    for index, payload in enumerate(records.payloads):
        try:
            rows.append(parse(payload))
        except Exception as error:
            failures.append(records.failure(index, *explain(payload, error)))
        else:
            at.append(index)
    events, ignored = _events(records, rows, at, channel)
    failed = failed_batch(failures, batch.schema.metadata[b"input"].decode(), channel.name)
    return Decoded(
        events=events,
        failed=failed,
        received=records.received,
        decoded=records.received - failed.num_rows,
        ignored=ignored,
    )


def _events(
    records: Records, rows: list[Any], at: list[int], channel: Channel
) -> tuple[pa.RecordBatch, Counter[str]]:
    """Events of parsed rows; what a channel's code cannot take is narrowed down to its record."""
    if not rows:
        return _no_events(), Counter()
    sheet = Sheet(len(rows))
    try:
        channel.fill(rows, sheet)
        batch, ignored, rejects = _conform(sheet, records, at, channel)
    except Exception as error:
        # A channel may be a third party's code. One record must not stop the others, nor the job:
        # halve until the record that does it is alone, and keep it with the error's name.
        if len(rows) == 1:
            records.failures.append(records.failure(at[0], *decoder_error(error)))
            return _no_events(), Counter()
        half = len(rows) // 2
        left, left_ignored = _events(records, rows[:half], at[:half], channel)
        right, right_ignored = _events(records, rows[half:], at[half:], channel)
        merged = pa.Table.from_batches([left, right]).combine_chunks().to_batches()
        return (merged[0] if merged else _no_events()), left_ignored + right_ignored
    for reject in rejects:
        records.failures.append(
            records.failure(at[reject.row], reject.reason, reject.path, reject.detail)
        )
    return batch, ignored


def _conform(
    sheet: Sheet, records: Records, at: list[int], channel: Channel
) -> tuple[pa.RecordBatch, Counter[str], list[Reject]]:
    """Batch of what is accepted, counts of what is ignored, one reject per refused native row."""
    declared = _kinds(channel)
    kinds: list[Kind | None] = [declared.get(name) for name in sheet.columns["kind"]]
    if None in kinds:
        for row, kind in enumerate(kinds):
            if kind is None:
                detail = "expected a kind documented for this channel (docs/channels.md)"
                sheet.reject(row, Reason.UNKNOWN_KIND, channel.kind_path, detail)
    origin = np.arange(sheet.length) if sheet.origin is None else sheet.origin
    rejects = {
        int(origin[r.row]): r._replace(row=int(origin[r.row])) for r in reversed(sheet.rejects)
    }
    keep = np.ones(sheet.length, dtype=bool)
    if rejects:
        keep &= ~np.isin(origin, list(rejects))
    ignored: Counter[str] = Counter()
    if any(kind is not None and kind.ignored for kind in kinds):
        for row, kind in enumerate(kinds):
            if kind is not None and kind.ignored and keep[row]:
                ignored[f"{channel.name}.{kind.name}"] += 1
                keep[row] = False
    chosen = kinds if keep.all() else [k for k, kept in zip(kinds, keep) if kept]
    part = sheet if keep.all() else _select(sheet, keep, origin)
    where = np.asarray(at, dtype=np.int64)[origin[keep]]
    if records.container is None:
        sources = where
    else:
        sources = np.asarray(records.container, dtype=np.int64)[where]
    batch = conform(
        part,
        channel,
        chosen,  # type: ignore[arg-type]
        [records.payloads[i] for i in where],
        records.arrived.take(pa.array(sources)),
    )
    return batch, ignored, list(rejects.values())


def _select(sheet: Sheet, keep: np.ndarray, origin: np.ndarray) -> Sheet:
    """The kept rows of a sheet."""
    part = Sheet(int(keep.sum()))
    part.origin = None if sheet.origin is None else origin[keep]
    mask = pa.array(keep)
    for name, values in sheet.columns.items():
        if isinstance(values, list):
            part.columns[name] = [v for v, kept in zip(values, keep) if kept]
        elif isinstance(values, np.ndarray):
            part.columns[name] = values[keep]
        elif isinstance(values, (pa.Array, pa.ChunkedArray)):
            part.columns[name] = values.filter(mask)
        else:
            part.columns[name] = values
    return part


def refuse(batch: pa.RecordBatch, channel: str) -> Decoded:
    """Every record of a batch as failed: its channel is unknown or could not be recognised."""
    if channel:
        detail = f"expected a registered channel (`moment channels`), found {channel!r}"
    else:
        detail = "no channel recognises these records; name one as channel=path"
    failures = [
        Failure(payload, position, arrived, "recognise", Reason.UNKNOWN_CHANNEL, "$", detail)
        for payload, position, arrived in zip(*(c.to_pylist() for c in batch.columns))
    ]
    failed = failed_batch(failures, batch.schema.metadata[b"input"].decode(), channel or None)
    return Decoded(_no_events(), failed, len(failures), 0, Counter())


def _no_events() -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist([], schema=NATIVE_EVENT)


def _kinds(channel: Channel) -> dict[str, Kind]:
    return {kind.name: kind for kind in channel.kinds}


class _DecodeBatches(beam.DoFn):
    def process(self, batch: pa.RecordBatch) -> Iterator[Any]:
        hours = arrival_hours(batch.column("arrived_time"))
        for hour in np.unique(hours):
            whole = bool((hours == hour).all())
            yield from self._of_hour(
                batch if whole else batch.filter(pa.array(hours == hour)), int(hour)
            )

    def _of_hour(self, batch: pa.RecordBatch, hour: int) -> Iterator[Any]:
        metadata = batch.schema.metadata
        input = metadata[b"input"].decode()
        name = metadata.get(b"channel", b"").decode()
        channel = registered_channels().get(name)
        decoded = decode(batch, channel) if channel else refuse(batch, name)
        counts = [
            ("received", decoded.received),
            ("decoded", decoded.decoded),
            ("failed", decoded.failed.num_rows),
            ("ignored", decoded.ignored.total()),
            ("events", decoded.ignored.total() + decoded.events.num_rows),
        ]
        yield beam.pvalue.TaggedOutput("counts", count_batch(input, hour, name, counts))
        if decoded.failed.num_rows:
            yield beam.pvalue.TaggedOutput("failed", decoded.failed)
        if decoded.events.num_rows:
            yield decoded.events.replace_schema_metadata({"name": "native_event", "input": input})


class Decode(beam.PTransform):
    """PAYLOAD batches → `events` (NATIVE_EVENT), `failed` (FAILED_EVENT) and `counts`."""

    def expand(self, payloads: beam.PCollection) -> beam.pvalue.DoOutputsTuple:
        return payloads | "DecodeBatches" >> beam.ParDo(_DecodeBatches()).with_output_types(
            pa.RecordBatch, failed=pa.RecordBatch, counts=pa.RecordBatch
        ).with_outputs("failed", "counts", main="events")
