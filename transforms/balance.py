"""Balance: counts from every door added up, and both equations of "nothing lost" checked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa

from schemas.balance import BALANCE, BALANCE_COUNT, EVENT_OUTCOMES, OUTCOMES
from schemas.identity import label_key
from transforms.stamps import Stamps

BalanceKey = tuple[int, int, int, str]
"""Label key of input, arrival hour, label key of channel, outcome."""

UNKNOWN = "unknown"
HOUR_US = 3_600_000_000
_LABEL, _STAMPED = b"label:", b"stamped"


def arrival_hours(arrived: pa.Array) -> np.ndarray:
    """Hours since the epoch of a timestamp column."""
    return arrived.cast(pa.int64()).to_numpy() // HOUR_US


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


def sum_by_hour(counts: Iterable[pa.RecordBatch]) -> Iterator[tuple[int, pa.RecordBatch]]:
    """BALANCE_COUNT batches added up: (hour of arrival, the rows of it), each with all texts."""
    tally = Tally()
    for batch in counts:
        tally.add(batch)
    for summed in tally.counted():
        hours = summed.column("arrival_hour").to_numpy()
        for hour in np.unique(hours).tolist():
            yield hour, summed.filter(pa.array(hours == hour))


class Tally:
    """add(counts) … rows(now) → BALANCE rows of what was counted since rows were last asked for.

    A row waits for the texts of its input and channel: in a stream, what is decided about events
    may be counted before what was read. Of two rows of a place the newest holds: rows are of later
    times than those before, though the clock was set back or is another machine's.
    """

    def __init__(self) -> None:
        self._stamps = Stamps()
        self._labels: dict[int, str] = {}
        self._counts: dict[tuple[int, int, int], Counter[str]] = {}
        self._changed: set[tuple[int, int, int]] = set()

    def add(self, counts: pa.RecordBatch) -> None:
        """Take a BALANCE_COUNT batch; texts of label keys are in its metadata."""
        for name, text in (counts.schema.metadata or {}).items():
            if name.startswith(_LABEL):
                self._labels[int(name[len(_LABEL) :])] = text.decode()
            elif name == _STAMPED:
                self._stamps = Stamps(int(text))
        for row in counts.to_pylist():
            place = (row["input"], row["arrival_hour"], row["channel"])
            self._counts.setdefault(place, Counter())[row["outcome"]] += row["count"]
            self._changed.add(place)

    def rows(self, now: datetime) -> pa.RecordBatch:
        """BALANCE batch, a row an input, arrival hour and channel, `balanced` checked."""
        named = self._named()
        self._changed -= named
        if named:
            now = self._stamps.next(now)
        rows = [self._row(place, now) for place in named]
        rows.sort(key=lambda row: (row["input"], row["arrival_hour"], row["channel"]))
        return pa.RecordBatch.from_pylist(rows, schema=BALANCE)

    def written(self) -> None:
        """What was added so far was written before, but for what still waits for its texts."""
        self._changed -= self._named()

    def _named(self) -> set[tuple[int, int, int]]:
        return {p for p in self._changed if p[0] in self._labels and p[2] in self._labels}

    @property
    def unnamed(self) -> int:
        """Places that were counted and whose texts never came."""
        return len(self._changed)

    def _row(self, place: tuple[int, int, int], now: datetime) -> dict[str, Any]:
        input, hour, channel = place
        counts = self._counts[place]
        closed = counts["received"] == counts["decoded"] + counts["failed"]
        closed &= counts["events"] == sum(counts[outcome] for outcome in EVENT_OUTCOMES)
        return {
            "input": self._labels[input],
            "arrival_hour": hour * HOUR_US,
            "channel": self._labels[channel],
            "balanced": closed,
            "published_time": now,
            **{outcome: counts[outcome] for outcome in OUTCOMES},
        }

    def memory(self) -> list[pa.RecordBatch]:
        """One BALANCE_COUNT batch of everything that was counted, the last time in its metadata."""
        stamped = {_STAMPED: str(self._stamps.last).encode()}
        return [
            batch.replace_schema_metadata({**batch.schema.metadata, **stamped})
            for batch in self.counted()
        ]

    def counted(self) -> list[pa.RecordBatch]:
        """One BALANCE_COUNT batch of all that was counted, texts in its metadata; or none."""
        if not self._counts:
            return []
        outcomes = Counter(
            {
                (*place, outcome): n
                for place, counts in self._counts.items()
                for outcome, n in counts.items()
            }
        )
        labels = {f"label:{key}": text for key, text in self._labels.items()}
        batch = outcome_batch(outcomes)
        return [batch.replace_schema_metadata({**(batch.schema.metadata or {}), **labels})]


def balance(batches: Iterable[pa.RecordBatch], now: datetime) -> pa.RecordBatch:
    """BALANCE batch of all counts, `published_time` now.

    `events` counts what decoding made; accepted and duplicate are counted where they are decided,
    withheld where consent is read: the equation closes only if nothing was lost on the way. Raises
    ValueError where the texts of a count are missing: it could not be written down.
    """
    tally = Tally()
    for batch in batches:
        tally.add(batch)
    rows = tally.rows(now)
    if tally.unnamed:
        raise ValueError(
            f"balance: expected the texts of every input and channel that was counted, found none"
            f" for {tally.unnamed} rows: count what is read with `count_batch`"
        )
    return rows
