"""Balance: counts from every door added up, and both equations of "nothing lost" checked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import apache_beam as beam
import numpy as np
import pyarrow as pa

from schemas.balance import BALANCE, BALANCE_COUNT, EVENT_OUTCOMES, OUTCOMES
from schemas.identity import label_key

BalanceKey = tuple[int, int, int, str]
"""Label key of input, arrival hour, label key of channel, outcome."""

UNKNOWN = "unknown"
_HOUR_US = 3_600_000_000


def arrival_hours(arrived: pa.Array) -> np.ndarray:
    """Hours since the epoch of a timestamp column."""
    return arrived.cast(pa.int64()).to_numpy() // _HOUR_US


def count_batch(
    input: str, arrival_hour: int, channel: str, counts: Sequence[tuple[str, int]]
) -> pa.RecordBatch:
    """BALANCE_COUNT batch of outcomes of one input, hour and channel, texts in its metadata."""
    keys = {label_key(text): text for text in (input, channel or UNKNOWN)}
    rows: Counter[BalanceKey] = Counter()
    for outcome, count in counts:
        rows[label_key(input), int(arrival_hour), label_key(channel or UNKNOWN), outcome] += count
    batch = outcome_batch(rows)
    labels = {f"label:{key}": text for key, text in keys.items()}
    return batch.replace_schema_metadata({"name": "balance_count", **labels})


def count_events(events: pa.RecordBatch, input: str, outcome: str) -> pa.RecordBatch:
    """BALANCE_COUNT batch of the rows of an event batch (columns ingested_time, channel)."""
    hours = arrival_hours(events.column("ingested_time"))
    rows: Counter[BalanceKey] = Counter()
    for hour, channel in zip(hours.tolist(), events.column("channel").to_pylist()):
        rows[label_key(input), hour, label_key(channel), outcome] += 1
    return outcome_batch(rows)


def outcome_batch(outcomes: Counter[BalanceKey]) -> pa.RecordBatch:
    """BALANCE_COUNT batch of counted outcomes."""
    return pa.RecordBatch.from_pylist(
        [
            {"input": i, "arrival_hour": h, "channel": c, "outcome": outcome, "count": count}
            for (i, h, c, outcome), count in outcomes.items()
        ],
        schema=BALANCE_COUNT,
    )


def balance(batches: Iterable[pa.RecordBatch]) -> pa.RecordBatch:
    """BALANCE batch of all counts, a row an input, arrival hour and channel, `balanced` checked.

    `events` counts what decoding made; accepted and duplicate are counted where they are decided,
    withheld where consent is read: the equation closes only if nothing was lost on the way.
    """
    labels: dict[int, str] = {}
    table: dict[tuple[int, int, int], Counter[str]] = {}
    for batch in batches:
        for name, text in (batch.schema.metadata or {}).items():
            if name.startswith(b"label:"):
                labels[int(name[len(b"label:") :])] = text.decode()
        for row in batch.to_pylist():
            place = (row["input"], row["arrival_hour"], row["channel"])
            table.setdefault(place, Counter())[row["outcome"]] += row["count"]
    rows = []
    for (input, hour, channel), counts in table.items():
        closed = counts["received"] == counts["decoded"] + counts["failed"]
        closed &= counts["events"] == sum(counts[outcome] for outcome in EVENT_OUTCOMES)
        rows.append(
            {
                "input": labels[input],
                "arrival_hour": hour * _HOUR_US,
                "channel": labels[channel],
                "balanced": closed,
                **{outcome: counts[outcome] for outcome in OUTCOMES},
            }
        )
    rows.sort(key=lambda row: (row["input"], row["arrival_hour"], row["channel"]))
    return pa.RecordBatch.from_pylist(rows, schema=BALANCE)


class Balance(beam.PTransform):
    """BALANCE_COUNT batches of all stages → one BALANCE batch."""

    def expand(self, counts: beam.PCollection) -> beam.PCollection:
        return (
            counts
            | "ToOnePlace" >> beam.WithKeys(0).with_output_types(tuple[int, pa.RecordBatch])
            | "GroupCounts" >> beam.GroupByKey()
            | "SumCounts" >> beam.MapTuple(_sum_counts).with_output_types(pa.RecordBatch)
        )


def _sum_counts(key: int, batches: Iterable[pa.RecordBatch]) -> pa.RecordBatch:
    return balance(batches)
