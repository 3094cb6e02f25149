"""Where a stream of a dataset goes on from, and which windows it may publish."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timezone
from typing import Any

from pipelines.errors import OptionError
from pipelines.options import MeasureOptions
from pipelines.sources.kafka.settings import KafkaTopic
from pipelines.verify.run import parse_instant
from transforms.calendar import NEVER

EARLIEST = "earliest"


def as_begun(options: MeasureOptions, before: Mapping[str, Any] | None) -> MeasureOptions:
    """Options of a job that goes on in its epoch, or that starts from nothing in a greater one.

    `before`: the record of the stream that was begun last in the output; None where none was. In
    its epoch `start` and `since` are those it was begun with, repeated or not: state was counted
    from there. A greater epoch publishes no window that began before the job reads, for its row
    would replace one that was counted whole. Raises OptionError.
    """
    if before is not None and before.get("epoch") == options.rules.epoch:
        return _going_on(options, before)
    return _anew(options) if options.rules.epoch else options


def _going_on(options: MeasureOptions, before: Mapping[str, Any]) -> MeasureOptions:
    given, since = options.rules.since_minute, before.get("since")
    try:
        minute = NEVER if since is None else _minute(parse_instant(since).timestamp())
    except (AttributeError, ValueError) as error:
        raise OptionError(
            f"--append {options.output}: expected 'since' in its record as an instant, found"
            f" {since!r}; correct it, or give another dataset"
        ) from error
    if given not in (NEVER, minute):
        raise OptionError(
            f"--since {_instant(given)}: expected {since or 'none'} as epoch"
            f" {options.rules.epoch} was begun with; leave it out, or give a higher --epoch"
        )
    options = _publishing_since(options, minute)
    start = before.get("start")
    if start is None:
        return options
    for topic in options.inputs.topics:
        if topic.start != EARLIEST and not _same_start(topic, replace(topic, start=start)):
            raise OptionError(
                f"--start {topic.start}: expected {start} as epoch {options.rules.epoch} was begun"
                " with; leave it out, or give a higher --epoch"
            )
    topics = tuple(replace(topic, start=start) for topic in options.inputs.topics)
    return replace(options, inputs=replace(options.inputs, topics=topics))


def _anew(options: MeasureOptions) -> MeasureOptions:
    epoch, since = options.rules.epoch, options.rules.since_minute
    topics = options.inputs.topics
    read_from = topics[0].start_milliseconds() if topics else None
    if read_from is not None:
        first = _minute(read_from / 1000)
        if since != NEVER and since < first:
            raise OptionError(
                f"--since {_instant(since)}: expected --start {topics[0].start} or later, for"
                f" --epoch {epoch} would replace windows of which it reads a part"
            )
        return _publishing_since(options, max(since, first))
    if since == NEVER and (
        options.inputs.subscriptions or (topics and topics[0].start != EARLIEST)
    ):
        what = "a topic read from its end" if topics else "a subscription"
        raise OptionError(
            f"--epoch {epoch}: expected --since with {what}, for windows that began before it is"
            " read would replace those that were counted whole; give the time from which it is read"
        )
    return options


def _same_start(one: KafkaTopic, other: KafkaTopic) -> bool:
    instant = one.start_milliseconds()
    if instant is None:
        return one.start == other.start
    return instant == other.start_milliseconds()


def _publishing_since(options: MeasureOptions, minute: int) -> MeasureOptions:
    return replace(options, rules=replace(options.rules, since_minute=minute))


def _minute(seconds: float) -> int:
    """The first whole minute at or after."""
    return math.ceil(seconds / 60)


def _instant(minute: int) -> str:
    return datetime.fromtimestamp(minute * 60, timezone.utc).isoformat()
