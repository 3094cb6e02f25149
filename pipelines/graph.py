"""The graph of `moment measure`: which steps, in which order; one for every source and sink."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import apache_beam as beam

from pipelines.sinks.parquet import Table
from pipelines.sinks.tables import BALANCES, EVENTS, FAILED_EVENTS, METRICS
from transforms.accumulate import PublishRules
from transforms.accumulate_families import AccumulateFamilies, RouteLabels
from transforms.attend import AttendRules
from transforms.attend_shards import AttendShards
from transforms.attribute import Attribute
from transforms.balance import Balance
from transforms.decode import Decode
from transforms.observe import Observe, ObserveRules
from transforms.protect import Protect, PseudonymKeys
from transforms.screen import Screen

Sink = Callable[[Table], beam.PTransform]
"""The write step of a table."""


@dataclass(frozen=True)
class Rules:
    """Everything the graph needs besides source and sink."""

    time_zone: str
    channels: tuple[str, ...]
    keys: PseudonymKeys
    shards: int = 16
    families: int = 8
    epoch: int = 0
    default_brand: str | None = None

    def observe(self) -> ObserveRules:
        return ObserveRules(self.time_zone, self.shards)

    def publish(self) -> PublishRules:
        return PublishRules(self.time_zone, self.channels, self.epoch)


def build(root: beam.Pipeline, source: beam.PTransform, sink: Sink, rules: Rules) -> None:
    """Add the whole job to a pipeline.

    `source` gives `payloads`, `failed`, `counts`; `sink(table)` writes batches of a table.
    """
    read = root | "Read" >> source
    decoded = read.payloads | "Decode" >> Decode()
    attributed = decoded.events | "Attribute" >> Attribute(rules.default_brand)
    screened = attributed | "Screen" >> Screen()
    protected = screened | "Protect" >> Protect(rules.keys)
    observed = protected.events | "Observe" >> Observe(rules.observe())
    attended = observed.observations | "Attend" >> AttendShards(
        AttendRules(rules.time_zone), rules.families, rules.shards
    )
    named = observed.labels | "RouteLabels" >> RouteLabels(rules.families)
    metrics = (
        (attended["partials"], named)
        | "JoinFamilies" >> beam.Flatten()
        | "Accumulate" >> AccumulateFamilies(rules.publish())
    )
    failed = (read.failed, decoded.failed) | "AllFailed" >> beam.Flatten()
    balance = (
        (read.counts, decoded.counts, protected.counts, attended["counts"])
        | "AllCounts" >> beam.Flatten()
        | "Balance" >> Balance()
    )
    for table, batches in (
        (EVENTS, protected.events),
        (METRICS, metrics),
        (FAILED_EVENTS, failed),
        (BALANCES, balance),
    ):
        batches | f"Write{_camel(table.name)}" >> sink(table)


def _camel(name: str) -> str:
    return "".join(part.title() for part in name.split("_"))
