"""The Pub/Sub source without a broker: tickets, settings, and the native read."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import apache_beam as beam
import pyarrow as pa
import pytest
from apache_beam.io.gcp.pubsub import PubsubMessage
from apache_beam.testing.test_pipeline import TestPipeline
from apache_beam.testing.util import assert_that
from apache_beam.utils.timestamp import Timestamp
from google.pubsub_v1 import types

from pipelines.errors import OptionError
from pipelines.sources.pubsub import client
from pipelines.sources.pubsub.native import MessagesToPayloads
from pipelines.sources.pubsub.source import (
    PullSettings,
    ReadPubSub,
    ReadPubSubNative,
    Subscription,
    _Tickets,
    check_pubsub,
    read_pubsub,
)
from tests.pipelines.deliveries import PATH

# Tickets


def test_what_is_deferred_holds_the_ticket_of_the_call_that_was_claimed():
    tracker = _Tickets("first")

    assert tracker.try_claim("second")
    assert tracker.try_split(0) == ("first", "second")
    assert tracker.check_done()


def test_a_call_that_is_stopped_before_it_claims_defers_its_own_ticket_and_reads_nothing():
    tracker = _Tickets("first")

    assert tracker.try_split(0) == ("first", "first")
    assert not tracker.try_claim("second")


def test_an_endless_restriction_is_deferred_as_a_whole_or_it_is_an_error():
    tracker = _Tickets("first")

    assert not tracker.is_bounded()
    assert tracker.try_split(0.5) is None
    with pytest.raises(ValueError, match="to be deferred"):
        tracker.check_done()


# Settings


@pytest.mark.parametrize(
    "path", ["viewers", "projects/example/topics/viewers", "projects//subscriptions/viewers"]
)
def test_a_subscription_is_named_by_its_full_path(path):
    with pytest.raises(OptionError, match="expected a subscription as projects/PROJECT/"):
        Subscription(path, None)


def test_settings_that_no_broker_takes_are_refused():
    with pytest.raises(OptionError, match="expected a Pub/Sub lease of 10 to 600 s, found 5"):
        PullSettings(lease_seconds=5)
    with pytest.raises(OptionError, match=r"most_unacknowledged \(10\), found 1000"):
        PullSettings(most_unacknowledged=10)
    with pytest.raises(OptionError, match=r"at least 1 puller of projects/example/.*, found 0"):
        Subscription(PATH, None, pullers=0)


def test_one_subscription_named_twice_or_none_at_all_is_refused():
    with pytest.raises(OptionError, match="expected at least one Pub/Sub subscription, found none"):
        check_pubsub([], 0)
    with pytest.raises(OptionError, match=f"each Pub/Sub subscription once, found {PATH} 2 times"):
        check_pubsub([Subscription(PATH, None), Subscription(PATH, "web")], 0)


def test_missing_credentials_are_said_in_one_sentence(monkeypatch, tmp_path):
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "none.json"))

    with pytest.raises(OptionError, match=r"expected Google Cloud credentials .* found Default"):
        check_pubsub([Subscription(PATH, None)], 0)


def test_an_endpoint_that_nobody_listens_on_is_said_in_one_sentence():
    with pytest.raises(OptionError) as refused:
        check_pubsub([Subscription(PATH, None)], 0.2, emulator="127.0.0.1:1")

    assert str(refused.value) == (
        f"expected to read the Pub/Sub subscription {PATH}, found ServiceUnavailable: the emulator "
        "at 127.0.0.1:1 does not answer: check the network, the endpoint and the service."
    )


def checked(monkeypatch: pytest.MonkeyPatch, idle_after: float | None = 60, **found: Any) -> None:
    """Check a subscription that the service describes so."""

    class Described:
        def get_subscription(self, subscription: str, timeout: float, retry: None) -> Any:
            return types.Subscription(name=subscription, **found)

    monkeypatch.setattr(client, "subscriber_client", lambda emulator: Described())
    check_pubsub([Subscription(PATH, None)], 0, idle_after_seconds=idle_after)


@pytest.mark.parametrize(
    "delivery",
    [
        {"push_config": {"push_endpoint": "https://example.com/in"}},
        {"bigquery_config": {"table": "example.dataset.table"}},
    ],
)
def test_a_subscription_that_delivers_by_itself_is_refused(monkeypatch, delivery):
    with pytest.raises(OptionError) as refused:
        checked(monkeypatch, **delivery)
    assert str(refused.value) == (
        f"expected a pull subscription, found that {PATH} delivers by itself: create one of the "
        "delivery type pull."
    )


def test_a_subscription_that_was_detached_from_its_topic_is_refused(monkeypatch):
    with pytest.raises(OptionError) as refused:
        checked(monkeypatch, detached=True)
    assert str(refused.value) == (
        f"expected {PATH} to be attached to its topic, found it detached: create another "
        "subscription."
    )


def test_an_acknowledgement_deadline_longer_than_the_idle_limit_is_refused(monkeypatch):
    checked(monkeypatch, ack_deadline_seconds=60)
    checked(monkeypatch, ack_deadline_seconds=600, idle_after=None)

    with pytest.raises(OptionError) as refused:
        checked(monkeypatch, ack_deadline_seconds=61)
    assert str(refused.value) == (
        f"expected an acknowledgement deadline of {PATH} of at most --idle-after 60, found 61 s: "
        "shorten it, or raise --idle-after."
    )


# The native read


def test_where_the_runner_reads_its_read_is_taken():
    assert isinstance(read_pubsub([Subscription(PATH, None)], native=True), ReadPubSubNative)


def test_elsewhere_we_read():
    assert isinstance(read_pubsub([Subscription(PATH, None)]), ReadPubSub)


def test_both_reads_have_the_outputs_of_a_source():
    for read in (ReadPubSub, ReadPubSubNative):
        found = beam.Pipeline() | read([Subscription(PATH, "web")])

        for output in ("payloads", "failed", "counts", "status"):
            assert found[output].element_type is pa.RecordBatch


@pytest.mark.parametrize("read", [ReadPubSub, ReadPubSubNative])
def test_both_reads_are_unbounded(read):
    """Of a bounded input the machines behind it wait for an end, which never comes."""
    found = beam.Pipeline() | read([Subscription(PATH, "web")])

    assert not found.payloads.is_bounded


def test_the_native_read_names_the_subscription_to_the_runner():
    pipeline = beam.Pipeline()
    _ = pipeline | ReadPubSubNative([Subscription(PATH, "web")])

    transforms = pipeline.to_runner_api().components.transforms.values()
    (read,) = [t.spec for t in transforms if t.spec.urn == "beam:transform:pubsub_read:v1"]
    assert PATH.encode() in read.payload


def test_native_messages_become_payloads_at_their_earliest_publish_time():
    at = datetime(2025, 6, 15, 15, 6, 40, tzinfo=timezone.utc)
    messages = [
        PubsubMessage(b"1", {}, "7", at.replace(second=41)),
        PubsubMessage(b"2", {"moment-channel": "survey"}, "8", at),
        PubsubMessage(b"3", None, "9", at),
    ]

    def seen(batch, timestamp=beam.DoFn.TimestampParam):
        metadata = batch.schema.metadata
        return (
            metadata[b"input"], metadata[b"channel"], timestamp, batch["payload"].to_pylist(),
            batch["position"].to_pylist(),
        )  # fmt: skip

    def check(found):
        earliest = Timestamp(1_750_000_000)
        assert sorted(found) == [
            (b"pubsub:s", b"survey", earliest, [b"2"], [8]),
            (b"pubsub:s", b"web", earliest, [b"1", b"3"], [7, 9]),
        ]

    with TestPipeline() as pipeline:
        made = pipeline | beam.Create([(("pubsub:s", "web"), message) for message in messages])
        read = made | MessagesToPayloads(100)
        assert_that(read.payloads | beam.Map(seen), check)
