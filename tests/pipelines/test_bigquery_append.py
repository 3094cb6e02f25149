"""Appending to BigQuery against a server of the same API that breaks as it is told to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pyarrow as pa
import pytest

from pipelines.sinks.bigquery.append import Appender, Patience, Refused
from pipelines.sinks.bigquery.clients import connect
from pipelines.sinks.bigquery.destination import Destination
from pipelines.sinks.bigquery.faults import RULES, Action, Fault, RowFault, SinkError
from pipelines.sinks.bigquery.requests import MOST_BYTES, Gatherer, cut, request
from tests.storage_write import MOST_REQUEST_BYTES, Answer, Request, StorageWrite

SCHEMA = pa.schema([pa.field("n", pa.int64(), False), pa.field("text", pa.string())])
TABLE = "projects/a-project/datasets/d/tables/t"
DEFAULT = f"{TABLE}/streams/_default"
QUICK = Patience(
    most_bytes=2000,
    reply_seconds=5,
    reconnect_seconds=30,
    back_off_seconds=60,
    propagate_seconds=600,
)


class Clock:
    """Time that passes only where somebody sleeps."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.pauses: list[float] = []

    def now(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.seconds += seconds


def rows(first: int, count: int, text: str = "what was said") -> pa.RecordBatch:
    return pa.record_batch(
        [pa.array(range(first, first + count), pa.int64()), [text] * count], schema=SCHEMA
    )


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def appender(server: StorageWrite, clock: Clock) -> Iterator[Callable[..., Appender]]:
    made: list[Appender] = []
    place = Destination("a-project", "d", "r", "http://nowhere", server.address)

    def make(stream: str = DEFAULT, patience: Patience = QUICK) -> Appender:
        made.append(
            Appender(
                stream,
                SCHEMA,
                lambda: connect(place, stream, SCHEMA.names),
                patience,
                stream != DEFAULT,
                clock.now,
                clock.sleep,
                lambda: 1.0,
            )
        )
        return made[-1]

    yield make
    for each in made:
        each.close()


def own_stream(server: StorageWrite) -> str:
    from tests.storage_write import Stream

    name = f"{TABLE}/streams/{len(server.streams):016x}"
    server.streams[name] = Stream(name)
    return name


def seen(server: StorageWrite) -> list[int]:
    """The numbers in the table, in order of writing."""
    table = server.table(TABLE)
    return table["n"].to_pylist() if table.num_columns else []


def held(server: StorageWrite, stream: str) -> list[int]:
    """The numbers in a pending stream."""
    return [n for batch in server.streams[stream].batches for n in batch["n"].to_pylist()]


def at(number: int, answer: Answer, times: int = 1) -> Callable[[Request], Answer | None]:
    """A plan: this answer to so many requests from that one on."""
    return lambda request: answer if number <= request.number < number + times else None


# Requests


def test_small_batches_travel_together_until_a_request_is_nearly_full():
    gatherer = Gatherer(most_bytes=2000)
    full = [piece for first in range(0, 300, 10) for piece in gatherer.add(rows(first, 10))]

    pieces = full + gatherer.rest()

    sizes = [pa.ipc.get_record_batch_size(piece) for piece in pieces]
    assert [n for piece in pieces for n in piece["n"].to_pylist()] == list(range(300))
    assert all(size <= 2000 for size in sizes)
    assert len(pieces) < 10
    assert gatherer.rest() == []


def test_a_large_batch_is_cut_into_slices_that_are_nearly_full():
    batch = rows(0, 400_000)

    pieces = list(cut(batch, MOST_BYTES))

    sizes = [pa.ipc.get_record_batch_size(piece) for piece in pieces]
    assert pa.concat_batches(pieces).equals(batch)
    assert all(0.9 * MOST_BYTES < size <= MOST_BYTES for size in sizes[:-1])
    assert len(request(pieces[0], DEFAULT, SCHEMA)) < MOST_REQUEST_BYTES


def test_rows_of_very_different_lengths_are_cut_to_the_limit_too():
    batch = pa.record_batch(
        [pa.array(range(50), pa.int64()), ["x" * (20_000 if n == 7 else 10) for n in range(50)]],
        schema=SCHEMA,
    )

    pieces = list(cut(batch, 2000))

    assert pa.concat_batches(pieces).equals(batch)
    assert [
        piece["n"].to_pylist() for piece in pieces if pa.ipc.get_record_batch_size(piece) > 2000
    ] == [[7]]


def test_batches_that_do_not_divide_a_request_fill_it_all_the_same():
    """Each is 0.4 of a request: two fit, and a part of the third."""
    gatherer = Gatherer(most_bytes=100_000)
    full = [piece for first in range(0, 30_000, 1000) for piece in gatherer.add(rows(first, 1000))]

    pieces = full + gatherer.rest()

    assert [n for piece in pieces for n in piece["n"].to_pylist()] == list(range(30_000))
    assert all(85_000 < pa.ipc.get_record_batch_size(piece) <= 100_000 for piece in full)


def test_an_empty_batch_is_no_request():
    assert Gatherer().add(rows(0, 0)) == []


# The rules


@pytest.mark.parametrize(
    ("code", "action"),
    [
        ("UNAVAILABLE", Action.RECONNECT),
        ("INTERNAL", Action.RECONNECT),
        ("ABORTED", Action.RECONNECT),
        ("DEADLINE_EXCEEDED", Action.RECONNECT),
        ("RESOURCE_EXHAUSTED", Action.BACK_OFF),
        ("NOT_FOUND", Action.FAIL),
        ("PERMISSION_DENIED", Action.FAIL),
        ("INVALID_ARGUMENT", Action.FAIL),
        ("OUT_OF_RANGE", Action.FAIL),
        ("A_CODE_OF_THE_FUTURE", Action.FAIL),
    ],
)
def test_each_code_has_one_action(code, action):
    assert Fault(code).rule(has_offsets=True).action is action


def test_already_there_is_a_success_only_where_offsets_were_given():
    assert Fault("ALREADY_EXISTS").rule(has_offsets=True).action is Action.DONE
    assert Fault("ALREADY_EXISTS").rule(has_offsets=False).action is Action.FAIL


def test_a_storage_error_says_more_than_the_code_it_comes_with():
    fault = Fault("INVALID_ARGUMENT", "SCHEMA_MISMATCH_EXTRA_FIELDS")

    assert fault.rule(has_offsets=False).action is Action.PROPAGATE


def test_rows_at_fault_split_the_request():
    fault = Fault("INVALID_ARGUMENT", rows=[RowFault(3, "FIELDS_ERROR", "n")])

    assert fault.rule(has_offsets=False).action is Action.SPLIT


def test_every_rule_that_can_end_in_an_error_says_what_to_do():
    assert all(rule.advice for rule in RULES.values() if rule.action is not Action.DONE)


# Without a fault


def test_every_row_is_written_once_and_the_schema_sent_once(server, appender):
    writer = appender()

    for first in range(0, 1000, 100):
        writer.append(rows(first, 100))

    assert writer.flush() == []
    assert seen(server) == list(range(1000))
    assert [request.has_schema for request in server.requests] == [True] + [False] * (
        len(server.requests) - 1
    )
    assert {request.offset for request in server.requests} == {None}
    assert server.connections == 1


def test_a_second_flush_uses_the_same_connection(server, appender):
    writer = appender()
    for first in (0, 10, 20):
        writer.append(rows(first, 10))
        writer.flush()

    assert (seen(server), server.connections) == (list(range(30)), 1)


def test_several_requests_are_in_flight_and_no_more_than_allowed(server, appender):
    """Each takes 50 ms to answer; 12 pieces four at a time need no more than twice three turns."""
    most = 0

    def plan(request: Request) -> Answer:
        return Answer(seconds=0.01)

    server.plan = plan
    writer = appender()
    for first in range(0, 1000, 100):
        writer.append(rows(first, 100))
        most = max(most, len(writer._sent))
    writer.flush()

    assert most == QUICK.in_flight
    assert seen(server) == list(range(1000))


def test_offsets_count_the_rows_of_an_own_stream(server, appender):
    stream = own_stream(server)
    writer = appender(stream)
    writer.append(rows(0, 200))
    writer.flush()

    offsets = [request.offset for request in server.requests]
    counts = [request.rows.num_rows for request in server.requests]
    assert offsets == [sum(counts[:number]) for number in range(len(counts))]
    assert (held(server, stream), writer.acknowledged) == (list(range(200)), 200)


def test_a_row_larger_than_a_request_is_given_back_and_the_others_are_written(server, appender):
    writer = appender()
    writer.append(rows(0, 3))
    writer.append(rows(3, 1, "x" * 20_000))
    writer.append(rows(4, 3))

    (refused,) = writer.flush()

    assert (refused.code, refused.row["n"].to_pylist()) == ("ROW_TOO_LARGE", [3])
    assert seen(server) == [0, 1, 2, 4, 5, 6]


# Faults on the default stream: nothing lost


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


# Rows at fault


@pytest.mark.parametrize("kind", ["default", "own"])
def test_rows_at_fault_are_given_back_and_all_others_written(server, appender, kind):
    bad = {13, 14, 77, 140}

    def plan(request: Request) -> Answer | None:
        wrong = [i for i, n in enumerate(request.rows["n"].to_pylist()) if n in bad]
        told = dict.fromkeys(wrong, "Field text: 'a secret value' is wrong")
        return Answer(code="INVALID_ARGUMENT", row_errors=told) if wrong else None

    server.plan = plan
    stream = own_stream(server) if kind == "own" else DEFAULT
    writer = appender(stream)
    writer.append(rows(0, 200))

    refused = writer.flush()

    assert {n for each in refused for n in each.row["n"].to_pylist()} == bad
    assert {(each.code, each.path) for each in refused} == {("FIELDS_ERROR", "text")}
    there = held(server, stream) if kind == "own" else seen(server)
    assert sorted(there) == [n for n in range(200) if n not in bad]
    assert writer.flush() == []


def test_a_request_of_nothing_but_rows_at_fault_is_given_back_whole(server, appender):
    server.plan = lambda request: Answer(
        code="INVALID_ARGUMENT", row_errors=dict.fromkeys(range(request.rows.num_rows), "no")
    )
    writer = appender()
    writer.append(rows(0, 3))

    assert [each.row["n"].to_pylist() for each in writer.flush()] == [[0], [1], [2]]
    assert seen(server) == []


# Streams of our own: nothing lost and nothing twice


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
