"""When a producer of messages counts as stuck, and that nothing of it outlives it."""

from __future__ import annotations

import gc
import weakref

import numpy as np

from deploy.local.kafka_sender import Route, Sender, Standstill

TWENTY = 20.0


class Ends:
    """A broker's ends of one topic of one partition."""

    topics = ("tracks",)

    def taken(self) -> np.ndarray:
        return np.array([[0]])


def seconds_until_still(sent, taken) -> list[int]:
    """The seconds, of thirty, at which partitions count as standing still, looked at each second.

    `sent` and `taken` say the messages of each partition at a second; `taken` None: no answer.
    """
    rule = Standstill(TWENTY)
    return [
        second
        for second in range(31)
        if rule.look(
            float(second),
            np.array([sent(second)]),
            None if taken(second) is None else np.array([taken(second)]),
        )
    ]


def test_a_partition_that_gets_nothing_of_what_was_sent_stands_still_after_twenty_seconds():
    still = seconds_until_still(lambda second: [100], lambda second: [60])

    assert still == list(range(20, 31))


def test_one_of_four_is_enough_while_the_others_go_on():
    still = seconds_until_still(
        lambda second: [1000] * 4, lambda second: [second, second, 7, second]
    )

    assert still == list(range(20, 31))


def test_a_partition_that_gets_a_message_now_and_then_does_not_stand_still():
    assert seconds_until_still(lambda second: [100], lambda second: [second // 15]) == []


def test_a_partition_to_which_nothing_more_was_sent_does_not_stand_still():
    assert seconds_until_still(lambda second: [60], lambda second: [60]) == []


def test_what_is_sent_after_a_silence_has_its_twenty_seconds_from_then():
    still = seconds_until_still(lambda second: [60 if second < 8 else 61], lambda second: [60])

    assert still == [27, 28, 29, 30]


def test_while_the_broker_does_not_answer_no_time_passes():
    still = seconds_until_still(
        lambda second: [100], lambda second: None if 5 <= second < 9 else [60]
    )

    assert still == [29, 30]


def test_who_has_sent_is_gone_before_anybody_looks_for_garbage():
    sender = Sender(Ends(), "127.0.0.1:1", Route([0], [None]), np.array([[0]]))
    left = weakref.ref(sender)
    gc.disable()
    try:
        del sender
        assert left() is None
    finally:
        gc.enable()
