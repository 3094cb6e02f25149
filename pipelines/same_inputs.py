"""check_same_inputs: a job that goes on in its epoch names the inputs that its savepoint holds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from pipelines.errors import OptionError
from pipelines.inputs import Inputs

_MOST_NAMED = 3


def inputs_record(inputs: Inputs) -> dict[str, Any]:
    """What a stream's record says of its inputs beside their names: channels given, pullers."""
    subscriptions = inputs.subscriptions
    return {
        "input_channels": inputs.channels,
        "pullers": subscriptions[0].pullers if subscriptions else None,
    }


def check_same_inputs(output: object, before: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """Return where two records of one epoch name the same inputs, channels and pullers.

    A source is given its inputs when a job starts from nothing, and never again: one that is named
    later would be read by nobody, and one that is left out read on. Where its brokers are says no
    record, for they may move. What a record of before does not say is not compared. Raises
    OptionError.
    """
    told = "input_channels" in before
    known, given = _named(before, told), _named(now, told)
    found = []
    if more := given - known:
        found.append(f"{_list(more)} besides")
    if fewer := known - given:
        found.append(f"{_list(fewer)} no more")
    if "inputs" in before and found:
        raise OptionError(
            f"--append {output}: expected the inputs that epoch {now['epoch']} was begun with, for"
            f" a savepoint holds what is read, found {' and '.join(found)}; give the same, or a"
            " higher --epoch"
        )
    pullers = before.get("pullers")
    if pullers is not None and pullers != now["pullers"]:
        raise OptionError(
            f"--append {output}: expected --pullers {pullers} as epoch {now['epoch']} was begun"
            f" with, for a savepoint holds them, found {now['pullers']}; give the same, or a higher"
            " --epoch"
        )


def _named(record: Mapping[str, Any], with_channels: bool) -> Counter[str]:
    """Inputs as an argument names them, but for where they are."""
    names = record.get("inputs", ())
    channels = record["input_channels"] if with_channels else [None] * len(names)
    return Counter(
        f"{channel}={name}" if channel else name for name, channel in zip(names, channels)
    )


def _list(names: Counter[str]) -> str:
    first = sorted(names)[:_MOST_NAMED]
    more = len(names) - len(first)
    return ", ".join(first) + (f" and {more} more" if more else "")
