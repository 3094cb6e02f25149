"""The registry of channels: ours by file, third parties' by the entry point `moment.channels`."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from importlib.metadata import entry_points

from schemas.channel import Channel

BUILT_IN = (
    "access_log",
    "segment",
    "youtube_chat",
    "social_listening",
    "mailjet",
    "iterable",
    "customerio",
    "survey",
    "cloudevents",
)


@cache
def registered_channels() -> dict[str, Channel]:
    """Every channel by name: built-in ones first, then entry points in the order of their names.

    Raises ValueError when an entry point is no Channel or takes a name that is taken.
    """
    channels = {name: import_module(f"schemas.channels.{name}").CHANNEL for name in BUILT_IN}
    for point in sorted(entry_points(group="moment.channels"), key=lambda point: point.name):
        channel = point.load()
        if not isinstance(channel, Channel):
            raise ValueError(
                f"entry point {point.name} = {point.value}: expected a schemas.channel.Channel,"
                f" found {type(channel).__name__}"
            )
        if channel.name in channels:
            raise ValueError(
                f"entry point {point.name} = {point.value}: channel {channel.name!r} exists already"
            )
        channels[channel.name] = channel
    return channels
