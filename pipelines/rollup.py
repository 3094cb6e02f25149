"""`moment rollup`: reach and sums of any days and channels, from partials, without their events.

One SQL text for BigQuery and for a local dataset: sketches are united and counted there by the
functions of DataSketches that BigQuery's users share (`bqutil`), here by functions of the same
names over the library.
"""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from pipelines.day_options import PLACES
from pipelines.errors import OptionError
from pipelines.printable import printable
from pipelines.sinks.bigquery.destination import is_bigquery, parse_destination
from pipelines.sinks.duckdb_views import add_views
from pipelines.sinks.tables import PARTIALS
from schemas.channels import registered_channels
from transforms.measures.measure import COUNT_THRESHOLD
from transforms.statistics.theta import STANDARD_DEVIATIONS, people_in, union_of

FUNCTIONS = "bqutil.datasketches"
"""Where BigQuery's functions are, of datasets in the US; those of other regions are named after
them."""

COLUMNS = ("days", "reach", "reach_low", "reach_high", "events", "watched_hours", "actions")
"""Of a row, after its place."""


@dataclass(frozen=True)
class RollUp:
    """Which days, inclusive, by what, of which channels (none: all), in which traffic."""

    first: date
    last: date
    by: str = "total"
    channels: tuple[str, ...] = ()
    traffic: str = "valid"

    @property
    def grouping_set(self) -> str:
        """The finest rows that are needed: of chosen channels, those that tell channels apart."""
        if not self.channels:
            return self.by
        return {"total": "channel", "channel": "channel"}.get(self.by, f"{self.by}_channel")


def rollup_of(given: argparse.Namespace) -> RollUp:
    """The roll-up that options say. Raises OptionError, one sentence."""
    if given.first > given.last:
        raise OptionError(
            f"--from {given.first} --to {given.last}: expected the first day before the last"
        )
    known = registered_channels()
    for channel in given.channel or ():
        if channel not in known:
            raise OptionError(
                f"--channel {channel}: expected a registered channel, as in"
                f" {', '.join(sorted(known)[:3])}; `moment channels` lists them"
            )
    return RollUp(given.first, given.last, given.by, tuple(given.channel or ()), given.traffic)


def rollup_sql(asked: RollUp, functions: str = FUNCTIONS, partials: str = "partials_latest") -> str:
    """The SELECT of a roll-up over the view partials_latest, for DuckDB and BigQuery alike.

    Reach with bounds of 95 %, all three equal where the count is exact. Below ten people there is
    no figure of people, only the count of events.
    """
    place = "".join(f"{column}, " for column in PLACES[asked.by])
    of_channels = ", ".join(f"'{channel}'" for channel in asked.channels)
    shown = f"reach.estimate >= {COUNT_THRESHOLD}"
    return f"""
WITH united AS (
  SELECT {place}count(DISTINCT day) AS days, sum(events) AS events,
    sum(watched_ms) / 3600000 AS watched_hours, sum(actions) AS actions,
    {functions}.theta_sketch_agg_union(people) AS people
  FROM {partials}
  WHERE day BETWEEN DATE '{asked.first}' AND DATE '{asked.last}'
    AND grouping_set = '{asked.grouping_set}' AND traffic = '{asked.traffic}' AND item IS NULL\
{f" AND channel IN ({of_channels})" if of_channels else ""}
  GROUP BY {place}traffic
),
counted AS (
  SELECT united.*, {functions}.theta_sketch_get_estimate_and_bounds(
    people, {STANDARD_DEVIATIONS}) AS reach
  FROM united
)
SELECT {place}days,
  CASE WHEN {shown} THEN CAST(round(reach.estimate) AS INT64) END AS reach,
  CASE WHEN {shown} THEN CAST(round(reach.lower_bound) AS INT64) END AS reach_low,
  CASE WHEN {shown} THEN CAST(round(reach.upper_bound) AS INT64) END AS reach_high,
  events,
  CASE WHEN {shown} THEN round(watched_hours, 2) END AS watched_hours,
  CASE WHEN {shown} THEN actions END AS actions
FROM counted
ORDER BY {place}days
"""


def roll_up(dataset: Path, asked: RollUp) -> list[tuple[Any, ...]]:
    """Rows of `rollup_sql` over a local dataset. Raises OptionError where there is none."""
    with _connected(dataset) as connection:
        return connection.execute(rollup_sql(asked)).fetchall()


@contextmanager
def _connected(dataset: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A view of what rolls up beside functions of the names that BigQuery's have."""
    if not (dataset / "run.json").exists():
        raise OptionError(f"{dataset}: expected a dataset of `moment measure` (no run.json in it)")
    with duckdb.connect() as connection:
        add_views(connection, dataset, (PARTIALS,), ("partials_latest",))
        connection.create_function("theta_union", _union, ["BLOB[]"], "BLOB")
        connection.create_function("theta_bounds", _bounds, ["BLOB"], _BOUNDS)
        connection.execute(
            "ATTACH ':memory:' AS bqutil; CREATE SCHEMA bqutil.datasketches;"
            f"CREATE MACRO {FUNCTIONS}.theta_sketch_agg_union(sketch) AS theta_union(list(sketch));"
            f"CREATE MACRO {FUNCTIONS}.theta_sketch_get_estimate_and_bounds(sketch, deviations)"
            " AS theta_bounds(sketch)"
        )
        try:
            yield connection
        finally:
            # Else the library says at the end of the process that they were leaked.
            for name in ("theta_union", "theta_bounds"):
                connection.remove_function(name)


_BOUNDS = "STRUCT(estimate DOUBLE, lower_bound DOUBLE, upper_bound DOUBLE)"


def _union(sketches: Sequence[bytes]) -> bytes:
    return union_of(map(bytes, sketches))


def _bounds(sketch: bytes) -> dict[str, float]:
    told = people_in(bytes(sketch))
    return {"estimate": told.value, "lower_bound": told.low, "upper_bound": told.high}


def rollup(given: argparse.Namespace) -> int:
    """Print a roll-up, a line a place, or its SQL. 0: done."""
    asked = rollup_of(given)
    text, rows_of = (_of_bigquery if is_bigquery(given.dataset) else _of_folder)(given, asked)
    if given.sql:
        print(text.strip("\n"))
        return 0
    rows = rows_of()
    if not rows:
        raise OptionError(_nothing(given.dataset, asked))
    print("\t".join((*PLACES[asked.by], *COLUMNS)))
    for row in rows:
        print("\t".join("" if value is None else f"{value:,}" if _number(value)
                        else printable(str(value)) for value in row))  # fmt: skip
    return 0


def _nothing(dataset: str, asked: RollUp) -> str:
    of = f" of {', '.join(asked.channels)}" if asked.channels else ""
    by = "" if asked.by == "total" else f" by {asked.by}"
    why = f"; events that name no {asked.by} have none" if asked.by in ("content", "brand") else ""
    return (
        f"{dataset}: expected partials{of}{by} between {asked.first} and {asked.last}, found none:"
        f" bounded runs write them, and streams of days that they have sealed{why}"
    )


Asked = tuple[str, Callable[[], list[tuple[Any, ...]]]]
"""The text of a roll-up, and what gives its rows."""


def _of_folder(given: argparse.Namespace, asked: RollUp) -> Asked:
    if given.functions and not given.sql:
        raise OptionError(
            f"--functions {given.functions}: expected with bigquery://PROJECT/DATASET or --sql, for"
            " a directory is read by functions of Moment's own; leave it out"
        )
    text = rollup_sql(asked, functions_named(given.functions or FUNCTIONS))
    return text, lambda: roll_up(Path(given.dataset), asked)


def _of_bigquery(given: argparse.Namespace, asked: RollUp) -> Asked:
    # Imported when it is needed: a roll-up of a folder needs none of Google's packages.
    from pipelines.rollup_bigquery import partials_in, roll_up_in_bigquery, shared_functions

    place = parse_destination(given.dataset, os.environ, option="")
    functions = given.functions or shared_functions(place)
    text = rollup_sql(asked, functions_named(functions), partials_in(place))
    return text, lambda: roll_up_in_bigquery(place, text, PLACES[asked.by], functions)


def functions_named(functions: str) -> str:
    """PROJECT.DATASET as BigQuery's SQL has it before a function. Raises OptionError."""
    project, dot, dataset = functions.rpartition(".")
    if not (dot and re.fullmatch(r"[a-z][a-z0-9.:-]*", project) and re.fullmatch(r"\w+", dataset)):
        raise OptionError(
            f"--functions {functions}: expected PROJECT.DATASET, as in bqutil.datasketches_eu"
        )
    return functions if project.isalnum() else f"`{project}`.{dataset}"


def _number(value: Any) -> bool:
    return isinstance(value, int | float)
