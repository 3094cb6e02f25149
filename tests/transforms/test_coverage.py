"""Coverage: how much of what should be heard was heard, minute by minute, drawn."""

import numpy as np
import pytest

from schemas.identity import label_key
from schemas.partial import GROUPING_NAMES, WINDOWS
from transforms.coverage import SILENCE_RATE, coverage_of

MINUTE, DAY = WINDOWS.index("minute"), WINDOWS.index("day")

# Events of each channel in some minutes of one day; the coverage expected of the total's minutes.
# A channel's weight is its share of the day's events: site 60 of 180 is a third.
CASES = {
    "all were heard": (
        {"app": (30, 30, 30, 30), "site": (20, 20, 20, 20)},
        (1, 1, 1, 1),
    ),
    "a channel of a third of the day was silent for a minute": (
        {"app": (30, 30, 30, 30), "site": (20, 0, 20, 20)},
        (1, 2 / 3, 1, 1),
    ),
    "the greater channel was silent": (
        {"app": (30, 0, 30, 60), "site": (20, 20, 10, 10)},
        (1, 1 / 3, 1, 1),
    ),
    "a channel so rare that its silence may be chance misses nothing": (
        {"app": (30, 30, 30, 30), "site": (9, 0, 9, 9)},
        (1, 1, 1, 1),
    ),
    "one event more a minute, and its silence is no chance": (
        {"app": (30, 30, 30, 30), "site": (10, 0, 9, 9)},
        (1, 1 - 28 / 148, 1, 1),
    ),
    "two of three were silent": (
        {"app": (40, 40, 40, 40), "site": (40, 0, 40, 40), "mail": (40, 0, 40, 40)},
        (1, 0.4, 1, 1),
    ),
    "a channel is not missed before it begins or after it ends": (
        {"app": (30, 30, 30, 30), "site": (0, 30, 0, 0)},
        (1, 1, 1, 1),
    ),
    "but in between it is": (
        {"app": (30, 30, 30, 30, 30), "site": (0, 30, 0, 30, 0)},
        (1, 1, 1 - 60 / 210, 1, 1),
    ),
    "a channel that was silent all day has no weight to miss": (
        {"app": (30, 30, 30, 30), "site": (0, 0, 0, 0)},
        (1, 1, 1, 1),
    ),
}


def _people(channels, parent="total", child="channel", content=0, brand=0):
    """Rows about people of a place and its channels: minutes and their day."""
    rows = []
    minutes = np.array(list(channels.values())).sum(axis=0)
    for grouping, key, events in [
        (parent, 0, minutes),
        *((child, label_key(name), events) for name, events in channels.items()),
    ]:
        rows += [(grouping, key, MINUTE, n, count) for n, count in enumerate(events)]
        rows.append((grouping, key, DAY, 20_514, sum(events)))
    names = ("grouping", "channel", "window", "start", "events")
    frame = dict(zip(names, (np.array(column) for column in zip(*rows))))
    frame["grouping"] = np.array([GROUPING_NAMES.index(g) for g in frame["grouping"]])
    count = len(rows)
    return frame | {
        "content": np.full(count, content),
        "brand": np.full(count, brand),
        "traffic": np.zeros(count, dtype=np.int64),
        "day_of": np.full(count, 20_514),
    }


@pytest.mark.parametrize(("channels", "expected"), CASES.values(), ids=CASES)
@pytest.mark.parametrize(
    "place",
    [
        {},
        {"parent": "brand", "child": "brand_channel", "brand": 7},
        {"parent": "content", "child": "content_channel", "content": 7},
    ],
    ids=["total", "brand", "content"],
)
def test_a_silent_channel_takes_its_share_of_the_day_from_the_minute(channels, expected, place):
    covered = coverage_of(_people(channels, **place))

    assert covered[: len(expected)] == pytest.approx(expected)
    assert covered[len(expected)] == 1


def test_a_channel_s_own_coverage_is_one_where_it_was_heard_and_zero_where_not():
    covered = coverage_of(_people({"app": (30, 30, 30, 30), "site": (20, 0, 20, 20)}))

    assert covered[5:].tolist() == [1, 1, 1, 1, 1, 1, 0, 1, 1, 1]


def test_coverage_of_one_place_does_not_look_at_another():
    quiet = _people(
        {"app": (30, 30, 30, 30), "site": (20, 0, 20, 20)}, "content", "content_channel", 1
    )
    loud = _people(
        {"app": (30, 30, 30, 30), "site": (20, 20, 20, 20)}, "content", "content_channel", 2
    )
    both = {name: np.concatenate([quiet[name], loud[name]]) for name in quiet}

    half = len(quiet["events"])
    assert coverage_of(both)[:4] == pytest.approx([1, 2 / 3, 1, 1])
    assert coverage_of(both)[half : half + 4].tolist() == [1, 1, 1, 1]


def test_the_rate_above_which_silence_is_no_chance_is_one_in_a_thousand():
    assert np.exp(-SILENCE_RATE) == pytest.approx(0.001, rel=0.01)


def test_no_rows_have_no_coverage():
    nothing = {name: values[:0] for name, values in _people({"app": (1, 1, 1, 1)}).items()}

    assert coverage_of(nothing).tolist() == []
