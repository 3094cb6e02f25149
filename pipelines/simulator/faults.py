"""What goes wrong on the way: late records, exact duplicates, malformed and unknown ones."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from pipelines.simulator.scenario import MINUTE_MS, Options


@dataclass(frozen=True)
class Written:
    """The sound records of a channel, each line without its newline, and when each arrived."""

    lines: list[bytes]
    arrived_ms: np.ndarray
    late: int


@dataclass(frozen=True)
class Fault:
    """One way to break a record: the first match of `pattern` becomes `replacement`."""

    pattern: bytes
    replacement: bytes


TRUNCATED = Fault(rb".{24}$", b"")
"""The end is missing, as a full disk or a broken connection leaves a record."""


@dataclass(frozen=True)
class Spoiled:
    """A channel's file: its lines in the order of arrival and what was put in on purpose."""

    lines: list[bytes]
    duplicates: int
    malformed: int
    unknown_kinds: int
    late: int


def delays_ms(rng: np.random.Generator, count: int, options: Options) -> np.ndarray:
    """Extra milliseconds before a record arrives: none for most, 2 to 40 minutes for the late."""
    delays = np.zeros(count, dtype=np.int64)
    late = rng.choice(count, some(count, options.late_share), replace=False)
    delays[late] = rng.integers(2 * MINUTE_MS, 40 * MINUTE_MS, len(late))
    return delays


def written(
    records: Sequence[str] | Iterable[str],
    at_ms: np.ndarray,
    rng: np.random.Generator,
    options: Options,
) -> Written:
    """Records of a channel whose server stamps them: they arrive within a second, or late."""
    lines = [record.encode() for record in records]
    delays = delays_ms(rng, len(lines), options)
    arrived = np.asarray(at_ms, dtype=np.int64) + rng.integers(20, 900, len(lines)) + delays
    return Written(lines, arrived, int(np.count_nonzero(delays)))


def document(value: object) -> str:
    """Compact JSON with the letters as people wrote them."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def spoil(
    channel: Written,
    broken: tuple[Fault, ...],
    unknown: Fault | None,
    rng: np.random.Generator,
    options: Options,
) -> Spoiled:
    """The channel's lines in the order of arrival, with faulty ones among them.

    Nothing sound is lost: malformed and unknown records are spoiled copies of sound ones, and a
    duplicate has the same bytes and comes up to ten minutes later. The faults take turns.
    """
    count = len(channel.lines)
    copies = rng.choice(count, some(count, options.duplicate_share), replace=False)
    malformed = some(count, options.malformed_share, least=len(broken))
    victims = rng.choice(count, malformed, replace=False)
    strangers = rng.choice(count, some(count, options.unknown_share) if unknown else 0, False)
    extra = [channel.lines[index] for index in copies]
    for turn, index in enumerate(victims):
        extra.append(_break(channel.lines[index], broken[turn % len(broken)]))
    if unknown:
        extra.extend(_break(channel.lines[index], unknown) for index in strangers)
    source = np.concatenate([copies, victims, strangers]).astype(np.int64)
    delay = rng.integers(1_000, 10 * MINUTE_MS, len(source))
    arrived = np.concatenate([channel.arrived_ms, channel.arrived_ms[source] + delay])
    lines = channel.lines + extra
    return Spoiled(
        lines=[lines[index] for index in np.argsort(arrived, kind="stable").tolist()],
        duplicates=len(copies),
        malformed=len(victims),
        unknown_kinds=len(strangers),
        late=channel.late,
    )


def some(count: int, share: float, least: int = 1) -> int:
    """That share of a count, rounded; at least `least` where the share is positive."""
    return min(count, max(least, round(count * share))) if share else 0


def _break(line: bytes, fault: Fault) -> bytes:
    spoiled, found = re.subn(fault.pattern, lambda _: fault.replacement, line, count=1)
    if not found:
        raise ValueError(f"fault {fault.pattern!r}: expected it to match every record it may hit")
    return spoiled
