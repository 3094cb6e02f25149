"""What is read for a day is all that its figures rest on: as if every event had been read."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from pipelines.local_day import local_day
from pipelines.sources.day_events import day_events, protected_events
from schemas.event import EVENT
from tests.laws import examples
from tests.transforms.events import event
from transforms.attend import Attend
from transforms.calendar import day_bounds
from transforms.derive_windows import DAY
from transforms.observe import observe
from transforms.partials import by_traffic, sum_partials
from transforms.rules import AttendRules

ZONE = "Europe/Paris"
MONDAY = date(2026, 3, 2)
MONDAY_NUMBER = (MONDAY - date(1970, 1, 1)).days
MIDNIGHT = datetime(2026, 3, 1, 23, 0, tzinfo=timezone.utc)
"""Monday begins in Paris."""
NOW = datetime(2026, 3, 9, tzinfo=timezone.utc)


def written(dataset: Path, rows: list[dict[str, Any]]) -> Path:
    """A dataset of these events, a file a day UTC."""
    for day in {row["event_time"].date() for row in rows}:
        folder = dataset / "events" / f"day={day}"
        folder.mkdir(parents=True)
        own = [row for row in rows if row["event_time"].date() == day]
        pq.write_table(pa.Table.from_pylist(own, EVENT), folder / "part-0.parquet")
    return dataset


def said(number: int, hours: float, person: int, **columns: Any) -> dict[str, Any]:
    """Event `number`, so many hours after Monday began; in the table, so of pseudonyms."""
    at = MIDNIGHT + timedelta(hours=hours)
    row = event(
        columns.pop("action", "view"),
        event_id=number.to_bytes(16, "big"),
        event_time=at,
        collected_time=at,
        actor_id=None if person == 0 else bytes([person]) * 16,
        actor_key_id=None if person == 0 else "k",
    )
    row |= {"ingested_time": at} | columns
    return {name: row.get(name) for name in EVENT.names}


def sums(batches: list[pa.RecordBatch]) -> set[tuple[Any, ...]]:
    """What is counted of Monday, before few people are suppressed: all that figures are made of."""
    attend = Attend(AttendRules(ZONE))
    for batch in batches:
        attend.add(observe(batch, ZONE, "events")[0])
    first, last = (int(bound.timestamp()) // 60 for bound in day_bounds(MONDAY_NUMBER, ZONE))
    rows = sum_partials([by_traffic(attend.emit().partials)]).to_pylist()
    return {
        tuple(row.values())
        for row in rows
        if (row["start"] == MONDAY_NUMBER if row["window"] == DAY else first <= row["start"] < last)
    }


def everything(dataset: Path) -> list[pa.RecordBatch]:
    """The obvious way: all events of all days."""
    files = sorted((dataset / "events").rglob("*.parquet"))
    return [protected_events(b) for f in files for b in pq.ParquetFile(f).iter_batches()]


def read(dataset: Path) -> list[int]:
    """Numbers of the events that are read for Monday."""
    found = day_events(dataset, local_day(MONDAY, ZONE))
    return sorted(
        int.from_bytes(each, "big") for b in found for each in b.column("event_id").to_pylist()
    )


def test_of_earlier_days_one_event_a_person_and_place_is_read(tmp_path):
    dataset = written(
        tmp_path,
        [said(n, -30 + n, person=1) for n in range(1, 6)]
        + [said(6, -20, person=2), said(7, -20, person=2, channel="other"), said(8, 10, person=1)],
    )

    assert read(dataset) == [5, 6, 7, 8]


def test_of_later_days_only_what_changes_an_earlier_fact_is_read(tmp_path):
    fact, another = b"f" * 16, b"g" * 16
    dataset = written(
        tmp_path,
        [
            said(1, 10, 1, action="like", fact_id=fact, revision=1),
            said(2, 30, 1, action="like", fact_id=fact, revision=2, op="retract"),
            said(3, 31, 1, action="like", fact_id=another, revision=1),
            said(4, 32, 1),
        ],
    )

    assert read(dataset) == [1, 2]


def test_a_copy_that_arrived_first_is_read_wherever_it_says_that_it_happened(tmp_path):
    dataset = written(tmp_path, [said(1, 30, 1), said(1, 10, 1, ingested_time=NOW), said(2, 11, 2)])

    assert read(dataset) == [1, 1, 2]


def test_a_heartbeat_just_before_midnight_is_read_whole(tmp_path):
    beats = [
        said(n, -minutes / 60, 1, action="heartbeat", heartbeat_ms=30_000)
        for n, minutes in enumerate((3, 2, 1), 1)
    ]

    assert read(written(tmp_path, beats)) == [1, 2, 3]


def test_a_column_is_what_the_events_table_has(tmp_path):
    row = said(1, 10, 1, text="hello", rating_value=0.5, retention_until=date(2027, 3, 2))
    (batch,) = day_events(written(tmp_path, [row]), local_day(MONDAY, ZONE))

    assert batch.drop_columns(["route"]).to_pylist() == [row]


_ROWS = st.lists(
    st.tuples(
        st.integers(1, 12),  # id: few, so that there are copies
        st.sampled_from([-30.0, -20.0, -1.5, -0.01, 0.0, 5.0, 12.5, 23.99, 24.0, 25.0, 40.0]),
        st.integers(0, 3),
        st.sampled_from(["view", "heartbeat", "like", "comment", "send"]),
        st.sampled_from([None, b"f" * 16, b"g" * 16]),
        st.sampled_from(["insert", "update", "retract"]),
        st.sampled_from(["app", "shop"]),
        st.sampled_from(["valid", "givt"]),
        st.integers(0, 3),  # hours until it arrived
    ),
    min_size=1,
    max_size=14,
)


@examples(30, suppress_health_check=[HealthCheck.too_slow])
@given(_ROWS)
def test_a_days_sums_are_those_of_all_events(tmp_path_factory, rows):
    dataset = written(
        tmp_path_factory.mktemp("dataset"),
        [
            said(
                number,
                hours,
                person,
                action=action,
                fact_id=fact,
                revision=None if fact is None else int(hours * 100) + 10_000,
                op=op,
                channel=channel,
                ivt_class=ivt,
                heartbeat_ms=600_000 if action == "heartbeat" else None,
                ingested_time=MIDNIGHT + timedelta(hours=hours + delay),
            )
            for number, hours, person, action, fact, op, channel, ivt, delay in rows
        ],
    )

    assert sums(list(day_events(dataset, local_day(MONDAY, ZONE)))) == sums(everything(dataset))


@pytest.mark.parametrize(
    ("day", "partitions"),
    [
        (date(2026, 3, 2), ["2026-03-01", "2026-03-02"]),
        (date(2026, 3, 29), ["2026-03-28", "2026-03-29"]),
    ],
    ids=["winter", "the clock goes forward"],
)
def test_a_local_day_has_a_part_of_these_days_utc(day, partitions):
    assert [str(each) for each in local_day(day, ZONE).partitions] == partitions
    assert local_day(day, "UTC").partitions == [day]
