"""What Storage Write answers when it does not take rows, and what is done about each answer.

The rules are one table, by the code of a storage error where one came, else by the gRPC code.
Messages of the service may quote values of rows, so none of them is passed on.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple


class Action(Enum):
    """What is done about a fault. The first three end in an error after a bound of their own."""

    RECONNECT = "a new connection, and again what had no reply"
    BACK_OFF = "the same again, later and later"
    PROPAGATE = "a new connection, until the table's new column has reached every server"
    DONE = "it was written before: its reply was lost"
    SPLIT = "rows are at fault: the others again, these given back"
    FAIL = "an error at once"


class Rule(NamedTuple):
    action: Action
    advice: str = ""


_AGAIN = Rule(Action.RECONNECT, "look at the network and at status.cloud.google.com")
_NO_STREAM = Rule(Action.FAIL, "the bundle writes a new stream when the runner tries it again")
_NO_TABLE = Rule(Action.FAIL, "create it with `moment tables apply`, or correct --output")
_KEY = Rule(Action.FAIL, "check the dataset's encryption key and who may use it")
_MAY_NOT = Rule(Action.FAIL, "grant this account BigQuery Data Editor on the dataset")

RULES = {
    "UNAVAILABLE": _AGAIN,
    "INTERNAL": _AGAIN,
    "ABORTED": _AGAIN,
    "DEADLINE_EXCEEDED": _AGAIN,
    "CANCELLED": _AGAIN,
    "UNKNOWN": _AGAIN,
    "KMS_SERVICE_ERROR": _AGAIN,
    "RESOURCE_EXHAUSTED": Rule(
        Action.BACK_OFF, "ask for more append throughput, or write with fewer workers"
    ),
    "SCHEMA_MISMATCH_EXTRA_FIELDS": Rule(
        Action.PROPAGATE, "add the missing columns with `moment tables apply`"
    ),
    "NOT_FOUND": _NO_TABLE,
    "TABLE_NOT_FOUND": _NO_TABLE,
    "PERMISSION_DENIED": _MAY_NOT,
    "UNAUTHENTICATED": Rule(Action.FAIL, "renew the credentials of this account"),
    "INVALID_ARGUMENT": Rule(
        Action.FAIL, "compare the table's columns with those of `moment tables`"
    ),
    "FAILED_PRECONDITION": _NO_STREAM,
    "STREAM_NOT_FOUND": _NO_STREAM,
    "STREAM_FINALIZED": _NO_STREAM,
    "STREAM_ALREADY_COMMITTED": _NO_STREAM,
    "INVALID_STREAM_STATE": _NO_STREAM,
    "INVALID_STREAM_TYPE": _NO_STREAM,
    "OUT_OF_RANGE": _NO_STREAM,
    "OFFSET_OUT_OF_RANGE": _NO_STREAM,
    "ALREADY_EXISTS": Rule(Action.DONE),
    "OFFSET_ALREADY_EXISTS": Rule(Action.DONE),
    "CMEK_NOT_PROVIDED": _KEY,
    "INVALID_CMEK_PROVIDED": _KEY,
    "CMEK_ENCRYPTION_ERROR": _KEY,
    "KMS_PERMISSION_DENIED": _KEY,
}
"""By code. What is not here fails at once."""

CREATE_RULES = RULES | {
    "RESOURCE_EXHAUSTED": Rule(
        Action.BACK_OFF,
        "a bundle needs a stream for each table, and a project may create 10,000 an hour in a"
        " region: load them with --load-through, or give the input in fewer, larger bundles",
    ),
}
"""Of CreateWriteStream, whose quota is one of streams and not of bytes."""

CASCADES = {"OUT_OF_RANGE", "OFFSET_OUT_OF_RANGE", "ABORTED"}
"""What follows on a stream with offsets when an earlier request was not taken."""


class RowFault(NamedTuple):
    """A row that BigQuery would not take: its number in the request, and why, without values."""

    row: int
    code: str
    path: str | None


@dataclass(eq=False)
class Fault(Exception):
    """An answer that is no success: a gRPC code, a storage error's code, rows at fault.

    `broken`: the connection has ended with it.
    """

    code: str
    storage_code: str | None = None
    rows: Sequence[RowFault] = ()
    broken: bool = False

    @property
    def name(self) -> str:
        return self.storage_code or self.code

    def rule(self, has_offsets: bool) -> Rule:
        """What is to be done; ALREADY_EXISTS is a success only where offsets were given."""
        if self.rows and self.code == "INVALID_ARGUMENT":
            return Rule(Action.SPLIT)
        rule = RULES.get(self.name) or RULES.get(self.code)
        if rule is None or (rule.action is Action.DONE and not has_offsets):
            return Rule(Action.FAIL, "this is not a fault that trying again mends")
        return rule


class SinkError(RuntimeError):
    """Rows could not be written: one sentence; nothing of the bundle may be taken for written."""


def sink_error(fault: Fault, table: str, advice: str, seconds: float | None = None) -> SinkError:
    """The sentence: what was expected of which table, what was found, for how long, what to do."""
    lasting = "" if seconds is None else f" for {seconds:.0f} s"
    return SinkError(
        f"expected to append to the BigQuery table {table}, found {fault.name}{lasting}: {advice}"
    )


def column_named(message: str, columns: Sequence[str]) -> str | None:
    """The first of our columns that a message names; the rest of it may be somebody's data."""
    named = set(re.findall(r"\w+", message))
    return next((column for column in columns if column in named), None)
