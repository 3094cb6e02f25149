"""INPUT arguments: each topic and subscription is read once, as the one channel that it has."""

from __future__ import annotations

import pytest

from pipelines.errors import OptionError
from pipelines.inputs import parse_inputs
from pipelines.sources.kafka.settings import KafkaTopic
from pipelines.sources.pubsub.settings import Subscription

TOPIC = "kafka://a.example:9092,b.example:9092/live"
SUBSCRIPTION = "pubsub://projects/example/subscriptions/web"


@pytest.mark.parametrize("place", [TOPIC, SUBSCRIPTION])
def test_a_topic_or_subscription_of_two_channels_is_refused(place):
    with pytest.raises(OptionError) as refused:
        parse_inputs([f"segment={place}", f"mailjet={place}"])

    assert str(refused.value) == (
        f"{place}: expected one channel, found segment and mailjet; name it once"
    )


def test_brokers_named_in_another_order_are_the_same():
    with pytest.raises(OptionError, match="expected one channel, found segment and mailjet"):
        parse_inputs([f"segment={TOPIC}", "mailjet=kafka://b.example:9092,a.example:9092/live"])


@pytest.mark.parametrize("named", [0, 1])
def test_one_that_is_named_twice_is_read_once_as_the_channel_that_is_said(named):
    given = [TOPIC, TOPIC, SUBSCRIPTION, SUBSCRIPTION]
    given[named] = f"segment={TOPIC}"
    given[named + 2] = f"mailjet={SUBSCRIPTION}"

    topics, subscriptions = parse_inputs(given[:2]).topics, parse_inputs(given[2:]).subscriptions

    assert topics == (KafkaTopic("a.example:9092,b.example:9092", "live", "segment"),)
    assert subscriptions == (Subscription("projects/example/subscriptions/web", "mailjet", 2),)


def test_topics_of_one_name_at_other_brokers_are_two():
    given = [f"segment={TOPIC}", "mailjet=kafka://other.example:9092/live"]

    assert [topic.channel for topic in parse_inputs(given).topics] == ["segment", "mailjet"]
