"""Recognise: the channel that records are of, by what they or the first of them look like."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from functools import cache

from schemas.channel import Channel
from schemas.channels import registered_channels
from schemas.payload import UNREGISTERED

LOGGER = logging.getLogger(__name__)


def recognise_channel(sample: Sequence[bytes], channels: Mapping[str, Channel]) -> str | None:
    """The one channel that recognises most (over half) of the first fifty records; None on a tie.

    A `recognise` that raises has not recognised, and is told of once: it may be a third party's.
    """
    records = list(sample[:50])
    votes = {name: sum(_holds(channel, r) for r in records) for name, channel in channels.items()}
    most = max(votes.values(), default=0)
    winners = [name for name, count in votes.items() if count == most]
    return winners[0] if len(winners) == 1 and most * 2 > len(records) else None


def recognise_record(record: bytes) -> str:
    """The one registered channel that recognises a record; "" where none or several do.

    Of a stream, each record is looked at alone: which came first depends on where it was begun, and
    a job that goes on from a checkpoint begins elsewhere.
    """
    names = [name for name, channel in registered_channels().items() if _holds(channel, record)]
    return names[0] if len(names) == 1 else ""


def channel_named(name: str) -> str:
    """The channel that a message names; UNREGISTERED for any other name.

    Who publishes may write anything there, and channels are counted in tables that all may read.
    """
    return name if name in registered_channels() else UNREGISTERED


def _holds(channel: Channel, record: bytes) -> bool:
    try:
        return bool(channel.recognise(record))
    except Exception as error:  # whatever it is: a third party's code must not end the job
        _tell(channel.name, type(error).__name__)
        return False


@cache
def _tell(channel: str, error: str) -> None:
    """Warn, once in a process. Not in the error's words: they may hold what the record says."""
    LOGGER.warning("channel %s: its `recognise` raised %s, which counts as no", channel, error)
