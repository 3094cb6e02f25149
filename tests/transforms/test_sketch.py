"""Sketches of days and places: what they hold, and how little room equal ones take."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import pytest

from schemas.coder import Packed
from schemas.partial import BOTH, GROUPINGS
from tests.transforms.observations import PARIS
from transforms import sketch
from transforms.calendar import local_windows
from transforms.measures.people import People, nobody
from transforms.partials import split_by_family
from transforms.sketch import sketch_people
from transforms.statistics.theta import sketch_of

HOUR = 29_532_000
"""Minutes since the epoch: 2026-02-24, 09:00 in Paris."""


def present(people: int, contents: int, channels: int, brands: int = 1) -> People:
    """People who are at one place each, gross and valid alike, an hour apart and over two days."""
    person = np.arange(people)
    presence = {
        "actor": 1 + person,
        "content": 1 + person % contents,
        "brand": 1 + person % brands,
        "channel": 1 + person // contents % channels,
        "valid": np.ones(people, dtype=np.int8),
        "hour": (HOUR + 60 * (person % 30)).astype(np.int32),
        "seen": np.ones(people, dtype=np.uint64),
        "alive": np.zeros(people, dtype=np.uint64),
        "fresh": np.zeros(people, dtype=np.uint64),
        "period": np.zeros(people, dtype=np.int16),
    }
    return People(presence, nobody().actions)


def slowly(people: People) -> dict[tuple, bytes]:
    """(grouping, content, brand, channel, day) → the sketch of the set of those who are there."""
    there: dict[tuple, set[int]] = defaultdict(set)
    rows = {name: column.tolist() for name, column in people.presence.items()}
    days = local_windows(people.presence["hour"].astype(np.int64), PARIS)[0].tolist()
    for row, day in enumerate(days):
        for number, dimensions in enumerate(GROUPINGS):
            place = [
                rows[name][row] if name in dimensions else 0
                for name in ("content", "brand", "channel")
            ]
            there[(number, *place, day)].add(rows["actor"][row])
    return {key: sketch_of(np.array(sorted(actors))) for key, actors in there.items()}


@pytest.mark.parametrize(("channels", "brands"), [(1, 1), (3, 1), (1, 2), (3, 2)])
def test_each_place_and_day_has_the_sketch_of_its_people_however_sets_part_the_rows(
    channels, brands
):
    people = present(600, contents=5, channels=channels, brands=brands)

    rows = sketch_people(people, PARIS).to_pylist()

    assert {row["traffic"] for row in rows} == {BOTH}
    assert len(rows) == len(slowly(people))
    names = ("grouping", "content", "brand", "channel", "start")
    assert {tuple(row[name] for name in names): row["people"] for row in rows} == slowly(people)


def test_sets_that_part_rows_alike_are_sketched_once(monkeypatch):
    """With one channel and one brand, contents are parted twice, and the whole four times."""
    counted = []
    monkeypatch.setattr(sketch, "sketch_of", lambda actors: counted.append(1) or sketch_of(actors))

    sketches = sketch_people(present(600, contents=5, channels=1), PARIS)

    days = 2
    assert sketches.num_rows == (4 + 2 * 5) * days
    assert len(counted) == (1 + 5) * days


@pytest.mark.parametrize("coded", [Packed.pack, Packed.keep])
def test_a_sketch_crosses_the_shuffle_once_a_family_however_many_sets_have_it(coded):
    """Of 30,000 people all are full: 32 KB of hashes, which nothing makes smaller."""
    sketches = sketch_people(present(30_000, contents=3, channels=1), PARIS)
    families = [part for _, part in split_by_family(sketches, families=8)]
    each_once = [sum(map(len, set(part.column("people").to_pylist()))) for part in families]

    crossing = [len(coded(part).encoded) for part in families]

    assert sum(part.num_rows for part in families) == 20
    assert sum(each_once) > 10 * 32_000
    assert sum(crossing) < 1.1 * sum(each_once)


def test_nobody_there_is_no_sketch():
    assert sketch_people(nobody(), PARIS).num_rows == 0
