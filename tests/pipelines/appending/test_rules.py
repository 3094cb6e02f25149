"""What each code of a fault leads to."""

from __future__ import annotations

import pytest

from pipelines.sinks.bigquery.faults import RULES, Action, Fault, RowFault


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
