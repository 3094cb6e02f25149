"""Findings: what a report needs of one local day, read from a folder or from BigQuery."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pipelines.errors import OptionError
from pipelines.report.selects import (
    BALANCE_OF_CHANNELS,
    COUNTS,
    DAYS,
    EVENTS_OF_DAYS,
    FAILURES,
    OF_MINUTES,
    OF_THE_DAY,
)
from pipelines.report.source import Ask, Row, Source

__all__ = ["Figures", "Findings", "Row", "read_findings"]

_SHOWN = ("window_start", "definition_version", "channel", "content_id", "brand_id", "item")
"""Columns by which figures are in order, nulls last."""


class Figures:
    """Metric rows found by what they are about; of several definition versions, the last read."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self._rows: dict[tuple[str, str, str], list[Row]] = {}
        for row in rows:
            place = (row["metric"], row["grouping_set"], row["window_kind"])
            self._rows.setdefault(place, []).append(row)

    def many(
        self, metric: str, grouping: str = "total", window: str = "day", **dimensions: str | None
    ) -> list[Row]:
        """Rows in order of time, of valid traffic unless said; one for each figure."""
        wanted = {"traffic": "valid", **dimensions}
        rows = self._rows.get((metric, grouping, window), [])
        chosen = [row for row in rows if all(row[name] == wanted[name] for name in wanted)]
        by_figure = {
            (
                row["window_start"],
                row["channel"],
                row["content_id"],
                row["brand_id"],
                row["item"],
            ): (row)
            for row in chosen
        }
        return list(by_figure.values())

    def one(self, metric: str, grouping: str = "total", **dimensions: str | None) -> Row | None:
        """The row of the day, or None where the dataset has none."""
        rows = self.many(metric, grouping, "day", **dimensions)
        return rows[-1] if rows else None


@dataclass(frozen=True)
class Findings:
    """One local day of a dataset; `failed`, `suppressed` and `causes` are counts by group."""

    zone: ZoneInfo
    run: Mapping[str, Any]
    day: date | None = None
    days: int = 0
    """Local days the dataset has figures of."""
    live: str | None = None
    """The content watched live, else that of greatest reach; None where none is published."""
    figures: Figures = field(default_factory=lambda: Figures(()))
    published: datetime | None = None
    balance: list[Row] = field(default_factory=list)
    """A row a channel of all hours that balance, and one each hour and input that does not."""
    failed: list[Row] = field(default_factory=list)
    why_no_failures: str | None = None
    """Why `failed` says nothing, where it may not be read."""
    suppressed: list[Row] = field(default_factory=list)
    causes: list[Row] = field(default_factory=list)


def read_findings(source: Source, day: date | None = None) -> Findings:
    """Findings of a dataset, of `day` or the local day with most events; parts it lacks are empty.

    Raises FileNotFoundError where a folder is none, OptionError where there are figures but none of
    `day`, where its run names no time zone of the IANA database, or where BigQuery refuses.
    """
    run = source.run()
    zone = _zone(run, source)
    why_no_failures = source.why_no_failures()
    with source.opened() as ask:
        known = ask(DAYS, {})
        always: dict[str, Any] = {
            "zone": zone,
            "run": run,
            "days": len(known),
            "balance": _ordered(ask(BALANCE_OF_CHANNELS, {}), ("channel", "arrival_hour", "input")),
            "failed": [] if why_no_failures else _failed(ask),
            "why_no_failures": why_no_failures,
        }
        if not known:
            if not always["balance"]:
                source.found_nothing()
            return Findings(day=day, **always)
        day = _fullest(ask, known) if day is None else _known(day, known, source)
        of_day = ask(OF_THE_DAY, {"day": day})
        live = _live(of_day)
        minutes = ask(OF_MINUTES, {"day": day, "live": live or ""})
        counts = ask(COUNTS, {"day": day})
    return Findings(
        day=day,
        live=live,
        figures=Figures(_ordered([*of_day, *minutes], _SHOWN)),
        published=max(row["published_time"] for row in counts),
        suppressed=[
            {"reason": reason, "window_kind": window_kind, "rows": rows}
            for (reason, window_kind), rows in _sums(counts, "suppressed_reason", "window_kind")
        ],
        causes=[{"cause": cause, "rows": rows} for (cause,), rows in _sums(counts, "cause")],
        **always,
    )


def _fullest(ask: Ask, known: list[Row]) -> date:
    """The day of most events; of days that have not ended, the one of most rows, or the last."""
    events = {row["day"]: row["events"] for row in ask(EVENTS_OF_DAYS, {})}
    chosen: date = max(
        known,
        key=lambda row: (
            events.get(row["day"]) is not None,
            events.get(row["day"]) or 0,
            row["row_count"],
            row["day"],
        ),
    )["day"]
    return chosen


def _known(day: date, known: list[Row], source: Source) -> date:
    days = sorted(row["day"] for row in known)
    if day not in days:
        raise OptionError(
            f"--day {day}: expected a day that {source} has figures of ({days[0]} to {days[-1]}),"
            " found none"
        )
    return day


def _live(of_day: list[Row]) -> str | None:
    """Of the contents people watched at once, the one of greatest reach, else of greatest reach:
    the page that announces a live may reach more people than the live. Valid before gross."""
    contents: dict[tuple[str, str], dict[str, float]] = {}
    for row in of_day:
        if (
            row["metric"] in ("reach", "concurrent_viewers")
            and row["grouping_set"] == "content"
            and row["value"] is not None
        ):
            told = contents.setdefault((row["traffic"], row["content_id"]), {})
            told[row["metric"]] = max(row["value"], told.get(row["metric"], row["value"]))
    ranked = sorted(
        contents,
        key=lambda key: (
            key[0] != "valid",
            -len(contents[key]),
            -contents[key].get("reach", float("-inf")),
            key[1],
        ),
    )
    return ranked[0][1] if ranked else None


def _failed(ask: Ask) -> list[Row]:
    rows = ask(FAILURES, {})
    return sorted(
        rows, key=lambda row: (-row["records"], row["channel"], row["reason"], row["stage"])
    )


def _sums(counts: list[Row], *columns: str) -> list[tuple[tuple[Any, ...], int]]:
    """How many rows each group of these columns has, most first."""
    totals: Counter[tuple[Any, ...]] = Counter()
    for row in counts:
        totals[tuple(row[column] for column in columns)] += row["row_count"]
    return sorted(totals.items(), key=lambda told: (-told[1], _nulls_last(told[0])))


def _ordered(rows: Iterable[Row], columns: tuple[str, ...]) -> list[Row]:
    return sorted(rows, key=lambda row: _nulls_last(row[column] for column in columns))


def _nulls_last(values: Iterable[Any]) -> tuple[tuple[bool, Any], ...]:
    """Engines disagree on the place of nulls, and so order is made here."""
    return tuple((value is None, "" if value is None else value) for value in values)


def _zone(run: Mapping[str, Any], source: Source) -> ZoneInfo:
    name = run.get("time_zone") or "UTC"
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise OptionError(
            f"{source}: expected its run to name a time zone of the IANA database, found {name!r}"
        ) from None
