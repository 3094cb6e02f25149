"""Decode: bytes as received to NATIVE_EVENT batches, failed events and counts for the balance."""

from __future__ import annotations

from collections import Counter
from itertools import compress
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from schemas.channel import Channel, Kind, Sheet
from schemas.conform import Kinds, conform
from schemas.event import NATIVE_EVENT
from schemas.failure import Reason, Reject
from transforms.failures import Failure, failed_batch
from transforms.records import Records, decoder_error, read_records

MOST_ALONE = 16
"""Records of a batch found one by one whose decoding raises; each costs a dozen halvings."""

_UNKNOWN = Kind("", ignored="not documented")


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
    records = read_records(batch, channel)
    events, ignored = _events(records, channel)
    input = batch.schema.metadata[b"input"].decode()
    failed = failed_batch(records.failures, input, channel.name)
    return Decoded(
        events=events,
        failed=failed,
        received=records.received,
        decoded=records.received - failed.num_rows,
        ignored=ignored,
    )


def _events(records: Records, channel: Channel) -> tuple[pa.RecordBatch, Counter[str]]:
    """Events of parsed rows; what a channel's code cannot take is narrowed down to its record."""
    rows = records.rows
    if not len(rows):
        return _no_events(), Counter()
    sheet = Sheet(len(rows))
    try:
        channel.fill(rows, sheet)
        batch, ignored, rejects = _conform(sheet, records, channel)
    except Exception as error:
        # A channel may be a third party's code. One record must not stop the others, nor the job:
        # halve until the record that does it is alone, and keep it with the error's name. Where
        # many do it the code is at fault, not the records, and the rest fail as they stand.
        many = sum(f.reason is Reason.DECODER_ERROR for f in records.failures) >= MOST_ALONE
        if len(rows) == 1 or many:
            for row in range(len(rows)):
                records.fail(row, *decoder_error(error))
            return _no_events(), Counter()
        left, left_ignored = _events(records.part(0, len(rows) // 2), channel)
        right, right_ignored = _events(records.part(len(rows) // 2, len(rows)), channel)
        merged = pa.Table.from_batches([left, right]).combine_chunks().to_batches()
        return (merged[0] if merged else _no_events()), left_ignored + right_ignored
    for reject in rejects:
        records.fail(reject.row, reject.reason, reject.path, reject.detail)
    return batch, ignored


def _conform(
    sheet: Sheet, records: Records, channel: Channel
) -> tuple[pa.RecordBatch, Counter[str], list[Reject]]:
    """Batch of what is accepted, counts of what is ignored, one reject per refused native row."""
    codes, kinds = _kinds(sheet, channel)
    origin = np.arange(sheet.length) if sheet.origin is None else sheet.origin
    rejects = {
        int(origin[r.row]): r._replace(row=int(origin[r.row])) for r in reversed(sheet.rejects)
    }
    keep = np.ones(sheet.length, dtype=bool)
    if rejects:
        keep &= ~np.isin(origin, list(rejects))
    ignored: Counter[str] = Counter()
    for code, kind in enumerate(kinds):
        if kind.ignored and (fate := keep & (codes == code)).any():
            ignored[f"{channel.name}.{kind.name}"] = int(fate.sum())
            keep &= ~fate
    rows = origin
    if not keep.all():
        sheet, codes, rows = _select(sheet, keep), codes[keep], origin[keep]
    return (
        conform(
            sheet,
            channel,
            Kinds(codes, kinds),
            lambda: [records.payload(row) for row in rows.tolist()],
            records.arrived_of(rows),
        ),
        ignored,
        list(rejects.values()),
    )


def _kinds(sheet: Sheet, channel: Channel) -> tuple[np.ndarray, list[Kind]]:
    """The kind of each row as a code into a list; undocumented kinds are rejected."""
    encoded = sheet.columns["kind"]
    if not isinstance(encoded, pa.DictionaryArray):
        encoded = pa.array(encoded, pa.string()).dictionary_encode()
    declared = {kind.name: kind for kind in channel.kinds}
    kinds = [declared.get(name, _UNKNOWN) for name in encoded.dictionary.to_pylist()]
    codes = encoded.indices.fill_null(len(kinds)).to_numpy(zero_copy_only=False)
    if encoded.indices.null_count:
        kinds.append(_UNKNOWN)
    if unknown := [code for code, kind in enumerate(kinds) if kind is _UNKNOWN]:
        detail = "expected a kind documented for this channel (docs/channels.md)"
        sheet.reject_where(np.isin(codes, unknown), Reason.UNKNOWN_KIND, channel.kind_path, detail)
    return codes, kinds


def _select(sheet: Sheet, keep: np.ndarray) -> Sheet:
    """The kept rows of a sheet."""
    part = Sheet(int(keep.sum()))
    part.origin = None if sheet.origin is None else sheet.origin[keep]
    mask, chosen = pa.array(keep), keep.tolist()
    for name, values in sheet.columns.items():
        if isinstance(values, list):
            part.columns[name] = list(compress(values, chosen))
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
        detail = "expected the name of a registered channel (`moment channels`), found another"
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
