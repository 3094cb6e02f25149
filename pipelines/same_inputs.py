"""check_same_inputs: a job that goes on in its epoch names the inputs that its savepoint holds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from pipelines.errors import OptionError
from pipelines.inputs import Inputs

_MOST_NAMED = 3


def inputs_record(inputs: Inputs, native: bool = False) -> dict[str, Any]:
    """What a stream's record says of its inputs beside their names: channels given, and pullers.

    `native`: the runner reads subscriptions itself, and has no pullers.
    """
    ours = () if native else inputs.subscriptions
    return {
        "input_channels": inputs.channels,
        "pullers": ours[0].pullers if ours else None,
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
            f"--append {output}: expected the inputs of epoch {now['epoch']}, which its state"
            f" holds, found {' and '.join(found)}; give the same, or a higher --epoch"
        )
    pullers = before.get("pullers"), now["pullers"]
    if None not in pullers and pullers[0] != pullers[1]:
        raise OptionError(
            f"--append {output}: expected the {pullers[0]} pullers of epoch {now['epoch']}, which"
            f" its state holds, found --pullers {pullers[1]}; give the same, or a higher --epoch"
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
