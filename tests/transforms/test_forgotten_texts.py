"""Texts of places are forgotten when nobody names them any more."""

from __future__ import annotations

from schemas.identity import label_key
from tests.transforms.observations import numbered, said
from tests.transforms.stream import Stream
from transforms.observe import label_batch


def _contents_of_days(days):
    """A stream in which each day has one content, named when it is heard; what families know."""
    stream, known = Stream(named=False), []
    for day in range(2, 2 + days):
        content = f"content of 2026-03-{day:02}"
        for family in stream.families:
            family.name(label_batch({label_key(text): text for text in (content, "maison")}))
        stream.hear(*numbered([said(f"2026-03-{day:02}T10:00", content=content)]))
        stream.reach(f"2026-03-{day + 1:02}T06:00").beat()
        known.append({t for f in stream.families for t in f.state.labels.values()})
    return stream, known


def test_the_text_of_a_content_is_forgotten_two_days_after_it_was_heard_of_last():
    _, known = _contents_of_days(5)

    assert [len(texts) for texts in known] == [2, 3, 3, 3, 3]
    assert known[-1] == {"maison", "content of 2026-03-05", "content of 2026-03-06"}


def test_a_text_is_kept_while_a_day_that_is_not_told_names_it():
    stream, _ = _contents_of_days(1)
    stream.hear(*numbered([said("2026-03-03T10:00", content="content of 2026-03-02", id=9)]))
    for number in range(3):
        stream.families[number].state.named_before = set()
        stream.families[number].state.named = set()
    stream.beat()
    for family in stream.families:
        family.state.forget_labels()

    texts = [set(family.state.labels.values()) for family in stream.families]
    assert {"maison", "content of 2026-03-02"} <= set().union(*texts)
