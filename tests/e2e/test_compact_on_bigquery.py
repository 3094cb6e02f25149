"""`moment compact bigquery://PROJECT/DATASET` on BigQuery's emulator.

Runs where the emulator's packages can be had; with MOMENT_EVERYTHING set it must run.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from deploy.local.bigquery import Emulator
from pipelines.backfill.lease import exclusively
from pipelines.cli import main
from pipelines.compact.folder import compact
from pipelines.compact.kept import KEPT, print_compacted
from pipelines.errors import IN_USE, OptionError
from pipelines.place_bigquery import BigQueryPlace
from pipelines.sinks.bigquery.destination import Destination
from pipelines.sinks.bigquery.sql import BIGQUERY_VIEWS
from pipelines.sinks.table import Table
from pipelines.sinks.tables import BACKFILLS, EVENTS, FAILED_EVENTS, METRICS, TABLES
from pipelines.verify.dataset import LateEvent, late_events
from schemas.bigquery import wire_schema
from tests.bigquery_tables import add_column
from tests.e2e.forbidding import forbidding
from tests.e2e.in_bigquery import InBigQuery, copy_of, killed_when
from tests.e2e.test_backfill_on_bigquery import as_if_minutes_had_passed
from tests.pipelines.retold import DAY, FOLDER

pytestmark = pytest.mark.timeout(900)


@pytest.fixture
def place(dataset: Path, empty: Destination, bigquery: Emulator) -> InBigQuery:
    copy_of(dataset, empty)
    return InBigQuery(empty, [], bigquery.client())


def moment_compact(place: InBigQuery, day: date = DAY) -> int:
    return main(["compact", str(place.to), "--day", str(day)])


def said(place: InBigQuery) -> dict[str, list[str]]:
    """Every row of every view; of partition_status without the number of rows stored."""
    found = {}
    for view in BIGQUERY_VIEWS:
        columns = "* EXCEPT (row_count)" if view.name == "partition_status" else "*"
        found[view.name] = texts(place, f"SELECT {columns} FROM `{place.to.name(view)}`")
    return found


def texts(place: InBigQuery, select: str) -> list[str]:
    """Rows as one text each: to make sixty thousand rows of forty values takes ten seconds."""
    sql = f"SELECT TO_JSON_STRING(t) FROM ({select}) AS t"
    return sorted(text for (text,) in place.client.query(sql).result())


def stored(place: InBigQuery, table: Table, where: str = "TRUE") -> list[str]:
    names = wire_schema(table.schema).names
    return in_order([row[name] for name in names] for row in place.rows(table, where))


def in_order(rows: Iterable[list[Any]]) -> list[str]:
    return sorted(repr([_plainly(each) for each in row]) for row in rows)


def _plainly(value: Any) -> Any:
    """Instants whatever class their time zone is of, decimals without zeros at their end."""
    if isinstance(value, datetime):
        return value.isoformat()
    return value.normalize() if isinstance(value, Decimal) else value


def everything(place: InBigQuery, where: str = "TRUE") -> dict[str, list[str]]:
    """Every row of every table."""
    return {
        table.name: texts(
            place,
            f"SELECT * FROM `{place.to.name(table)}` WHERE day >= DATE '0001-01-01' AND {where}",
        )
        for table in TABLES
    }


def in_folder(dataset: Path, table: Table) -> list[str]:
    """The rows of the day of a folder, as BigQuery gives them."""
    rows: list[dict[str, Any]] = []
    for file in (dataset / table.name / FOLDER).glob("*.parquet"):
        rows += pq.read_table(file, partitioning=None).cast(_plain(table)).to_pylist()
    return in_order([*row.values(), DAY] for row in rows)


def _plain(table: Table) -> pa.Schema:
    wired = wire_schema(table.schema)
    return pa.schema([wired.field(name) for name in table.schema.names])


def late(place: InBigQuery) -> list[LateEvent]:
    """What `moment verify` reads of the ledger; of figures, which it needs not, another day's."""
    with BigQueryPlace(place.to).published([date(2026, 3, 1)]) as connection:
        return late_events(connection)


# What changes and what does not


def test_every_row_of_every_view_stays_and_those_are_kept_that_a_folder_keeps(
    place, dataset, capsys
):
    before = said(place)
    other_days = everything(place, f"day <> DATE '{DAY}'")
    counts = {t.name: place.count(t, f"day = DATE '{DAY}'") for t in KEPT}
    left_out = late(place)

    assert moment_compact(place) == 0

    told = capsys.readouterr().out
    after = said(place)
    for name, rows in before.items():
        assert after[name] == rows, name
    assert [name for name, rows in before.items() if not rows] == []
    assert late(place) == left_out != []
    assert everything(place, f"day <> DATE '{DAY}'") == other_days
    assert any(other_days.values())
    compact(dataset, DAY)
    for table in KEPT:
        kept = stored(place, table, f"day = DATE '{DAY}'")
        assert kept == in_folder(dataset, table), table.name
        assert len(kept) < counts[table.name]
        assert f"{table.name}: {counts[table.name]:,} rows to {len(kept):,}\n" in told


def test_a_second_time_nothing_is_written(place, bigquery):
    """Not even what is the same: a service that would refuse to is not asked."""
    assert moment_compact(place) == 0
    before = everything(place)

    with forbidding(bigquery.variables["BIGQUERY_EMULATOR_HOST"], "MERGE ") as address:
        again = BigQueryPlace(replace(place.to, rest_emulator=address)).compact(DAY)

    assert len(again) == 6
    assert [each.rows[0] - each.rows[1] for each in again] == [0] * 6
    assert everything(place) == before


def test_failed_payloads_that_may_not_be_read_are_left_and_the_right_is_told(
    place, bigquery, capsys
):
    before = place.count(FAILED_EVENTS)
    with forbidding(bigquery.variables["BIGQUERY_EMULATOR_HOST"], "failed_events") as address:
        done = BigQueryPlace(replace(place.to, rest_emulator=address)).compact(DAY)
    print_compacted(done)

    assert place.count(FAILED_EVENTS) == before
    assert [each.table for each in done if each.rows[1] < each.rows[0]] == [
        "events", "metrics", "balance", "partials", "late_events",
    ]  # fmt: skip
    assert capsys.readouterr().out.splitlines()[-1] == (
        "failed_events: left as it is, for this account may not read it; grant it BigQuery Data"
        f" Editor on {place.to.project}.{place.to.restricted_dataset} to compact it too"
    )


def test_a_column_that_somebody_added_keeps_its_values(place, bigquery):
    add_column(place.client, place.to, METRICS, "note", "STRING")
    name = place.to.name(METRICS)
    place.client.query_and_wait(f"UPDATE `{name}` SET note = metric WHERE day = DATE '{DAY}'")

    assert moment_compact(place) == 0

    rows = place.rows(METRICS, f"day = DATE '{DAY}'")
    assert {row["note"] == row["metric"] for row in rows} == {True}


# Killed, and two at once


def test_killed_half_way_the_views_say_the_same_and_a_rerun_completes(place, dataset, capsys):
    before = said(place)
    day = f"day = DATE '{DAY}'"
    all_events, all_figures = place.count(EVENTS, day), place.count(METRICS, day)
    killed_when(
        lambda: place.count(EVENTS, day) < all_events, place, "--day", str(DAY), verb="compact"
    )

    assert place.count(METRICS, day) in (all_figures, len(in_compacted(dataset, METRICS)))
    halfway = said(place)
    for name, rows in before.items():
        assert halfway[name] == rows, name
    assert moment_compact(place) == IN_USE
    assert "s until its lease has" in capsys.readouterr().err

    as_if_minutes_had_passed(place)
    assert moment_compact(place) == 0
    for table in KEPT:
        assert stored(place, table, day) == in_compacted(dataset, table), table.name
    assert said(place) == before


def in_compacted(dataset: Path, table: Table) -> list[str]:
    compact(dataset, DAY)
    return in_folder(dataset, table)


def test_while_somebody_compacts_or_refills_it_nothing_is_done(place, capsys):
    before = everything(place)
    with exclusively(place.to):
        assert moment_compact(place) == IN_USE

    assert re.search(
        r"expected no other backfill, replay or compaction of it, found that of .+ on .+"
        rf" \(process {os.getpid()}\), since",
        capsys.readouterr().err,
    )
    assert everything(place) == before


# What is left as it is


def test_an_open_day_is_refused_and_nothing_is_changed(place, capsys):
    name = place.to.name(METRICS)
    place.client.query_and_wait(
        f"DELETE FROM `{name}` WHERE day = DATE '{DAY}' AND window_kind = 'day'"
    )
    before = everything(place)

    assert moment_compact(place) == 2

    assert capsys.readouterr().err == (
        f"moment: --day {DAY}: expected a closed day, found one whose figures are not final yet:"
        " wait until partition_status says closed or restated\n"
    )
    assert everything(place) == before
    assert place.count(BACKFILLS) == 0


def test_a_day_that_a_live_job_may_still_write_is_refused(stream):
    """Its sources have been read up to midnight, and a window is corrected for fifteen minutes."""
    with pytest.raises(OptionError) as refused:
        BigQueryPlace(stream.to).compact(date(2026, 3, 3))

    assert str(refused.value) == (
        "--day 2026-03-03: expected a day that no live job writes any more, found one that ends at"
        " 2026-03-04T00:00+00:00, and figures that are final up to 2026-03-03T23:45+00:00: wait"
        " until they are beyond it"
    )
    assert BigQueryPlace(stream.to).compact(date(2026, 3, 2)) != []


def test_a_day_without_figures_is_refused_in_one_sentence(batch, empty):
    with pytest.raises(OptionError) as refused:
        BigQueryPlace(batch.to).compact(date(2026, 3, 20))
    assert str(refused.value) == (
        f"--day 2026-03-20: expected a day that {batch.to} has figures of, found those of"
        " 2026-03-01 to 2026-03-03"
    )
