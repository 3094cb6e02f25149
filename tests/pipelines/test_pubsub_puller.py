"""One puller of Pub/Sub and a broker that is only pretended: bounds, leases, refusals, restarts."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from google.api_core.exceptions import (
    DeadlineExceeded,
    NotFound,
    PermissionDenied,
    ServiceUnavailable,
    Unauthenticated,
)

from pipelines.sources.pubsub.puller import Puller
from pipelines.sources.pubsub.settings import PullSettings
from pipelines.sources.streaming import StreamSettings

PATH = "projects/example/subscriptions/viewers"
SECOND = 1_000_000


class Pretended:
    """A subscription of numbered messages without end; `fault` is raised by every pull."""

    def __init__(self) -> None:
        self.fault: Exception | None = None
        self.skew = 0.0
        self.left, self.pause = 10**9, 0.0
        self.given = self.pulls = self.probes = 0
        self.away = False
        self.deadline = 1
        self.acknowledged: list[str] = []
        self.requests: list[int] = []
        self.extended: list[tuple[str, int]] = []

    def pull(self, subscription: str, max_messages: int, timeout: float, retry: None) -> Any:
        self.pulls += 1
        time.sleep(self.pause)
        if self.fault is not None:
            raise self.fault
        count = min(max_messages, self.left)
        if not count:
            time.sleep(0.05)
            raise DeadlineExceeded("nothing came")
        self.left -= count
        numbers = range(self.given + 1, self.given + count + 1)
        self.given += count
        found = [SimpleNamespace(ack_id=str(n), message=self._message(n)) for n in numbers]
        return SimpleNamespace(_pb=SimpleNamespace(received_messages=found))

    def _message(self, number: int) -> Any:
        return SimpleNamespace(
            data=b"{}",
            message_id=str(number),
            publish_time=SimpleNamespace(seconds=int(time.time() + self.skew), nanos=0),
            attributes={},
        )

    def acknowledge(self, request: dict, timeout: float, retry: None) -> None:
        if self.away:
            raise ServiceUnavailable("away")
        self.acknowledged += request["ack_ids"]
        self.requests.append(len(request["ack_ids"]))

    def modify_ack_deadline(self, request: dict, timeout: float, retry: None) -> None:
        seconds = request["ack_deadline_seconds"]
        self.extended += [(one, seconds) for one in request["ack_ids"]]

    def get_subscription(self, subscription: str, timeout: float, retry: None) -> Any:
        self.probes += 1
        if self.fault is not None:
            raise self.fault
        return SimpleNamespace(ack_deadline_seconds=self.deadline)


@pytest.fixture
def broker() -> Pretended:
    return Pretended()


@pytest.fixture
def puller_of(broker: Pretended) -> Iterator[Callable[..., Puller]]:
    made: list[Puller] = []

    def make(stream: StreamSettings | None = None, **pulls: Any) -> Puller:
        given = {"most_unacknowledged": 100, "messages_a_pull": 30, **pulls}
        where, stream = "Pub/Sub", stream or StreamSettings()
        made.append(Puller(broker, PATH, where, stream, PullSettings(**given)))
        return made[-1]

    yield make
    for puller in made:
        puller.close()


@pytest.fixture
def leases_end(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Sets the puller's clock ahead by a lease, when it is called."""
    ahead = [0]
    real = "pipelines.sources.pubsub.puller.now_microseconds"
    monkeypatch.setattr(real, lambda: time.time_ns() // 1000 + ahead[0])

    def leap() -> None:
        ahead[0] += 30 * SECOND

    return leap


def take_all(puller: Puller, call: Any) -> int:
    """Take until nothing comes; how many messages came."""
    count = 0
    while (found := puller.take(call, 0.3)) is not None:
        count += len(found.payloads)
    return count


def take_for_ever(puller: Puller) -> None:
    while True:
        puller.take(puller.begin("first"), 0.1)


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < deadline, "not within 10 s"
        time.sleep(0.02)


def test_without_checkpoints_pulling_stops_when_it_is_full_and_that_is_recorded(broker, puller_of):
    puller = puller_of()
    call = puller.begin("first")

    assert take_all(puller, call) == 100
    assert puller.report().basis == "full"
    pulls = broker.pulls
    assert take_all(puller, puller.begin(call.following)) == 0

    assert (broker.pulls, broker.given, broker.acknowledged) == (pulls, 100, [])


def test_two_checkpoints_later_it_is_acknowledged_and_pulling_goes_on(broker, puller_of):
    puller = puller_of()
    call = puller.begin("first")
    take_all(puller, call)
    puller.final(call)
    second = puller.begin(call.following)
    assert broker.acknowledged == []

    puller.final(second)

    until(lambda: sorted(map(int, broker.acknowledged)) == list(range(1, 101)))
    assert take_all(puller, puller.begin(second.following)) == 100


def test_between_calls_it_pulls_on_until_so_many_bytes_wait(broker, puller_of):
    """A payload has two bytes and a pull brings thirty: the third is the one that ends it."""
    puller = puller_of(most_unacknowledged=1_000, bytes_ahead=150)

    puller.take(puller.begin("first"), 1)

    until(lambda: broker.given == 30 + 90)
    time.sleep(0.3)
    assert broker.given == 120


def test_what_waits_for_a_call_is_within_what_may_be_unacknowledged(broker, puller_of):
    puller = puller_of(most_unacknowledged=100)

    puller.take(puller.begin("first"), 1)

    until(lambda: broker.given == 100)
    time.sleep(0.3)
    assert broker.given == 100


def test_what_waits_for_a_call_that_does_not_come_is_given_back_and_no_more_is_pulled(
    broker, puller_of
):
    """A worker may outlive its runner, and another one waits for what it holds."""
    puller = puller_of(most_unacknowledged=1_000, bytes_ahead=150, uncalled_seconds=1.0)
    call = puller.begin("first")
    puller.take(call, 1)

    until(lambda: len(broker.extended) == 90)
    time.sleep(1.5)

    assert broker.extended == [(str(number), 0) for number in range(31, 121)]
    assert (broker.given, puller.outstanding) == (120, 30)
    assert puller.take(puller.begin(call.following), 1).payloads
    assert puller.outstanding == 60


def test_pulling_ends_where_nobody_calls_though_there_is_room(broker, puller_of):
    """Else a pull that is on its way whenever the others are given back would go on for ever."""
    broker.pause = 0.05
    puller = puller_of(most_unacknowledged=100_000, uncalled_seconds=0.5)
    puller.take(puller.begin("first"), 1)

    time.sleep(2.5)

    given = broker.given
    time.sleep(1.0)
    assert broker.given == given == 30 + len(broker.extended)


def test_what_several_pulls_brought_is_acknowledged_in_one_request(broker, puller_of):
    puller = puller_of()
    call = puller.begin("first")
    take_all(puller, call)
    puller.final(call)

    puller.final(puller.begin(call.following))

    until(lambda: len(broker.acknowledged) == 100)
    assert (broker.pulls, broker.requests) == (4, [100])


def test_what_a_broker_was_not_there_to_hear_is_acknowledged_when_it_is_back(
    broker, puller_of, monkeypatch
):
    """Also after the lease: the broker may have extended it, and would deliver again much later."""
    monkeypatch.setattr("pipelines.sources.pubsub.puller.FIRST_LEASE", 500_000)
    puller = puller_of(lease_seconds=10)
    broker.left, broker.away = 5, True
    call = puller.begin("first")
    take_all(puller, call)
    puller.final(call)
    puller.final(puller.begin(call.following))
    time.sleep(2.2)
    assert broker.acknowledged == []

    broker.away = False

    until(lambda: broker.acknowledged == ["1", "2", "3", "4", "5"])


def test_what_is_held_is_extended_and_what_is_acknowledged_is_not(broker, puller_of, monkeypatch):
    monkeypatch.setattr("pipelines.sources.pubsub.puller.FIRST_LEASE", 1_000_000)
    puller = puller_of(lease_seconds=20)
    broker.left = 5
    call = puller.begin("first")
    take_all(puller, call)

    until(lambda: len(broker.extended) == 5)
    time.sleep(1.2)

    assert broker.extended == [(str(number), 20) for number in range(1, 6)]


def test_a_call_with_another_ticket_gives_back_what_was_not_acknowledged(broker, puller_of):
    """The runner went back to a checkpoint, or moved the element here."""
    puller = puller_of()
    broker.left = 5
    take_all(puller, puller.begin("first"))

    puller.begin("of an older checkpoint")

    until(lambda: broker.extended == [(str(number), 0) for number in range(1, 6)])
    assert puller.outstanding == 0


@pytest.mark.parametrize(
    ("fault", "advice"),
    [
        (NotFound("gone"), "there is no such subscription: create it, or correct its path"),
        (PermissionDenied("no"), "this account may not read it: grant it the roles"),
        (Unauthenticated("no"), "the credentials are not accepted: renew them"),
    ],
)
def test_a_refusal_lasts_its_time_and_then_fails_the_bundle(broker, puller_of, fault, advice):
    puller = puller_of(most_refused_seconds=0.5)
    broker.fault = fault
    began = time.monotonic()

    with pytest.raises(ConnectionError) as refused:
        take_for_ever(puller)

    assert str(refused.value).startswith(
        f"expected to read the Pub/Sub subscription {PATH}, found {type(fault).__name__}: {advice}"
    )
    assert 0.5 <= time.monotonic() - began < 5
    assert broker.pulls < 10


def test_an_outage_is_waited_for_and_nothing_is_lost(broker, puller_of):
    puller = puller_of()
    broker.fault = ServiceUnavailable("away")
    call = puller.begin("first")
    assert puller.take(call, 0.5) is None
    assert 1 <= broker.probes < 10

    broker.fault = None

    until(lambda: puller.take(call, 0.3) is not None)
    broker.fault = ServiceUnavailable("away again")
    take_all(puller, call)
    assert broker.given == puller.outstanding


def test_an_outage_too_long_fails_the_bundle(broker, puller_of):
    puller = puller_of(most_outage_seconds=0.3)
    broker.fault = ServiceUnavailable("away")

    with pytest.raises(ConnectionError, match="found ServiceUnavailable: Pub/Sub does not answer"):
        take_for_ever(puller)


def test_an_outage_is_no_silence(broker, puller_of, leases_end):
    puller = puller_of(StreamSettings(0, 0.2))
    broker.left = 0
    call = puller.begin("first")
    puller.take(call, 0.5)
    leases_end()
    puller.take(call, 0.5)
    until(lambda: puller.report().basis == "idle")
    broker.fault = ServiceUnavailable("away")
    puller.take(call, 0.3)
    before = puller.report().time
    puller.take(call, 0.5)

    assert puller.report().time == before


def test_publish_times_a_day_ahead_are_recorded_and_arrive_now(broker, puller_of, leases_end):
    puller = puller_of()
    broker.skew, broker.left = 86_400.0, 3
    call = puller.begin("first")

    found = puller.take(call, 1)

    assert all(abs(at / 1e6 - time.time()) < 10 for at in found.published)
    leases_end()
    assert puller.report() == (None, "ahead")


RESUMED = "of a checkpoint"


@pytest.mark.parametrize("ticket", ["first", RESUMED])
def test_at_a_start_the_watermark_is_held_for_as_long_as_leases_of_a_run_before_last(
    broker, puller_of, monkeypatch, ticket
):
    """What the process before held is older than what comes now, and comes again only then.

    It may have been killed before its first checkpoint: the one after it then begins anew.
    """
    clock = [1_800_000_000_000_000]
    monkeypatch.setattr("pipelines.sources.pubsub.puller.now_microseconds", lambda: clock[0])
    monkeypatch.setattr(time, "time", lambda: clock[0] / 1e6)
    broker.left = 3
    puller = puller_of(lease_seconds=10)
    puller.take(puller.begin(ticket), 1)
    assert puller.report() == (None, "held")

    clock[0] += 9_999_999
    assert puller.report() == (None, "held")
    clock[0] += 1

    assert puller.report() == (1_800_000_000_000_000 - 10_000_000, "messages")


def test_a_subscription_whose_deadline_is_longer_than_a_lease_is_held_for_that(
    broker, puller_of, monkeypatch
):
    clock = [1_800_000_000_000_000]
    monkeypatch.setattr("pipelines.sources.pubsub.puller.now_microseconds", lambda: clock[0])
    broker.left, broker.deadline = 3, 600
    puller = puller_of(lease_seconds=10)
    puller.take(puller.begin(RESUMED), 1)

    clock[0] += 599_999_999
    assert puller.report().time is None
    clock[0] += 1
    assert puller.report().time is not None


def test_what_a_run_gave_back_is_waited_for_as_that_of_a_run_before_is(
    broker, puller_of, monkeypatch
):
    """Nobody held it any more, and the watermark went on to the latest that had ever come."""
    clock = [1_800_000_000_000_000]
    monkeypatch.setattr("pipelines.sources.pubsub.puller.now_microseconds", lambda: clock[0])
    monkeypatch.setattr(time, "time", lambda: clock[0] / 1e6)
    broker.left = 33
    puller = puller_of(lease_seconds=10, uncalled_seconds=15)
    call = puller.begin("first")
    puller.take(call, 1)
    until(lambda: broker.given == 33)
    clock[0] += 10_000_000
    assert puller.report().basis == "messages"

    clock[0] += 6_000_000
    until(lambda: {("31", 0), ("32", 0), ("33", 0)} <= set(broker.extended))
    assert puller.report() == (None, "held")
    call = puller.begin(call.following)
    clock[0] += 9_999_999
    assert puller.report() == (None, "held")
    clock[0] += 1
    assert puller.report().basis == "messages"


def test_the_oldest_that_came_while_leases_were_waited_for_holds_the_watermark(
    broker, puller_of, monkeypatch
):
    clock = [1_800_000_000_000_000]
    monkeypatch.setattr("pipelines.sources.pubsub.puller.now_microseconds", lambda: clock[0])
    monkeypatch.setattr(time, "time", lambda: clock[0] / 1e6)
    broker.left = 3
    puller = puller_of(lease_seconds=10)
    call = puller.begin("first")
    puller.take(call, 1)
    assert puller.report() == (None, "held")
    broker.left, broker.skew = 3, -100.0
    assert take_all(puller, call) == 3

    clock[0] += 10_000_000

    assert puller.report() == (1_800_000_000_000_000 - 110_000_000, "messages")
