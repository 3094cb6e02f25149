"""What a savepoint reads is what it was begun with: other inputs within an epoch are refused."""

from __future__ import annotations

from typing import Any

import pytest

from pipelines.errors import OptionError
from pipelines.inputs import parse_inputs
from pipelines.same_inputs import check_same_inputs, inputs_record

LIVE, MAIL = "kafka://broker:9092/live", "kafka://broker:9092/mail"
WEB = "pubsub://projects/example/subscriptions/web"
BEGUN_WITH = "--append figures: expected the inputs of epoch 0, which its state holds, found "
WAY_ON = "; give the same, or a higher --epoch"


def record(*given: str, pullers: int = 2) -> dict[str, Any]:
    inputs = parse_inputs(given, pullers=pullers)
    return {"epoch": 0, "inputs": inputs.names, **inputs_record(inputs)}


@pytest.mark.parametrize(
    ("before", "now", "found"),
    [
        ([LIVE], [LIVE, MAIL], "kafka:mail besides"),
        ([LIVE, MAIL], [MAIL], "kafka:live no more"),
        ([LIVE], [MAIL], "kafka:mail besides and kafka:live no more"),
        ([LIVE], [f"segment={LIVE}"], "segment=kafka:live besides and kafka:live no more"),
        (
            [WEB],
            [WEB, f"{WEB}-1", f"{WEB}-2", f"{WEB}-3", f"{WEB}-4"],
            "pubsub:projects/example/subscriptions/web-1,"
            " pubsub:projects/example/subscriptions/web-2,"
            " pubsub:projects/example/subscriptions/web-3 and 1 more besides",
        ),
    ],
)
def test_an_input_more_or_less_or_of_another_channel_is_one_sentence(before, now, found):
    with pytest.raises(OptionError) as refused:
        check_same_inputs("figures", record(*before), record(*now))

    assert str(refused.value) == BEGUN_WITH + found + WAY_ON


def test_the_same_topics_in_another_order_at_other_brokers_are_the_same_inputs():
    moved = ["kafka://elsewhere:9093,third:9092/mail", "kafka://elsewhere:9093/live"]

    check_same_inputs("figures", record(LIVE, MAIL), record(*moved))


def test_another_number_of_pullers_is_one_sentence():
    with pytest.raises(OptionError) as refused:
        check_same_inputs("figures", record(WEB), record(WEB, pullers=4))

    assert str(refused.value) == (
        "--append figures: expected the 2 pullers of epoch 0, which its state holds, found --pullers"
        " 4; give the same, or a higher --epoch"
    )


def test_where_the_runner_reads_by_itself_pullers_say_nothing():
    inputs = parse_inputs([WEB])

    assert inputs_record(inputs) == {"input_channels": [None], "pullers": 2}
    assert inputs_record(inputs, native=True) == {"input_channels": [None], "pullers": None}
    check_same_inputs("figures", record(WEB), record(WEB) | inputs_record(inputs, native=True))


def test_a_record_of_before_pullers_and_channels_were_recorded_is_compared_by_its_inputs():
    before = {"epoch": 0, "inputs": ["pubsub:projects/example/subscriptions/web"]}

    check_same_inputs("figures", before, record(f"segment={WEB}", pullers=4))
    check_same_inputs("figures", {"epoch": 0}, record(WEB))
    with pytest.raises(OptionError, match="found kafka:live besides"):
        check_same_inputs("figures", before, record(LIVE))
