"""Publish: figures as METRIC rows that say everything needed to judge them."""

from __future__ import annotations

from datetime import date, datetime, timezone

import pyarrow as pa
import pytest

from schemas.metric import KEY, METRIC, UNCERTAINTY_KINDS, VALUE_KINDS
from tests.transforms.observations import NOW, measure, numbered, observations, said, unsuppressed
from transforms.measures import DICTIONARY


def _rows(*said_rows, time_zone="Europe/Paris", **of):
    with unsuppressed():
        metrics = measure(observations(numbered(said_rows), time_zone), time_zone=time_zone)
    assert metrics.schema.equals(METRIC)
    rows = metrics.to_pylist()
    return [row for row in rows if all(row[name] == value for name, value in of.items())]


def _utc(text):
    return datetime.fromisoformat(text).replace(tzinfo=timezone.utc)


REACH = {"metric": "reach", "grouping_set": "total", "traffic": "gross"}


def test_a_row_says_what_when_of_whom_how_sure_and_since_when():
    (row,) = _rows(said("10:07", id=1), window_kind="day", **REACH)

    assert row == {
        "metric": "reach",
        "definition_version": "1.0.0",
        "grouping_set": "total",
        "window_kind": "day",
        "window_start": _utc("2026-03-01T23:00"),
        "window_end": _utc("2026-03-02T23:00"),
        "local_day": date(2026, 3, 2),
        "channel": None,
        "content_id": None,
        "brand_id": None,
        "item": None,
        "traffic": "gross",
        "value": 1.0,
        "value_kind": "count",
        "unit": "people",
        "numerator": 1.0,
        "denominator": None,
        "interval_low": 1.0,
        "interval_high": 1.0,
        "interval_method": "exact count of actor keys",
        "uncertainty_kind": "census",
        "n": 1,
        "coverage": 1.0,
        "dedup_basis": row["dedup_basis"],
        "suppressed_reason": None,
        "epoch": 0,
        "revision": 0,
        "cause": "first",
        "published_time": NOW,
    }


@pytest.mark.parametrize(
    ("zone", "at", "kind", "start", "end", "day"),
    [
        (
            "Europe/Paris",
            "2026-03-02T10:07:30",
            "minute",
            "2026-03-02T10:07",
            "2026-03-02T10:08",
            2,
        ),
        ("Europe/Paris", "2026-03-02T10:07:30", "hour", "2026-03-02T10:00", "2026-03-02T11:00", 2),
        ("Europe/Paris", "2026-03-02T23:30", "hour", "2026-03-02T23:00", "2026-03-03T00:00", 3),
        ("Asia/Kolkata", "2026-03-02T10:07:30", "hour", "2026-03-02T09:30", "2026-03-02T10:30", 2),
        ("Asia/Kolkata", "2026-03-02T20:00", "day", "2026-03-02T18:30", "2026-03-03T18:30", 3),
        ("Europe/Paris", "2026-03-29T10:00", "day", "2026-03-28T23:00", "2026-03-29T22:00", 29),
    ],
)
def test_windows_are_those_of_the_property_s_zone(zone, at, kind, start, end, day):
    (row,) = _rows(said(at), time_zone=zone, window_kind=kind, **REACH)

    assert (row["window_start"], row["window_end"]) == (_utc(start), _utc(end))
    assert row["local_day"] == date(2026, 3, day)


def test_the_day_of_twenty_five_hours_is_one_window():
    (row,) = _rows(said("2026-10-25T12:00"), window_kind="day", **REACH)

    assert (row["window_end"] - row["window_start"]).total_seconds() == 25 * 3600


def test_dimensions_are_set_where_the_grouping_has_them():
    rows = _rows(said("10:00"), metric="reach", window_kind="day", traffic="gross")

    assert {
        row["grouping_set"]: (row["content_id"], row["brand_id"], row["channel"]) for row in rows
    } == {
        "total": (None, None, None),
        "channel": (None, None, "app"),
        "brand": (None, "maison", None),
        "brand_channel": (None, "maison", "app"),
        "content": ("live", None, None),
        "content_channel": ("live", None, "app"),
    }


def test_items_are_named_without_the_prefix_of_ratings():
    rows = _rows(
        said("10:00", signal="like"),
        said("10:00", signal="rate:csat", value=750_000),
        window_kind="day",
        grouping_set="total",
        traffic="gross",
    )

    assert {row["item"] for row in rows if row["metric"] == "interaction_mix"} == {"like"}
    assert {row["item"] for row in rows if row["metric"] == "csat"} == {"csat"}
    assert {row["item"] for row in rows if row["metric"] == "reach"} == {None}


def test_a_figure_that_cannot_be_measured_is_a_row_with_the_reason():
    (row,) = _rows(
        said("10:00", signal="comment"),
        metric="comments_per_like",
        window_kind="day",
        grouping_set="total",
        traffic="gross",
    )

    assert (row["value"], row["numerator"], row["n"]) == (None, None, 0)
    assert (row["uncertainty_kind"], row["suppressed_reason"]) == ("unmeasurable", "no_likes")


def test_no_key_is_published_twice():
    rows = _rows(
        *(
            said(f"{h}:00", a, s)
            for h in ("10", "23")
            for a in ("ana", "")
            for s in ("view", "like")
        )
    )
    keys = [tuple(row[name] for name in KEY) for row in rows]

    assert len(set(keys)) == len(keys)


def test_no_row_is_without_its_uncertainty_and_an_interval_contains_its_value():
    rows = _rows(
        *(said("10:00:20", f"{n}", "heartbeat", period=30_000, value=30_000) for n in range(5)),
        *(said("10:00", f"{n}", "rate:nps", value=900_000) for n in range(3)),
        *(said("10:00", f"{n}", "like") for n in range(3)),
        said("10:00", "1", "comment"),
    )

    assert rows
    for row in rows:
        assert row["uncertainty_kind"] in UNCERTAINTY_KINDS
        assert row["value_kind"] in VALUE_KINDS
        assert (row["value"] is None) == (row["suppressed_reason"] is not None)
        if None not in (row["value"], row["interval_low"], row["interval_high"]):
            assert row["interval_low"] <= row["value"] <= row["interval_high"], row["metric"]


def test_required_columns_are_never_null():
    with unsuppressed():
        metrics = measure(observations(numbered([said("10:00"), said("10:01", signal="like")])))

    for field in METRIC:
        assert field.nullable or metrics.column(field.name).null_count == 0, field.name


def test_every_definition_is_complete_and_named_once():
    names = [m.name for m in DICTIONARY]

    assert len(set(names)) == len(names)
    for definition in DICTIONARY:
        for text in ("title", "unit", "formula", "interval_method", "additivity", "source"):
            assert getattr(definition, text).strip(), (definition.name, text)
    assert isinstance(METRIC, pa.Schema)
