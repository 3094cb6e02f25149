"""Rules: what a property has decided, of its people (Attend) and of its figures (Accumulate)."""

from __future__ import annotations

from dataclasses import dataclass

from transforms.calendar import NEVER

FACT_MINUTES = 30 * 60


@dataclass(frozen=True)
class AttendRules:
    """The property's time zone; how long a minute still corrects; how long facts are known.

    An event counts that comes within `hot_minutes` after the end of its minute. Hours and days have
    no horizon of their own: additive columns need the ids of what they have added, and ids of a
    whole day would be most of the state. Copies of an event may say times that are `copy_minutes`
    apart. A change of a fact that was sealed less than `fact_minutes` ago is known to be late.
    `streamed`: windows close as the stream comes, and a change that arrives after its minute's
    horizon is late everywhere, for shards do not close at one instant.
    """

    time_zone: str
    hot_minutes: int = 15
    copy_minutes: int = 5
    fact_minutes: int = FACT_MINUTES
    streamed: bool = False


@dataclass(frozen=True)
class PublishRules:
    """Time zone, registered channels and epoch of one property's figures."""

    time_zone: str
    registered_channels: tuple[str, ...]
    epoch: int = 0
    shards: int | None = None
    """Shards of people of a stream, all of which must have passed a window before it is final.
    None: the input is bounded, and everything is final."""
    since_minute: int = NEVER
    """Windows that began earlier are not published: a job that started in their midst does not know
    them whole."""
