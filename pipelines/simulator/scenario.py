"""Options of a simulation, and the story they scale: one live show on nine channels."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime, timedelta, timezone
from zlib import crc32

import numpy as np

BRAND = "maison-lumiere"
CONTENT = "live-42"
PAGE = f"/live/{CONTENT}"
SITE = "https://www.maison-lumiere.example"
HEARTBEAT_MS = 10_000
PANEL_PERIOD_S = 60
MINUTE_MS = 60_000
MOST_MINUTES = 24 * 60
"""A simulation is made in memory, and its channels' records grow with the length of the show."""
SHOW_START = datetime(2026, 3, 14, 19, 30, tzinfo=timezone.utc)
"""20:30 in Paris, before the change to summer time."""

CHANNELS = (
    "segment",
    "youtube_chat",
    "access_log",
    "social_listening",
    "mailjet",
    "iterable",
    "customerio",
    "survey",
    "cloudevents",
)

BURST_FACTOR = 8
"""How many times busier the chat is after the moment than at any other minute."""


@dataclass(frozen=True)
class Options:
    """What a simulation depends on, and nothing else: equal options give equal bytes.

    `people` is the number of web and app viewers; every other group is a share of it. The default
    gives 300,000 to 330,000 records. Shares are of a channel's records; a positive share makes at
    least one of its fault in each channel, malformed records at least one of each sort. Raises
    ValueError with one sentence for an impossible option.
    """

    seed: int = 42
    people: int = 1_750
    minutes: int = 120
    start: datetime = SHOW_START
    duplicate_share: float = 0.015
    late_share: float = 0.02
    malformed_share: float = 0.001
    unknown_share: float = 0.0005

    def __post_init__(self) -> None:
        if self.seed < 0:
            raise ValueError(f"seed: expected 0 or more, found {self.seed}")
        if self.people < 20:
            raise ValueError(
                f"people: expected at least 20 to play every part, found {self.people}"
            )
        if self.minutes < 10:
            raise ValueError(f"minutes: expected a show of at least 10, found {self.minutes}")
        if self.minutes > MOST_MINUTES:
            raise ValueError(
                f"minutes: expected a show of at most {MOST_MINUTES}, found {self.minutes}"
            )
        if self.start.tzinfo is None:
            raise ValueError("start: expected a time with an offset, found one without")
        if self.start.second or self.start.microsecond:
            raise ValueError(f"start: expected a whole minute, found {self.start.isoformat()}")
        for name in (field.name for field in fields(self) if field.name.endswith("_share")):
            share = getattr(self, name)
            if not 0 <= share <= 0.5:
                raise ValueError(f"{name}: expected a share from 0 to 0.5, found {share}")

    @property
    def start_ms(self) -> int:
        """Start of the show, milliseconds since the epoch."""
        return round(self.start.timestamp() * 1000)

    @property
    def length_ms(self) -> int:
        return self.minutes * MINUTE_MS

    @property
    def end_ms(self) -> int:
        return self.start_ms + self.length_ms

    @property
    def burst_minute(self) -> int:
        """Minute of the show in which the moment happens: the unveiling."""
        return self.minutes * 2 // 5

    @property
    def burst_minutes(self) -> int:
        return min(5, self.minutes // 10)

    def at(self, **shift: float) -> int:
        """Milliseconds since the epoch at the start of the show plus a timedelta."""
        return round((self.start + timedelta(**shift)).timestamp() * 1000)

    def generator(self, part: str) -> np.random.Generator:
        """Random numbers of one part of the story, so that no part disturbs another."""
        return np.random.default_rng([self.seed, crc32(part.encode())])


def dullness(moment: np.ndarray | float) -> np.ndarray | float:
    """How dull the show is, 0 to 1, at a moment given as a fraction of its length.

    The middle drags: the curve peaks at 62 %, after the unveiling, and the finale lifts it again.
    """
    return np.exp(-(((np.asarray(moment) - 0.62) / 0.11) ** 2))


def texts_of_instants(instants_ms: np.ndarray) -> list[str]:
    """ISO 8601 texts without offset, to the millisecond: the caller adds the Z."""
    stamps = np.asarray(instants_ms, dtype=np.int64).astype("datetime64[ms]")
    return np.datetime_as_string(stamps).tolist()


def hex_ids(rng: np.random.Generator, count: int, digits: int = 32) -> list[str]:
    """Random hexadecimal ids, as vendors give their messages."""
    text = rng.bytes(count * digits // 2).hex()
    return [text[at : at + digits] for at in range(0, count * digits, digits)]
