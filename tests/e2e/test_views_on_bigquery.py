"""Every view on BigQuery's emulator beside that of the files, and wide ones as a BI tool asks.

Tables and views are those that `moment tables apply` makes. Runs where the emulator's packages can
be had; with MOMENT_EVERYTHING set it must run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sqlalchemy
from google.cloud.bigquery import QueryJobConfig

from deploy.local.bigquery import PROJECT, Emulator
from pipelines.measure import Measured
from pipelines.sinks.bigquery.destination import parse_destination
from pipelines.sinks.bigquery.sql import BIGQUERY_VIEWS
from pipelines.sinks.bigquery.tables import apply, plan
from pipelines.sinks.duckdb_views import create_views
from pipelines.sinks.tables import EVENTS, METRICS
from pipelines.sinks.views import View
from pipelines.sinks.wide_views import WIDE_VIEWS
from tests.bi import plain
from tests.e2e.in_bigquery import InBigQuery, copy_of, write
from tests.pipelines.retold import DAY, FOLDER, measure_small, retold
from tests.pipelines.stated import FACTS, FIGURES, STANDING, STATUS

pytestmark = pytest.mark.timeout(900)

DATA = "views"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, measured: Callable[..., Measured]) -> Path:
    """A small live, measured by the job in this process, said again, with early figures beside."""
    made = tmp_path_factory.mktemp("views")
    figures = retold(measure_small(made, measured), made / "retold")
    (path,) = (figures / "metrics" / FOLDER).glob("part-epoch-1.parquet")
    early = pq.read_table(path, partitioning=None).slice(0, 40)
    named = early.schema.get_field_index("channel")
    nobody_final = pa.repeat(pa.scalar("early"), len(early))
    early = early.set_column(named, early.schema.field(named), nobody_final)
    (figures / "metrics_live" / FOLDER).mkdir(parents=True)
    pq.write_table(early, figures / "metrics_live" / FOLDER / "part-0.parquet")
    create_views(figures)
    return figures


@pytest.fixture(scope="module")
def place(bigquery: Emulator, folder: Path) -> InBigQuery:
    to = parse_destination(f"bigquery://{PROJECT}/{DATA}", bigquery.variables)
    apply(plan(bigquery.client(), to, "EU"), lambda sentence: None)
    copy_of(folder, to)
    return InBigQuery(to, [], bigquery.client())


@pytest.fixture(scope="module")
def files(folder: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(str(folder / "moment.duckdb"), read_only=True) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        yield connection


# The emulator gives two thousand rows a second.
FEWER = dict.fromkeys(
    ("metrics_latest", "metrics_now"), "window_kind <> 'minute' OR grouping_set = 'total'"
)


@pytest.mark.parametrize("view", BIGQUERY_VIEWS, ids=lambda view: view.name)
def test_a_view_of_bigquery_is_row_by_row_that_of_the_files(place, files, view: View):
    where = FEWER.get(view.name, "TRUE")
    told = files.execute(f"SELECT * FROM {view.name} WHERE {where}")
    names = [column[0] for column in told.description or ()]
    expected = plain(told.fetchall())

    # Not through SQLAlchemy: it fetches many rows over the Storage Read API, which is not there.
    asked = f"SELECT * FROM `{place.to.name(view)}` WHERE {where}"
    rows = list(place.client.query_and_wait(asked))
    assert expected
    assert list(rows[0].keys()) == names
    assert sorted(map(repr, plain(row.values() for row in rows))) == sorted(map(repr, expected))


@pytest.fixture(scope="module")
def ask(bigquery: Emulator) -> Callable[[str, str], list[Any]]:
    """Rows of a view of a dataset of few rows, `{view}` in what is asked."""
    to = parse_destination(f"bigquery://{PROJECT}/stated", bigquery.variables)
    client = bigquery.client()
    apply(plan(client, to, "EU"), lambda sentence: None)
    write(EVENTS, [FACTS], to)
    write(METRICS, [FIGURES], to)

    def rows(name: str, asked: str) -> list[Any]:
        (view,) = (each for each in BIGQUERY_VIEWS if each.name == name)
        found = client.query_and_wait(asked.format(view=f"`{to.name(view)}`"))
        return [tuple(row.values()) for row in found]

    return rows


def test_a_fact_that_the_next_day_changes_stands_there_and_one_it_takes_back_nowhere(ask):
    asked = "SELECT day, source_event_id FROM {view}"

    assert sorted(ask("events_standing", asked)) == sorted(STANDING)
    for day in (date(2026, 3, 2), date(2026, 3, 3)):
        of_day = ask("events_standing", f"{asked} WHERE day = '{day}'")
        assert sorted(of_day) == sorted(row for row in STANDING if row[0] == day)


def test_a_day_is_open_until_its_greatest_epoch_has_the_figures_of_the_day(ask):
    asked = "SELECT day, status, epoch FROM {view} WHERE table_name = 'metrics' ORDER BY day"

    assert ask("partition_status", asked) == STATUS


# As a BI tool asks


@pytest.fixture(scope="module")
def engine(place: InBigQuery) -> sqlalchemy.Engine:
    # With a priority the client does not take its short way, jobs.query, on which the emulator
    # knows no default dataset.
    client = place.client
    client.default_query_job_config = QueryJobConfig(
        default_dataset=f"{PROJECT}.{place.to.views_dataset}", priority="INTERACTIVE"
    )
    return sqlalchemy.create_engine(
        f"bigquery://{PROJECT}/{place.to.views_dataset}?user_supplied_client=True",
        connect_args={"client": client},
    )


@pytest.mark.parametrize("name", [name for name, _, _ in WIDE_VIEWS])
def test_a_wide_view_is_reflected_and_asked_for_a_day_by_place(engine, files, name):
    """A table found by its name, a query built of its columns, the day given beside, rows grouped."""
    wide = sqlalchemy.Table(name, sqlalchemy.MetaData(), autoload_with=engine)
    columns = [row[0] for row in files.execute(f"DESCRIBE {name}").fetchall()]
    assert wide.columns.keys() == columns
    figures = [each.removesuffix("_suppressed") for each in columns if "_suppressed" in each]

    asked = (
        sqlalchemy.select(
            wide.c.grouping_set,
            wide.c.traffic,
            sqlalchemy.func.count().label("places"),
            *(sqlalchemy.func.max(wide.c[figure]).label(f"most_{figure}") for figure in figures),
            *(sqlalchemy.func.sum(wide.c[f"{figure}_n"]) for figure in figures),
        )
        .where(
            wide.c.day == sqlalchemy.bindparam("on_day"), wide.c.window_kind.in_(("hour", "day"))
        )
        .group_by(wide.c.grouping_set, wide.c.traffic)
        .order_by(wide.c.grouping_set, wide.c.traffic)
    )
    with engine.connect() as connection:
        found = plain(connection.execute(asked, {"on_day": DAY}).fetchall())

    most = [f"max({figure})" for figure in figures] + [f"sum({figure}_n)" for figure in figures]
    expected = files.execute(
        f"SELECT grouping_set, traffic, count(*), {', '.join(most)} FROM {name}"
        " WHERE day = ? AND window_kind IN ('hour', 'day') GROUP BY ALL ORDER BY ALL",
        [DAY],
    ).fetchall()
    assert found == plain(expected)
    assert len(found) >= 2
