"""Streams of our own: nothing lost and nothing twice."""

from __future__ import annotations

import pytest

from pipelines.sinks.bigquery.append import Refused
from pipelines.sinks.bigquery.faults import SinkError
from tests.pipelines.appending.rows import (
    TABLE,
    at,
    held,
    own_stream,
    rows,
    seen,
)
from tests.storage_write import Answer


@pytest.mark.parametrize("number", range(5))
@pytest.mark.parametrize(
    "answer",
    [
        Answer(code="UNAVAILABLE", ends=True),
        Answer(takes=True, ends=True),
        Answer(takes=True, code="INTERNAL"),
        Answer(code="RESOURCE_EXHAUSTED"),
        Answer(code="ABORTED"),
        Answer(code="INTERNAL", takes=True, ends=True),
    ],
    ids=["broken", "reply lost", "taken but failed", "quota", "aborted", "taken and broken"],
)
def test_whatever_breaks_each_row_is_there_once_and_in_order(server, appender, number, answer):
    stream = own_stream(server)
    server.plan = at(number, answer)
    writer = appender(stream)
    writer.append(rows(0, 300))
    writer.flush()

    assert held(server, stream) == list(range(300))
    assert writer.acknowledged == 300


def test_a_gap_in_a_stream_that_nothing_explains_is_an_error(server, appender):
    server.plan = at(0, Answer(code="OUT_OF_RANGE"))
    writer = appender(own_stream(server))
    writer.append(rows(0, 20))

    with pytest.raises(SinkError, match=r"found OUT_OF_RANGE: the bundle writes a new stream"):
        writer.flush()


def test_a_stream_that_is_gone_is_an_error_of_its_bundle(server, appender):
    writer = appender(f"{TABLE}/streams/{'f' * 16}")
    writer.append(rows(0, 20))

    with pytest.raises(SinkError, match=r"^expected to append .* found NOT_FOUND"):
        writer.flush()


def test_after_an_error_nothing_of_the_bundle_is_left_to_be_written(server, appender):
    server.plan = at(0, Answer(code="NOT_FOUND"))
    writer = appender()
    writer.append(rows(0, 20))
    with pytest.raises(SinkError):
        writer.flush()

    assert writer.flush() == []
    assert seen(server) == []


def test_faults_without_pattern_lose_nothing(server, appender):
    """Every third request meets another fault, for as long as there are requests."""
    faults = [
        Answer(code="UNAVAILABLE", ends=True),
        Answer(code="RESOURCE_EXHAUSTED"),
        Answer(takes=True, ends=True),
        Answer(code="INTERNAL"),
        Answer(seconds=0.01),
    ]
    server.plan = lambda request: (
        faults[request.number // 3 % len(faults)] if request.number % 3 == 0 else None
    )
    stream = own_stream(server)
    ours, default = appender(stream), appender()
    for first in range(0, 1000, 100):
        ours.append(rows(first, 100))
        default.append(rows(first, 100))
    ours.flush()
    default.flush()

    assert held(server, stream) == list(range(1000))
    assert set(seen(server)) == set(range(1000))


def test_refused_rows_say_nothing_of_what_is_in_them():
    assert list(Refused.__dataclass_fields__) == ["row", "code", "path"]
