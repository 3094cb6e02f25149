"""Options of an unbounded job: pace, clocks, horizons, and how brokers are reached."""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pipelines.arguments import add_stream_arguments
from pipelines.errors import OptionError
from pipelines.sources.kafka.settings import LAST_YEAR, KafkaSettings
from pipelines.sources.pubsub.settings import PullSettings
from pipelines.sources.streaming import StreamSettings
from transforms.calendar import NEVER

MOST_HOT_MINUTES = 48 * 60
MOST_FACT_MINUTES = 60 * 24 * 60

REPLAY, TOPICS, PULLED = "files", "Kafka topics", "Pub/Sub subscriptions that Moment pulls"
NATIVE = "Pub/Sub subscriptions that Dataflow reads itself"

HAD_BY = {
    "speed": (REPLAY,),
    "run_on": (REPLAY,),
    "kafka_properties": (TOPICS,),
    "pullers": (PULLED,),
    "most_unacknowledged": (PULLED,),
    "most_lease": (PULLED,),
    "allowance": (REPLAY, TOPICS, PULLED),
    "idle_after": (REPLAY, TOPICS, PULLED),
}
"""Options that only some kinds of unbounded input have."""


@dataclass(frozen=True)
class StreamOptions:
    """`speed` None: files are bounded. `since_minute`: earlier windows are not published."""

    settings: StreamSettings
    kafka: KafkaSettings
    pulls: PullSettings
    speed: float | None
    run_on_seconds: float
    hot_minutes: int
    fact_minutes: int
    since_minute: int
    publish_every_seconds: float
    append: bool


def stream_options_given(arguments: argparse.Namespace) -> list[str]:
    """Names of those that are not as they are where nobody says anything."""
    parser = argparse.ArgumentParser(add_help=False)
    add_stream_arguments(parser)
    unsaid = vars(parser.parse_args([]))
    return [name for name, value in unsaid.items() if getattr(arguments, name) != value]


def check_input_has(names: Iterable[str], kind: str) -> None:
    """Refuse options, by their names here, that change nothing of what a job reads. OptionError."""
    for name in names:
        kinds = HAD_BY.get(name, (kind,))
        if kind not in kinds:
            raise OptionError(
                f"--{name.replace('_', '-')}: expected with {' or '.join(kinds)} only, found"
                f" {kind}; leave it out"
            )


def stream_options(arguments: argparse.Namespace) -> StreamOptions:
    """Validated options. Raises OptionError, one sentence."""
    for name, least, most in (
        ("speed", 0, math.inf),
        ("run_on", 0, 10 * 86_400),
        ("allowance", 0, 3600),
        ("publish_every", 1, 3600),
        ("hot_minutes", 0, MOST_HOT_MINUTES),
        ("fact_minutes", 0, MOST_FACT_MINUTES),
        ("pullers", 1, 256),
        ("most_unacknowledged", PullSettings.messages_a_pull, 10_000_000),
        ("most_lease", 120, 86_400),
    ):
        value = getattr(arguments, name)
        if value is not None and not least <= value <= most:
            bounds = f"{least} or more" if math.isinf(most) else f"{least} to {most}"
            raise OptionError(f"--{name.replace('_', '-')} {value:g}: expected {bounds}")
    return StreamOptions(
        settings=StreamSettings(arguments.allowance, _idle_after(arguments.idle_after)),
        kafka=KafkaSettings(_properties(arguments.kafka_properties)),
        pulls=PullSettings(
            most_unacknowledged=arguments.most_unacknowledged,
            most_lease_seconds=arguments.most_lease,
        ),
        speed=arguments.speed,
        run_on_seconds=arguments.run_on,
        hot_minutes=arguments.hot_minutes,
        fact_minutes=arguments.fact_minutes,
        since_minute=_since(arguments.since),
        publish_every_seconds=arguments.publish_every,
        append=arguments.append,
    )


def _idle_after(given: str) -> float | None:
    if given == "never":
        return None
    try:
        seconds = float(given)
    except ValueError:
        seconds = math.nan
    if not 1 <= seconds <= 86_400:
        raise OptionError(f"--idle-after {given}: expected 1 to 86400 seconds, or never")
    return seconds


def _since(given: str | None) -> int:
    """The first whole minute at or after an instant."""
    if given is None:
        return NEVER
    try:
        # Python 3.10 reads no Z.
        instant = datetime.fromisoformat(given.removesuffix("Z") + "+00:00" * given.endswith("Z"))
    except ValueError as error:
        raise OptionError(
            f"--since {given}: expected an instant such as 2026-03-02T20:00+01:00"
        ) from error
    if instant.tzinfo is None:
        raise OptionError(f"--since {given}: expected an offset from UTC, as in {given}+01:00")
    # At the ends of the calendar the same instant has no date elsewhere.
    if not 1970 <= instant.year <= LAST_YEAR:
        raise OptionError(f"--since {given}: expected an instant of 1970 to {LAST_YEAR}")
    return math.ceil(instant.timestamp() / 60)


def _properties(given: str | None) -> tuple[tuple[str, str], ...]:
    """Name and value of each line, as Kafka's own clients read them; # begins a comment."""
    if given is None:
        return ()
    try:
        lines = Path(given).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "no UTF-8 text"
        raise OptionError(
            f"--kafka-properties {given}: expected a file of name=value lines, found: {reason}"
        ) from error
    properties = []
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        name, equals, value = line.partition("=")
        if not equals or not name.strip():
            raise OptionError(
                f"--kafka-properties {given}, line {number}: expected name=value, found no ="
            )
        properties.append((name.strip(), value.strip()))
    return tuple(properties)
