"""The graph of `moment measure`: which steps, in which order; one for every source and sink."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import apache_beam as beam

from pipelines.sinks.table import Table
from pipelines.sinks.tables import (
    ARCHIVE,
    BALANCES,
    EVENTS,
    FAILED_EVENTS,
    LATE_EVENTS,
    METRICS,
    METRICS_LIVE,
    PARTIALS,
    SOURCE_STATUSES,
)
from transforms.accumulate_families import PUBLISH_EVERY_SECONDS, AccumulateFamilies, RouteLabels
from transforms.archive import Archive
from transforms.attend_shards import AttendShards
from transforms.attribute import Attribute
from transforms.balance_steps import Balance
from transforms.calendar import NEVER
from transforms.event_steps import Decode, Protect, Screen
from transforms.exclude import Exclude, LeftOut
from transforms.observe import Observe, ObserveRules
from transforms.protect import PseudonymKeys
from transforms.rules import FACT_MINUTES, AttendRules, PublishRules

Sink = Callable[[Table], beam.PTransform]
"""The write step of a table. A PCollection that it gives are FAILED_EVENT batches of the rows that
were refused; a sink that refuses none gives PDone."""


@dataclass(frozen=True)
class Rules:
    """Everything the graph needs besides source and sink.

    `excluded` are ids of what figures leave out, events and late changes of facts. Of a stream: how
    long a minute corrects, how long sealed facts are known, how often figures are published, from
    which minute on, and the integer that keys each shard (none: its number). `keys` None: for a
    recomputation of events, whose identifiers are replaced already. `archive`: keep what is read.
    """

    time_zone: str
    channels: tuple[str, ...]
    keys: PseudonymKeys | None = None
    shards: int = 16
    families: int = 8
    epoch: int = 0
    default_brand: str | None = None
    excluded: LeftOut | None = field(default=None, compare=False)
    hot_minutes: int = 15
    fact_minutes: int = FACT_MINUTES
    publish_every_seconds: float = PUBLISH_EVERY_SECONDS
    since_minute: int = NEVER
    shard_keys: tuple[int, ...] = ()
    archive: bool = False

    def observe(self) -> ObserveRules:
        return ObserveRules(self.time_zone, self.shards, self.shard_keys)

    def attend(self) -> AttendRules:
        return AttendRules(self.time_zone, self.hot_minutes, fact_minutes=self.fact_minutes)

    def publish(self, bounded: bool) -> PublishRules:
        shards = None if bounded else self.shards
        return PublishRules(self.time_zone, self.channels, self.epoch, shards, self.since_minute)


def build(root: beam.Pipeline, source: beam.PTransform, sink: Sink, rules: Rules) -> None:
    """Add the whole job to a pipeline, bounded or unbounded as its source is.

    `source` gives `payloads`, `failed`, `counts`, and, unbounded, `status`; `sink(table)` writes
    batches of a table. What is early, late, and how far sources are, only an unbounded job says.
    """
    read = root | "Read" >> source
    bounded = read.payloads.is_bounded
    decoded = read.payloads | "Decode" >> Decode()
    attributed = decoded.events | "Attribute" >> Attribute(rules.default_brand)
    screened = attributed | "Screen" >> Screen()
    if rules.keys is None:
        raise ValueError("rules: expected pseudonym keys to protect what is read, found none")
    protected = screened | "Protect" >> Protect(rules.keys)
    counts = [read.counts, decoded.counts, protected.counts]
    admitted = protected.events
    if rules.excluded is not None:
        left_out = protected.events | "Exclude" >> Exclude(rules.excluded)
        admitted = left_out.events
        counts.append(left_out.counts)
    attended, published = _figures(admitted, rules)
    failed = (read.failed, decoded.failed) | "AllFailed" >> beam.Flatten()
    balance = (*counts, attended["counts"]) | "AllCounts" >> beam.Flatten() | "Balance" >> Balance()
    tables = [
        (EVENTS, protected.events),
        (METRICS, published.metrics),
        (BALANCES, balance),
        (PARTIALS, published.partials),
    ]
    if not bounded:
        tables += [
            (METRICS_LIVE, published.live),
            (LATE_EVENTS, attended["late"]),
            (SOURCE_STATUSES, read.status),
        ]
    if rules.archive:
        tables.append((ARCHIVE, read.payloads | "Archive" >> Archive()))
    written = [batches | _write_label(table) >> sink(table) for table, batches in tables]
    refused = [each for each in written if isinstance(each, beam.PCollection)]
    if refused:
        failed = (failed, *refused) | "FailedAndRefused" >> beam.Flatten()
    # Last, and what it refuses itself goes nowhere: the sink writes it without its payload.
    failed | _write_label(FAILED_EVENTS) >> sink(FAILED_EVENTS)


def recompute(root: beam.Pipeline, source: beam.PTransform, sink: Sink, rules: Rules) -> None:
    """Add the second half of the job, over events that were decoded and protected before.

    Bounded. `source` gives `events` (PROTECTED_EVENT) and `counts`; METRICS and BALANCES are
    written, and the balance says whether each event was accepted or a copy.
    """
    read = root | "Read" >> source
    attended, published = _figures(read.events, rules)
    counts = (read.counts, attended["counts"]) | "AllCounts" >> beam.Flatten()
    balance = counts | "Balance" >> Balance()
    for table, batches in ((METRICS, published.metrics), (BALANCES, balance)):
        batches | _write_label(table) >> sink(table)


def _figures(
    events: beam.PCollection, rules: Rules
) -> tuple[dict[str, beam.PCollection], beam.pvalue.DoOutputsTuple]:
    """What Attend and Accumulate give of events."""
    observed = events | "Observe" >> Observe(rules.observe())
    attended = observed.observations | "Attend" >> AttendShards(
        rules.attend(), rules.families, rules.shards, rules.epoch, rules.publish_every_seconds
    )
    named = observed.labels | "RouteLabels" >> RouteLabels(rules.families)
    published = (
        (attended["partials"], named)
        | "JoinFamilies" >> beam.Flatten()
        | "Accumulate"
        >> AccumulateFamilies(rules.publish(events.is_bounded), rules.publish_every_seconds)
    )
    return attended, published


def _write_label(table: Table) -> str:
    return "Write" + "".join(part.title() for part in table.name.split("_"))
