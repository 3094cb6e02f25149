"""The oracle: SQL's figures are those of plain Python over the same lines."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from datetime import datetime, timedelta, timezone
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb
import pyarrow.parquet as pq
import pytest

from benchmarks.oracle import (
    expected_figures,
    oracle_events,
    oracle_metrics,
    oracle_metrics_only,
)
from schemas.event import EVENT

UTC = timezone.utc
PARIS = ZoneInfo("Europe/Paris")
SHOW = datetime(2026, 3, 14, 22, 50, tzinfo=UTC)
"""Ten minutes before midnight in Paris."""


def track(
    message: str,
    at: datetime = SHOW,
    user: str | None = "m1",
    event: str = "Video Content Playing",
    content: str = "live-1",
    late: timedelta = timedelta(0),
    skew: timedelta = timedelta(0),
    granted: bool = True,
) -> dict:
    """A track received `late` after it happened, by a device whose clock is wrong by `skew`."""
    return {
        "type": "track",
        "event": event,
        "messageId": message,
        "anonymousId": None,
        "userId": user,
        "originalTimestamp": instant(at + skew),
        "sentAt": instant(at + late + skew),
        "receivedAt": instant(at + late),
        "context": {
            "page": {"path": "/live"},
            "locale": "fr-FR",
            "consent": {"categoryPreferences": {"Analytics": granted}},
        },
        "properties": {"content_asset_id": content, "position": 10},
    }


def instant(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def write(folder: Path, tracks: list[dict]) -> str:
    file = folder / "tracks.ndjson"
    file.write_text("".join(json.dumps(t) + "\n" for t in tracks), encoding="utf-8")
    return str(file)


def crowd() -> list[dict]:
    """Two hundred events of 23 people on 3 contents around midnight, ten of them sent twice."""
    tracks = [
        track(
            message=f"message-{number}",
            at=SHOW + timedelta(seconds=6 * number),
            user=f"m{number * 7 % 23}" if number % 11 else None,
            event="Product Reviewed" if number % 3 == 0 else "Video Content Playing",
            content=f"live-{number % 5 % 3}",
            late=timedelta(seconds=number % 40),
            skew=timedelta(hours=number % 4 - 2),
        )
        for number in range(190)
    ]
    return tracks + tracks[40:50]


def by_hand(tracks: list[dict]) -> dict[tuple, dict[str, int]]:
    """People figures of (grouping set, window kind, start, content), in plain Python."""
    acts: dict[tuple, list[tuple[str | None, bool]]] = defaultdict(list)
    for call in {call["messageId"]: call for call in tracks}.values():
        received, sent, created = (
            datetime.fromisoformat(call[name].replace("Z", "+00:00"))
            for name in ("receivedAt", "sentAt", "originalTimestamp")
        )
        happened = received - (sent - created)
        civil = happened.astimezone(PARIS)
        reviewed = call["event"] == "Product Reviewed"
        content = "/live" if reviewed else call["properties"]["content_asset_id"]
        for window, start in (
            ("minute", happened.replace(second=0, microsecond=0)),
            ("hour", happened.replace(minute=0, second=0, microsecond=0)),
            ("day", civil.replace(hour=0, minute=0, second=0, microsecond=0).astimezone(UTC)),
        ):
            for grouping in ("total", "channel", "content", "content_channel"):
                key = (grouping, window, start, content if "content" in grouping else None)
                acts[key].append((call["userId"], reviewed))
    figures = {}
    for key, rows in acts.items():
        of_person = Counter(person for person, reviewed in rows if person and reviewed)
        figures[key] = {
            "events": len(rows),
            "watched_ms": 10_000 * sum(not reviewed for _, reviewed in rows),
            "viewers": len({person for person, _ in rows if person}),
            "engagers": len(of_person),
            "actions": sum(of_person.values()),
            "action_squares": sum(n * n for n in of_person.values()),
        }
    return figures


def people_rows(rows: list[dict]) -> dict[tuple, dict[str, int]]:
    names = ("events", "watched_ms", "viewers", "engagers", "actions", "action_squares")
    return {
        (r["grouping_set"], r["window_kind"], r["window_start"].astimezone(UTC), r["content_id"]): {
            name: int(r[name]) for name in names
        }
        for r in rows
        if r["item"] is None
    }


def figure(rows: list[dict], metric: str, grouping: str, window: str) -> list[tuple]:
    return [
        (r["numerator"], r["denominator"])
        for r in rows
        if (r["metric"], r["grouping_set"], r["window_kind"]) == (metric, grouping, window)
    ]


def test_metrics_of_two_hundred_events_are_those_counted_by_hand(tmp_path):
    tracks = crowd()

    rows = oracle_metrics_only(write(tmp_path, tracks)).to_pylist()

    expected = by_hand(tracks)
    assert len(tracks) == 200
    assert len(expected) > 100
    assert people_rows(rows) == expected


def test_metrics_read_from_the_written_events_are_the_same(tmp_path):
    path = write(tmp_path, crowd())

    oracle_metrics(path, str(tmp_path / "out"), threads=2)

    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    file = str(tmp_path / "out" / "metrics.parquet")
    rows = connection.sql(f"FROM '{file}'").to_arrow_table().to_pylist()
    only = oracle_metrics_only(path).to_pylist()
    assert people_rows(rows) == people_rows(only)
    assert sorted(str(r) for r in rows if r["item"]) == sorted(str(r) for r in only if r["item"])


def test_an_item_has_its_count_and_its_authors(tmp_path):
    path = write(
        tmp_path,
        [
            track("a", event="Product Reviewed", user="m1"),
            track("b", event="Product Reviewed", user="m1"),
            track("c", event="Product Reviewed", user=None),
            track("d", event="Product Shared", user="m2"),
        ],
    )

    rows = oracle_metrics_only(path).to_pylist()

    items = {
        r["item"]: (r["count"], r["authors"])
        for r in rows
        if r["item"] and (r["grouping_set"], r["window_kind"]) == ("total", "day")
    }
    assert items == {"comment": (3, 1), "share": (1, 1)}


def test_figures_are_numerators_and_denominators(tmp_path):
    path = write(
        tmp_path,
        [
            track("a", user="m1", at=SHOW),
            track("b", user="m2", at=SHOW + timedelta(seconds=10)),
            track("c", user="m1", at=SHOW + timedelta(minutes=1), event="Product Reviewed"),
            track("d", user="m1", at=SHOW + timedelta(minutes=1), event="Product Reviewed"),
            track("e", user="m3", at=SHOW + timedelta(minutes=2), event="Product Shared"),
        ],
    )

    rows = expected_figures(path).to_pylist()

    assert figure(rows, "events", "channel", "hour") == [(5, None)]
    assert figure(rows, "reach", "total", "hour") == [(3, None)]
    assert figure(rows, "average_minute_audience", "total", "hour") == [(20_000, 60_000)]
    assert figure(rows, "average_minute_audience", "total", "minute") == [
        (20_000, 60_000),
        (0, 60_000),
        (0, 60_000),
    ]
    assert figure(rows, "engagement_rate_actions", "total", "hour") == [(3, 3)]
    assert figure(rows, "engagement_rate_engagers", "total", "hour") == [(2, 3)]
    assert figure(rows, "interaction_mix", "total", "hour") == [(2, 3), (1, 3)]
    assert figure(rows, "events", "content", "hour") == []
    assert figure(rows, "reach", "brand", "hour") == []


def test_a_device_clock_wrong_by_a_constant_is_put_right(tmp_path):
    path = write(tmp_path, [track("a", at=SHOW, skew=timedelta(days=3), late=timedelta(minutes=9))])

    oracle_events(path, str(tmp_path / "events.parquet"))

    [row] = pq.read_table(tmp_path / "events.parquet").to_pylist()
    assert row["event_time"] == SHOW
    assert row["time_basis"] == "derived"
    assert row["device_created_time"] == SHOW + timedelta(days=3)
    assert row["collected_time"] == SHOW + timedelta(minutes=9)


def test_of_copies_with_other_clocks_the_earliest_counts(tmp_path):
    path = write(
        tmp_path,
        [track("a", at=SHOW + timedelta(minutes=1)), track("a", at=SHOW, user="m2", content="x")],
    )

    rows = oracle_metrics_only(path).to_pylist()

    by_content = people_rows(rows)
    assert [key for key in by_content if key[:2] == ("content", "minute")] == [
        ("content", "minute", SHOW, "x")
    ]


def test_the_hour_and_the_day_are_those_of_the_property(tmp_path):
    # 23:00 UTC is midnight in Paris: the next civil day.
    path = write(tmp_path, [track("a", at=SHOW), track("b", at=SHOW + timedelta(minutes=10))])

    rows = people_rows(oracle_metrics_only(path).to_pylist())

    days = sorted(
        start for grouping, window, start, _ in rows if (grouping, window) == ("total", "day")
    )
    assert days == [
        datetime(2026, 3, 13, 23, tzinfo=UTC),
        datetime(2026, 3, 14, 23, tzinfo=UTC),
    ]


def test_refused_consent_leaves_no_event_and_no_figure(tmp_path):
    path = write(tmp_path, [track("a", granted=False), track("b", user="m2")])

    oracle_events(path, str(tmp_path / "events.parquet"))

    ids = pq.read_table(tmp_path / "events.parquet")["source_event_id"].to_pylist()
    assert ids == ["b"]
    assert figure(expected_figures(path).to_pylist(), "reach", "total", "day") == [(1, None)]


def test_events_have_columns_of_the_unified_schema_and_no_raw_identifier(tmp_path):
    path = write(tmp_path, [track("a", user="alice@example.com")])

    oracle_events(path, str(tmp_path / "events.parquet"))

    table = pq.read_table(tmp_path / "events.parquet")
    assert set(table.column_names) - set(EVENT.names) == {"route", "user_agent"}
    [row] = table.to_pylist()
    assert len(row["event_id"]) == len(row["actor_id"]) == len(row["route"]) == 16
    assert row["actor_id"] != row["route"]
    assert "alice" not in str(row)


def test_a_kind_without_a_rule_is_an_error(tmp_path):
    path = write(tmp_path, [track("a", event="Order Completed")])

    with pytest.raises(duckdb.Error, match="no rule for this kind of track"):
        oracle_metrics_only(path)
