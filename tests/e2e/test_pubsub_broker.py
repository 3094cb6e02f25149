"""Pub/Sub's emulator and the source's client, without a cluster: what is said, and when it holds.

Runs where Java 17 and the emulator are; with MOMENT_EVERYTHING set it must run. Takes seconds.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from deploy.local.pubsub import PROJECT, Emulator, local_emulator, missing_emulator
from pipelines.errors import OptionError
from pipelines.sources.pubsub.client import check_pubsub, subscriber_client
from pipelines.sources.pubsub.puller import Puller
from pipelines.sources.pubsub.settings import PullSettings, Subscription
from pipelines.sources.streaming import StreamSettings
from tests.e2e.needs import need

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    need(missing_emulator(), "tests of Pub/Sub's emulator")
    with local_emulator() as running:
        yield running


def test_a_subscription_that_can_be_read_passes_the_check(emulator):
    path = emulator.create("checked")

    check_pubsub([Subscription(path, None)], 10, emulator.address)


def test_a_missing_subscription_is_one_sentence_before_the_start(emulator):
    path = f"projects/{PROJECT}/subscriptions/missing"
    began = time.monotonic()

    with pytest.raises(OptionError) as refused:
        check_pubsub([Subscription(path, None)], 10, emulator.address)

    assert str(refused.value) == (
        f"expected to read the Pub/Sub subscription {path}, found NotFound: there is no such "
        "subscription: create it, or correct its path."
    )
    assert time.monotonic() - began < 5


def test_a_lease_is_extended_for_as_long_as_its_messages_wait_and_the_bound_holds(emulator):
    """The subscription takes messages back after 10 s. Nobody acknowledges for 14."""
    path = emulator.create("waits", acknowledge_seconds=10)
    emulator.publish("waits", [b"%d" % number for number in range(100)])
    pulls = PullSettings(most_unacknowledged=60, messages_a_pull=20, lease_seconds=10)
    client = subscriber_client(emulator.address)
    puller = Puller(client, path, "the emulator", StreamSettings(), pulls)
    try:
        call = puller.begin("first")
        payloads: list[bytes] = []
        until = time.monotonic() + 14
        while time.monotonic() < until:
            found = puller.take(call, 0.2)
            payloads += found.payloads if found else []
        assert (len(payloads), len(set(payloads)), puller.report().basis) == (60, 60, "full")

        others = client.pull(subscription=path, max_messages=100, timeout=5)

        assert not {got.message.data for got in others.received_messages} & set(payloads)
    finally:
        puller.close()
