"""Five questions of BI: their answers, what they touch, and that docs/bi.md says the same."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
import sqlglot
from sqlglot import exp
from sqlglot.optimizer.pushdown_projections import pushdown_projections
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import traverse_scope

from pipelines.measure import Measured
from pipelines.questions import QUESTIONS, Question
from pipelines.sinks.tables import TABLES
from pipelines.sinks.views import views
from schemas.bigquery import DAY
from schemas.event import EVENT
from tests.bi import ANSWERS, dataset_of_two_epochs, plain

DOCUMENT = Path(__file__).parent.parent.parent / "docs" / "bi.md"

each_question = pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.name)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory, measured: Callable[..., Measured]) -> Path:
    return dataset_of_two_epochs(tmp_path_factory.mktemp("bi"), measured)


@pytest.fixture(scope="module")
def files(dataset: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(str(dataset / "moment.duckdb"), read_only=True) as connection:
        yield connection


# Answers


@each_question
def test_duckdb_answers(files, question):
    assert plain(files.execute(question.select).fetchall()) == ANSWERS[question.name]


def test_days_of_events_that_stand_have_the_reach_that_is_published(files):
    """The condition of the week's question is the definition of the measure."""
    (reach,) = (question for question in QUESTIONS if question.name == "reach")
    for day, published in (("13", 44), ("14", 1246)):
        next_day = str(int(day) + 1)
        asked = reach.select.replace("2026-03-09 00", f"2026-03-{day} 00")
        asked = asked.replace("2026-03-16 00", f"2026-03-{next_day} 00")
        assert files.execute(asked).fetchall() == [(published,)]
        assert files.execute(
            "SELECT value FROM metrics_latest WHERE metric = 'reach' AND traffic = 'valid'"
            f" AND grouping_set = 'total' AND window_kind = 'day' AND day = '2026-03-{day}'"
        ).fetchall() == [(published,)]


def test_daily_reach_does_not_add_up_to_the_weeks(files):
    ((summed,),) = files.execute(
        "SELECT sum(n) FROM metrics_latest WHERE metric = 'reach' AND traffic = 'valid'"
        " AND grouping_set = 'total' AND window_kind = 'day'"
    ).fetchall()

    assert summed == 1290
    assert ANSWERS["reach"] == [(1268,)]


def test_a_fact_stands_as_it_was_last_stated_and_a_retracted_one_does_not(tmp_path):
    """The view reads events_latest alone: rows of four columns say all that it looks at."""
    (standing,) = (view for view in views(by_day=False) if view.name == "events_standing")
    with duckdb.connect() as connection:
        connection.register("empty", EVENT.empty_table())
        connection.execute("CREATE TABLE events_latest AS SELECT *, NULL::DATE AS day FROM empty")
        connection.execute(
            "INSERT INTO events_latest BY NAME FROM (VALUES ('e1', NULL, NULL, 'insert'),"
            " ('e2', 'f1', 1, 'insert'), ('e3', 'f1', 2, 'update'),"
            " ('e4', 'f2', 1, 'insert'), ('e5', 'f2', 2, 'retract'),"
            " ('e6', 'f3', 2, 'insert'), ('e7', 'f3', 1, 'retract'),"
            " ('e8', 'f4', 3, 'retract'), ('e9', 'f4', 3, 'insert')"
            ") AS told(event_id, fact_id, revision, op)"
        )
        found = connection.execute(f"SELECT event_id FROM ({standing.select})").fetchall()

    assert sorted(found) == [(b"e1",), (b"e3",), (b"e6",)]


# What is touched

EVENTS_STANDING = {
    "day", "event_id", "fact_id", "revision", "op", "event_time", "collected_time",
    "ingested_time", "actor_id", "actor_kind", "action_class", "ivt_class",
}  # fmt: skip
STATED = {"day", "fact_id", "revision"}
FIGURE = {
    "day", "metric", "definition_version", "grouping_set", "window_kind", "window_start", "channel",
    "content_id", "brand_id", "item", "traffic", "value", "epoch", "revision", "published_time",
}  # fmt: skip
REPLACING = {"day", "epoch", "window_kind", "window_start"}
COLUMNS: dict[str, dict[str, list[set[str]]]] = {
    "audience": {
        "metrics": [
            REPLACING,
            FIGURE
            | {"window_end", "interval_low", "interval_high", "suppressed_reason", "coverage"},
        ]
    },
    "changes": {"metrics": [FIGURE | {"suppressed_reason", "cause"}]},
    "silence": {"metrics": [REPLACING, FIGURE | {"coverage"}]},
    "satisfaction": {
        "events": [
            STATED,
            EVENTS_STANDING
            | {"content_id", "rating_scale", "rating_value", "rating_min", "rating_max"},
        ]
    },
    "reach": {"events": [STATED, EVENTS_STANDING]},
}
"""Each scan of a table by a question, and the columns it reads."""

DAYS = {
    "audience": {"day=2026-03-14"},
    "changes": {"day=2026-03-14"},
    "silence": {"day=2026-03-14"},
    "satisfaction": {"day=2026-03-14"},
    "reach": {"day=2026-03-12", "day=2026-03-13", "day=2026-03-14"},
}
"""Of the days that the dataset has, those that a question names."""

OF_ALL_DAYS = {"satisfaction": 1, "reach": 1}
"""How many scans of a question read all days: what was stated of its facts on others."""


def _scans(question: Question) -> dict[str, list[set[str]]]:
    """Columns of each scan, as the views of BigQuery are written: found without running it."""
    texts = {view.name: view.select for view in views(by_day=True)}
    tree: Any = sqlglot.parse_one(question.select, read="duckdb")
    while named := [table for table in tree.find_all(exp.Table) if table.name in texts]:
        for table in named:
            inner = sqlglot.parse_one(texts[table.name], read="duckdb")
            alias = exp.TableAlias(this=exp.to_identifier(table.alias or table.name))
            table.replace(exp.Subquery(this=inner, alias=alias))
    columns = {table.name: dict.fromkeys([*table.schema.names, DAY], "TEXT") for table in TABLES}
    tree = pushdown_projections(qualify(tree, schema=columns, dialect="duckdb"))
    found: dict[str, list[set[str]]] = {}
    for scope in traverse_scope(tree):
        for name, source in scope.sources.items():
            if isinstance(source, exp.Table):
                read = {column.name for column in scope.columns if column.table == name}
                found.setdefault(source.name, []).append(read)
    return {table: sorted(scans, key=len) for table, scans in found.items()}


@each_question
def test_a_question_reads_these_columns_and_no_others(question):
    assert _scans(question) == COLUMNS[question.name]


@pytest.fixture(scope="module")
def by_day(
    dataset: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[duckdb.DuckDBPyConnection]:
    """The dataset, and a day a month before, under the views as BigQuery has them."""
    folder = tmp_path_factory.mktemp("by_day")
    with duckdb.connect() as connection:
        for table in TABLES:
            if (dataset / table.name).exists():
                place = folder / table.name
                shutil.copytree(dataset / table.name, place)
                if (place / "day=2026-03-12").exists():
                    shutil.copytree(place / "day=2026-03-12", place / "day=2026-02-12")
                files = f"read_parquet('{place / 'day=*' / '*.parquet'}', hive_partitioning = true)"
                connection.execute(f"CREATE VIEW {table.name} AS FROM {files}")
            else:
                connection.register("empty", table.schema.empty_table())
                connection.execute(
                    f"CREATE TABLE {table.name} AS SELECT *, NULL::DATE AS {DAY} FROM empty"
                )
        for view in views(by_day=True):
            connection.execute(f"CREATE VIEW {view.name} AS {view.select}")
        yield connection


def _files_read(connection: duckdb.DuckDBPyConnection, select: str) -> list[str]:
    """Of each scan of DuckDB's plan, how many files it reads of how many, or `all`."""
    ((_, plan),) = connection.execute(f"EXPLAIN (FORMAT json) {select}").fetchall()
    scans = re.findall(r'"name": "READ_PARQUET\s*".*?"extra_info": {(.*?)}', plan, re.DOTALL)
    return [("".join(re.findall(r'"Scanning Files": "([^"]+)"', scan)) or "all") for scan in scans]


@each_question
def test_a_question_reads_the_days_it_names_and_what_others_state_of_its_facts(
    by_day, dataset, question
):
    """The text of the views lets an engine leave days out: DuckDB's plan does."""
    ((table, scans),) = COLUMNS[question.name].items()
    days = {path.parent.name: path for path in (dataset / table).rglob("*.parquet")}
    files = [len(list((dataset / table / day).iterdir())) for day in days]
    wanted = sum(n for day, n in zip(days, files) if day in DAYS[question.name])
    and_a_month_before = len(list((dataset / table / "day=2026-03-12").iterdir()))

    found = _files_read(by_day, question.select)

    days_named = f"{wanted}/{sum(files) + and_a_month_before}"
    of_all = OF_ALL_DAYS.get(question.name, 0)
    assert sorted(found) == [days_named] * (len(scans) - of_all) + ["all"] * of_all


def test_a_roll_up_reads_the_days_it_names_and_no_others(by_day):
    found = _files_read(
        by_day, f"SELECT sum(events) FROM partials_latest WHERE {DAY} >= DATE '2026-03-13'"
    )

    ((read, there),) = [map(int, each.split("/")) for each in found]
    assert 0 < read < there


# The document


def _section(question: Question) -> str:
    (section,) = (
        part
        for part in DOCUMENT.read_text(encoding="utf-8").split("\n## ")
        if part.startswith(question.title)
    )
    return section


@each_question
def test_the_document_has_the_text_that_is_run(question):
    assert re.findall(r"```sql\n(.*?)```", _section(question), re.DOTALL)[0] == (
        question.select.lstrip("\n")
    )


@each_question
def test_the_document_has_the_answer(question):
    table = [line for line in _section(question).splitlines() if line.startswith("| ")]
    shown = [tuple(cell.strip() for cell in line.strip("| ").split(" | ")) for line in table[2:]]

    answer = [
        tuple("–" if value is None else str(value) for value in row)
        for row in ANSWERS[question.name]
    ]
    assert shown == answer


@each_question
def test_the_document_says_what_is_touched(question):
    ((table, scans),) = COLUMNS[question.name].items()
    all_columns = len({table.name: table for table in TABLES}[table].schema) + 1
    columns = " and ".join(str(len(scan)) for scan in sorted(scans, key=len, reverse=True))

    (told,) = (line for line in _section(question).splitlines() if line.startswith("*Touches*"))
    assert f"`{table}`, {columns} of its {all_columns} columns" in told
