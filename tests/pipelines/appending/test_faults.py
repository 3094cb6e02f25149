"""Faults on the default stream: nothing is lost."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pipelines.sinks.bigquery.faults import SinkError
from tests.pipelines.appending.rows import (
    QUICK,
    at,
    rows,
    seen,
)
from tests.storage_write import Answer


@pytest.mark.parametrize("code", ["UNAVAILABLE", "INTERNAL", "ABORTED", "CANCELLED", "UNKNOWN"])
@pytest.mark.parametrize("ends", [False, True], ids=["answered", "ended"])
def test_a_passing_fault_loses_nothing(server, appender, code, ends):
    server.plan = at(3, Answer(code=code, ends=ends))
    writer = appender()
    writer.append(rows(0, 500))
    writer.flush()

    assert sorted(set(seen(server))) == list(range(500))
    assert server.connections == 2


def test_an_answered_fault_writes_nothing_twice(server, appender):
    server.plan = at(3, Answer(code="INTERNAL"))
    writer = appender()
    writer.append(rows(0, 500))
    writer.flush()

    assert sorted(seen(server)) == list(range(500))


def test_a_lost_reply_on_the_default_stream_may_write_rows_twice_and_never_loses_one(
    server, appender
):
    server.plan = at(0, Answer(takes=True, ends=True))
    writer = appender()
    writer.append(rows(0, 20))
    writer.flush()

    assert seen(server) == [*range(20), *range(20)]


def test_an_outage_is_waited_for_with_growing_pauses(server, appender, clock):
    server.plan = at(0, Answer(code="UNAVAILABLE", ends=True), times=5)
    writer = appender()
    writer.append(rows(0, 20))
    writer.flush()

    assert clock.pauses == [0.0, 0.5, 1.0, 2.0, 4.0]
    assert seen(server) == list(range(20))


def test_an_outage_without_end_is_one_sentence(server, appender, clock):
    server.plan = at(0, Answer(code="UNAVAILABLE", ends=True), times=1000)
    writer = appender()
    writer.append(rows(0, 20))

    with pytest.raises(SinkError) as raised:
        writer.flush()

    assert str(raised.value) == (
        "expected to append to the BigQuery table a-project.d.t, found UNAVAILABLE for "
        f"{clock.seconds:.0f} s: look at the network and at status.cloud.google.com"
    )
    assert 30 <= clock.seconds < 60


def test_exhausted_quota_is_backed_off_from_on_the_same_connection(server, appender, clock):
    server.plan = at(1, Answer(code="RESOURCE_EXHAUSTED"), times=6)
    writer = appender()
    writer.append(rows(0, 200))
    writer.flush()

    assert sorted(seen(server)) == list(range(200))
    assert server.connections == 1
    assert len(clock.pauses) >= 2
    assert clock.pauses[0] > 0


def test_a_first_request_refused_for_quota_is_sent_again_with_its_schema(server, appender):
    """It may have been refused before anybody looked at it."""
    server.plan = at(0, Answer(code="RESOURCE_EXHAUSTED"))
    writer = appender()
    writer.append(rows(0, 20))
    writer.flush()
    writer.append(rows(20, 20))
    writer.flush()

    assert seen(server) == list(range(40))
    assert [request.has_schema for request in server.requests] == [True, True, False]
    assert server.connections == 1


def test_a_quota_that_stays_exhausted_is_one_sentence(server, appender, clock):
    server.plan = at(0, Answer(code="RESOURCE_EXHAUSTED"), times=10_000)
    writer = appender()
    writer.append(rows(0, 20))

    with pytest.raises(SinkError, match=r"found RESOURCE_EXHAUSTED for \d+ s: ask for more"):
        writer.flush()
    assert 60 <= clock.seconds < 120


def test_a_reply_that_does_not_come_ends_the_connection_and_is_asked_for_again(server, appender):
    server.plan = at(0, Answer(silent=True))
    writer = appender(patience=replace(QUICK, reply_seconds=0.2))
    writer.append(rows(0, 20))
    writer.flush()

    assert (set(seen(server)), server.connections) == (set(range(20)), 2)


def test_slow_replies_are_waited_for(server, appender):
    server.plan = lambda request: Answer(seconds=0.05)
    writer = appender()
    writer.append(rows(0, 200))
    writer.flush()

    assert (seen(server), server.connections) == (list(range(200)), 1)


def test_a_connection_that_ended_while_idle_is_replaced_without_a_fault(server, appender, clock):
    writer = appender()
    writer.append(rows(0, 10))
    writer.flush()
    server.plan = lambda request: None
    writer._connection.close()
    while not writer._connection.ended:
        pass
    writer.append(rows(10, 10))
    writer.flush()

    assert (seen(server), server.connections, clock.pauses) == (list(range(20)), 2, [])


@pytest.mark.parametrize(
    ("code", "advice"),
    [
        ("NOT_FOUND", "create it with `moment tables apply`, or correct --output"),
        ("PERMISSION_DENIED", "grant this account BigQuery Data Editor on the dataset"),
        ("UNAUTHENTICATED", "renew the credentials of this account"),
        ("INVALID_ARGUMENT", "compare the table's columns with those of `moment tables`"),
    ],
)
@pytest.mark.parametrize("ends", [False, True], ids=["answered", "ended"])
def test_what_trying_again_does_not_mend_is_one_sentence_at_once(
    server, appender, clock, code, advice, ends
):
    server.plan = at(0, Answer(code=code, ends=ends))
    writer = appender()
    writer.append(rows(0, 20))

    with pytest.raises(SinkError) as raised:
        writer.flush()

    assert str(raised.value) == (
        f"expected to append to the BigQuery table a-project.d.t, found {code}: {advice}"
    )
    assert clock.pauses == []


def test_no_message_of_the_service_is_passed_on(server, appender):
    server.plan = at(0, Answer(code="INVALID_ARGUMENT"))
    writer = appender()
    writer.append(rows(0, 20))

    with pytest.raises(SinkError) as raised:
        writer.flush()

    assert "secret" not in str(raised.value)


def test_a_column_not_yet_known_everywhere_is_waited_for(server, appender, clock):
    """Nine minutes long every server that is asked has not heard of it."""
    server.plan = lambda request: (
        Answer(code="INVALID_ARGUMENT", storage_code="SCHEMA_MISMATCH_EXTRA_FIELDS")
        if clock.seconds < 540
        else None
    )
    writer = appender()
    writer.append(rows(0, 20))
    writer.flush()

    assert seen(server) == list(range(20))
    # A connection keeps the schema that it began with, so each try has its own.
    assert server.connections == len(clock.pauses) + 1


def test_a_column_that_stays_unknown_is_one_sentence(server, appender, clock):
    server.plan = lambda request: Answer(
        code="INVALID_ARGUMENT", storage_code="SCHEMA_MISMATCH_EXTRA_FIELDS"
    )
    writer = appender()
    writer.append(rows(0, 20))

    with pytest.raises(SinkError, match=r"found SCHEMA_MISMATCH_EXTRA_FIELDS for 6\d\d s: add"):
        writer.flush()
