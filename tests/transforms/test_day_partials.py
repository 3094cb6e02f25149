"""Day partials: which rows of a day roll up, and what is in them."""

from __future__ import annotations

from datetime import date, datetime, timezone

import pytest

from schemas.day_partial import DAY_PARTIAL
from tests.transforms.observations import PARIS, label_batch, numbered, observations, said
from transforms.accumulate import Accumulate
from transforms.attend import Attend
from transforms.partials import split_by_family
from transforms.rules import AttendRules, PublishRules
from transforms.statistics.theta import EMPTY, people_in

NOW = datetime(2026, 3, 3, 12, 0, tzinfo=timezone.utc)
TOTALS = 0


def partials(*rows, family=TOTALS, epoch=0):
    """Rows of a family's days, by what identifies them."""
    machine = Attend(AttendRules(PARIS))
    machine.add(observations(numbered(rows)))
    accumulate = Accumulate(PublishRules(PARIS, ("app",), epoch), totals_family=family == TOTALS)
    accumulate.name(label_batch())
    for number, deltas in split_by_family(machine.emit().partials, 1):
        if number == family:
            accumulate.add(deltas)
    for number, sketches in split_by_family(machine.sketches(), 1):
        if number == family:
            accumulate.sketch(sketches)
    batch = accumulate.day_partials(NOW)
    assert batch.schema.equals(DAY_PARTIAL, check_metadata=True)
    return {
        (str(row["local_day"]), row["grouping_set"], row["channel"], row["item"], row["traffic"]): (
            row
        )
        for row in batch.to_pylist()
    }


def test_a_day_has_its_people_as_a_sketch_and_what_adds_as_numbers():
    found = partials(
        said("10:00", "ana", "heartbeat", value=20_000, period=20_000),
        said("11:00", "ana", "like"),
        said("12:00", "ben", "view", channel="site"),
        epoch=3,
    )

    total = found["2026-03-02", "total", None, None, "valid"]
    assert people_in(total.pop("people")) == (2, 2, 2)
    assert total == {
        "local_day": date(2026, 3, 2),
        "grouping_set": "total",
        "channel": None,
        "content_id": None,
        "brand_id": None,
        "item": None,
        "traffic": "valid",
        "events": 3,
        "heartbeat_events": 1,
        "watched_ms": 20_000,
        "actions": 1,
        "item_count": 0,
        "item_positive": 0,
        "item_negative": 0,
        "epoch": 3,
        "published_time": NOW,
    }
    assert people_in(found["2026-03-02", "channel", "site", None, "valid"]["people"]).value == 1


def test_a_row_of_an_item_has_its_counts_alone():
    found = partials(
        said("10:00", "ana", "rate:csat", value=1_000_000),
        said("10:01", "ben", "rate:csat", value=0),
        said("10:02", "cléo", "rate:csat", value=500_000),
    )

    row = found["2026-03-02", "total", None, "csat", "gross"]
    assert (row["item_count"], row["item_positive"], row["item_negative"]) == (3, 1, 1)
    assert (row["events"], row["actions"], row["people"]) == (0, 0, EMPTY)


def test_a_day_on_which_people_were_only_written_to_has_nobody():
    found = partials(said("10:00", "ana", "send"))

    row = found["2026-03-02", "total", None, None, "gross"]
    assert (row["events"], row["people"]) == (1, EMPTY)


def test_automata_are_in_gross_alone():
    found = partials(said("10:00", "ana"), said("10:00", "ben", valid=False))

    reach = {
        traffic: people_in(found["2026-03-02", "total", None, None, traffic]["people"]).value
        for traffic in ("gross", "valid")
    }
    assert reach == {"gross": 2, "valid": 1}


def test_days_are_those_of_the_property():
    found = partials(said("22:59", "ana"), said("23:01", "ben"))

    assert {key[0] for key in found} == {"2026-03-02", "2026-03-03"}


@pytest.mark.parametrize("family", [0, 1])
def test_totals_and_channels_are_in_one_family_contents_and_brands_in_another(family):
    found = partials(said("10:00"), family=family)

    assert {key[1] for key in found} == (
        {"total", "channel"}
        if family == TOTALS
        else {"brand", "brand_channel", "content", "content_channel"}
    )


def test_of_nothing_there_is_nothing():
    assert partials() == {}
