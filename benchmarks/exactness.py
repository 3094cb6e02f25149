"""Exactness: are the figures of a dataset those of the oracle? Asked before any speed is told."""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

import duckdb

from benchmarks.oracle import expected_figures

_KEY = (
    "metric",
    "grouping_set",
    "window_kind",
    "window_start",
    "channel",
    "content_id",
    "item",
)
_TOLERANCE = 1e-12
"""Of `value`, a quotient of exact integers: relative. Numerators and denominators must be equal."""

SHOWN = 10


@dataclass(frozen=True)
class Compared:
    """How many figures were equal, how many are suppressed, and where others differ, in words."""

    equal: int
    suppressed: int
    differences: list[str]


def compare_figures(file: Path, dataset: Path) -> Compared:
    """The gross figures of a dataset of `moment measure` beside the exact ones of its input.

    A suppressed row says no figure, so it cannot differ; but it must be there. A figure too much
    is a difference unless it is zero: a channel that is silent in a minute has a row.
    """
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute(f"ATTACH '{dataset / 'moment.duckdb'}' AS dataset (READ_ONLY)")
    connection.register("expected", expected_figures(str(file)))
    same = " AND ".join(f"e.{name} IS NOT DISTINCT FROM o.{name}" for name in _KEY)
    key = ", ".join(f"coalesce(e.{name}, o.{name}) AS {name}" for name in _KEY)
    connection.execute(f"""
    CREATE TABLE judged AS
    SELECT {key},
           e.numerator AS e_numerator, e.denominator AS e_denominator,
           o.numerator AS o_numerator, o.denominator AS o_denominator, o.value AS o_value,
           e.numerator / coalesce(e.denominator, 1) AS e_value,
           CASE WHEN o.metric IS NULL THEN 'missing'
                WHEN o.suppressed_reason IS NOT NULL THEN 'suppressed'
                WHEN e.metric IS NULL AND o.numerator = 0 THEN 'silent'
                WHEN e.metric IS NULL THEN 'unexpected'
                WHEN o.numerator IS DISTINCT FROM e.numerator
                  OR o.denominator IS DISTINCT FROM e.denominator
                  OR NOT coalesce(abs(o_value - e_value) <= {_TOLERANCE} * abs(e_value), false)
                THEN 'different' ELSE 'equal' END AS verdict
    FROM expected AS e FULL JOIN (
        SELECT * FROM dataset.metrics_latest
        WHERE traffic = 'gross' AND metric IN (SELECT DISTINCT metric FROM expected)
    ) AS o ON {same}""")
    counts = dict(connection.sql("SELECT verdict, count(*) FROM judged GROUP BY 1").fetchall())
    differences = connection.sql(
        "SELECT * FROM judged WHERE verdict IN ('missing', 'unexpected', 'different')"
        f" ORDER BY {', '.join(_KEY)}"
    )
    rows = [dict(zip(differences.columns, row)) for row in differences.fetchall()]
    unheard = connection.sql("""
        SELECT DISTINCT metric FROM expected
        WHERE metric NOT IN (SELECT metric FROM judged WHERE verdict = 'equal')""").fetchall()
    return Compared(
        counts.get("equal", 0),
        counts.get("suppressed", 0),
        [_said(row) for row in rows]
        + [f"{metric}: no figure is published" for (metric,) in unheard],
    )


def _said(row: dict) -> str:
    place = ", ".join(f"{name} {row[name]}" for name in _KEY[1:] if row[name] is not None)
    exact = f"{row['e_numerator']} / {row['e_denominator']} = {row['e_value']}"
    found = f"{row['o_numerator']} / {row['o_denominator']} = {row['o_value']}"
    if row["verdict"] == "missing":
        found = "no row"
    if row["verdict"] == "unexpected":
        exact = "no row"
    return f"{row['metric']} ({place}): expected {exact}, found {found}"


def main(arguments: list[str] | None = None) -> int:
    """`python -m benchmarks.exactness FILE DATASET`: 0 if the figures are exact, else 1."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.exactness", description=__doc__)
    parser.add_argument("file", type=Path, help="NDJSON file of Segment tracks")
    parser.add_argument("dataset", type=Path, help="dataset that `moment measure` made of it")
    given = parser.parse_args(arguments)
    compared = compare_figures(given.file, given.dataset)
    print(
        f"{compared.equal:,} figures equal the oracle's, {compared.suppressed:,} are suppressed, "
        f"{len(compared.differences):,} differ"
    )
    for difference in compared.differences[:SHOWN]:
        print(f"NOT EXACT: {difference}")
    return 1 if compared.differences else 0


if __name__ == "__main__":
    sys.exit(main())
