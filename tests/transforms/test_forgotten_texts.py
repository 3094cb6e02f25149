"""Texts of places are forgotten when nobody names them any more."""

from __future__ import annotations

from datetime import timedelta

from schemas.identity import label_key
from tests.transforms.observations import numbered, said
from tests.transforms.stream import Stream
from transforms.observe import label_batch


def _content(day):
    return f"content of 2026-03-{day:02}"


def _name(stream, *texts):
    for family in stream.families:
        family.name(label_batch({label_key(text): text for text in texts}))


def _known(stream):
    return {text for family in stream.families for text in family.state.labels.values()}


def _contents_of_days(days, pace=timedelta(days=1)):
    """A stream in which each day has one content, named when it is heard; what families know after
    each day, of which one passes in `pace`."""
    stream, known = Stream(named=False), []
    for day in range(2, 2 + days):
        _name(stream, _content(day), "maison")
        stream.hear(*numbered([said(f"2026-03-{day:02}T10:00", content=_content(day))]))
        stream.reach(f"2026-03-{day + 1:02}T06:00").beat()
        stream.now += pace
        known.append(_known(stream))
    return stream, known


def test_the_text_of_a_content_is_forgotten_two_days_after_it_was_heard_of_last():
    _, known = _contents_of_days(5)

    assert [len(texts) for texts in known] == [2, 3, 3, 3, 3]
    assert known[-1] == {"maison", _content(5), _content(6)}


def test_of_a_backlog_read_at_a_day_a_second_texts_are_kept_for_ten_minutes():
    _, known = _contents_of_days(5, pace=timedelta(seconds=1))
    assert known[-1] == {"maison", *map(_content, range(2, 7))}

    _, known = _contents_of_days(5, pace=timedelta(minutes=10))
    assert known[-1] == {"maison", _content(5), _content(6)}


def test_a_figure_whose_deltas_are_on_their_way_while_days_pass_has_its_text_when_they_come():
    """Texts pass by the shards, where what they name waits for a beat, or longer in a queue."""
    stream, _ = _contents_of_days(2, pace=timedelta(seconds=1))
    _name(stream, _content(9))
    for day in (5, 6, 7):
        _name(stream, "maison")
        stream.hear(*numbered([said(f"2026-03-{day:02}T10:00", content=_content(3), id=100 + day)]))
        stream.reach(f"2026-03-{day + 1:02}T06:00").beat()
        stream.now += timedelta(seconds=1)

    stream.hear(*numbered([said("2026-03-09T10:00", content=_content(9), id=200)]))
    stream.reach("2026-03-10T06:00").beat()

    told = {(str(row["local_day"]), row["content_id"]) for row in stream.told}
    assert ("2026-03-09", _content(9)) in told


def test_a_text_is_kept_while_a_day_that_is_not_told_names_it():
    stream, _ = _contents_of_days(1)
    stream.hear(*numbered([said("2026-03-03T10:00", content=_content(2), id=9)]))
    for family in stream.families:
        family.state.named_before, family.state.named = set(), set()
    stream.beat()
    for family in stream.families:
        family.state.forget_texts(stream.now + timedelta(days=1))

    assert {"maison", _content(2)} <= _known(stream)
