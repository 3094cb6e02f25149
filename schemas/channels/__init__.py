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


class ChannelError(ValueError):
    """What an entry point gives is no channel to register: one sentence for who installed it."""


@cache
def registered_channels() -> dict[str, Channel]:
    """Every channel by name: built-in ones first, then entry points in the order of their names.

    Raises ChannelError where an entry point cannot be loaded, is no Channel or takes a name that is
    taken.
    """
    channels = {name: import_module(f"schemas.channels.{name}").CHANNEL for name in BUILT_IN}
    for point in sorted(entry_points(group="moment.channels"), key=lambda point: point.name):
        told = f"entry point {point.name} = {point.value}"
        mend = "mend or uninstall the package that brings it"
        try:
            channel = point.load()
        except Exception as error:
            # A third party's module, which may raise anything where it is imported. Every command
            # reads the registry: the sentence must say whose fault it is.
            raise ChannelError(
                f"{told}: expected to import it, found {type(error).__name__}; {mend}"
            ) from error
        if not isinstance(channel, Channel):
            raise ChannelError(
                f"{told}: expected a schemas.channel.Channel, found {type(channel).__name__};"
                f" {mend}"
            )
        if channel.name in channels:
            raise ChannelError(f"{told}: channel {channel.name!r} exists already; {mend}")
        channels[channel.name] = channel
    return channels
