"""How long leases of Pub/Sub are extended."""

from __future__ import annotations

from pipelines.sources.pubsub.leases import by_request, due
from pipelines.sources.pubsub.source import PullSettings
from tests.pipelines.deliveries import SECOND, delivery


def test_a_lease_is_extended_when_five_seconds_of_it_are_left():
    soon, later = delivery("a", until=105 * SECOND), delivery("b", until=106 * SECOND)

    extended = due([soon, later], 100 * SECOND, 100 * SECOND, PullSettings())

    assert list(extended) == [soon]


def test_a_lease_is_not_extended_beyond_the_bound():
    pulls = PullSettings(most_lease_seconds=60)
    old = delivery("a", received=0, until=62 * SECOND)

    assert list(due([old], 60 * SECOND, 60 * SECOND, pulls)) == [old]
    assert list(due([old], 61 * SECOND, 61 * SECOND, pulls)) == []


def test_nothing_is_extended_for_a_runner_that_no_longer_calls():
    held = delivery("a", received=50 * SECOND, until=101 * SECOND)

    assert list(due([held], 100 * SECOND, 40 * SECOND, PullSettings())) == [held]
    assert list(due([held], 101 * SECOND, 40 * SECOND, PullSettings())) == []


def test_ids_of_several_deliveries_go_into_one_request_as_long_as_they_fit():
    held = [delivery(*map(str, range(ids))) for ids in (600, 400, 1, 1500, 7, 8)]

    together = [[len(each.ids) for each in request] for request in by_request(held)]

    assert together == [[600, 400], [1], [1500], [7, 8]]
    assert list(by_request([])) == []
