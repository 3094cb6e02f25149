"""BigQuery's SQL of our tables and views, from the same objects as those of a local dataset."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import sqlglot
from sqlglot import exp

from pipelines.sinks.bigquery.destination import Destination
from pipelines.sinks.table import Table
from pipelines.sinks.tables import BIGQUERY_TABLES
from pipelines.sinks.views import View, views
from schemas.bigquery import DAY, bigquery_columns

LABELS = {"application": "moment"}
"""On every dataset and table, so that a bill can be split."""


BIGQUERY_VIEWS = views(by_day=True)


def view_sql(view: View, to: Destination) -> str:
    """The SELECT of a view in BigQuery's SQL, its tables by their full names."""
    ours: tuple[Table | View, ...] = (*BIGQUERY_TABLES, *BIGQUERY_VIEWS)
    return translated(view.select, {each.name: to.name(each) for each in ours}) + "\n"


def translated(
    text: str,
    paths: Mapping[str, str],
    change: Callable[[Any], None] = lambda select: None,
) -> str:
    """A text of ours in BigQuery's SQL, tables by the paths of their names.

    `change` may add to the text before, in place.
    """
    select = sqlglot.parse_one(text, read="duckdb")
    change(select)
    for table in list(select.find_all(exp.Table)):
        if (path := paths.get(table.name)) is not None:
            project, dataset, name = (
                exp.to_identifier(part, quoted=True) for part in path.split(".")
            )
            named = exp.Table(this=name, db=dataset, catalog=project)
            table.replace(exp.alias_(named, table.alias, table=True) if table.alias else named)
    for ordered in select.find_all(exp.Ordered):
        # Nothing is ordered by a column that may be null, so BigQuery's own place of nulls will do.
        ordered.set("nulls_first", not ordered.args.get("desc"))
    return select.sql("bigquery", pretty=True)


def reads_views(view: View) -> bool:
    """Does it read another view?"""
    names = {each.name for each in BIGQUERY_VIEWS}
    tables = sqlglot.parse_one(view.select, read="duckdb").find_all(exp.Table)
    return any(table.name in names for table in tables)


def create_view_sql(view: View, to: Destination) -> str:
    """CREATE OR REPLACE VIEW, with what a row of it is."""
    options = f"OPTIONS (description = {_text(view.meaning)})"
    select = view_sql(view, to)
    return f"CREATE OR REPLACE VIEW `{to.name(view)}` {options} AS\n{select}"


def table_sql(table: Table, to: Destination) -> str:
    """CREATE TABLE with types, meanings, partitions, clustering and expiration."""
    columns = ",\n".join(
        f"  {column['name']} {column['type']}{' NOT NULL' * (column['mode'] == 'REQUIRED')}"
        f" OPTIONS (description = {_text(column['description'])})"
        for column in bigquery_columns(table.schema)
    )
    return (
        f"CREATE TABLE `{to.name(table)}` (\n{columns}\n)\n"
        f"PARTITION BY {DAY}\nCLUSTER BY {', '.join(table.clustering)}\n"
        f"OPTIONS (\n  {_joined(_options(table))}\n)\n"
    )


def _options(table: Table) -> Iterator[str]:
    yield f"description = {_text(table.meaning)}"
    if table.day_required:
        yield "require_partition_filter = TRUE"
    if table.kept_days is not None:
        yield f"partition_expiration_days = {table.kept_days}"
    yield f"labels = [{', '.join(f'({_text(k)}, {_text(v)})' for k, v in LABELS.items())}]"


def _joined(options: Iterator[str]) -> str:
    return ",\n  ".join(options)


def _text(text: str) -> str:
    """A string literal. Ours are one line, but they have quotes."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
