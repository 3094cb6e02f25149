"""What BigQuery has and what it should have: the difference, told first and then made.

Tables are ours to make: Beam's sinks cannot partition through Storage Write, and a table that a
writer makes as it goes has no meanings, no clustering and no end to what it keeps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from google.api_core.exceptions import NotFound
from google.cloud import bigquery

from pipelines.errors import OptionError
from pipelines.sinks.bigquery.destination import Destination
from pipelines.sinks.bigquery.sql import BIGQUERY_VIEWS, LABELS, create_view_sql, view_sql
from pipelines.sinks.table import Table
from pipelines.sinks.tables import BIGQUERY_TABLES
from pipelines.sinks.views import View
from schemas.bigquery import DAY, Column, bigquery_columns

_MILLISECONDS_A_DAY = 86_400_000
_DEFINITION = "definition"
_SAME = {"INTEGER": "INT64", "FLOAT": "FLOAT64", "BOOLEAN": "BOOL"}
"""Names that the API gives back for those it was given."""


@dataclass(frozen=True)
class Change:
    """One difference. `make` None: it would break those who read or write the table."""

    path: str
    sentence: str
    make: Callable[[], Any] | None

    @property
    def breaking(self) -> bool:
        return self.make is None


def plan(client: bigquery.Client, to: Destination, location: str) -> list[Change]:
    """What to change so that datasets, tables and views are as this version says, in order.

    Nothing is ever taken away: a column or table that we do not know is somebody else's.
    """
    changes = list(_datasets(client, to, location))
    for table in BIGQUERY_TABLES:
        changes += _table(client, table, to)
    for view in BIGQUERY_VIEWS:
        changes += _view(client, view, to)
    return changes


def apply(changes: Sequence[Change], say: Callable[[str], None]) -> None:
    """Make the changes, one by one. OptionError, and nothing made, where one would break."""
    if breaking := [change for change in changes if change.breaking]:
        raise OptionError(
            "; ".join(f"{change.path}: {change.sentence}" for change in breaking)
            + "; nothing was changed. Write to a new dataset, and backfill it"
        )
    for change in changes:
        if change.make is not None:
            change.make()
        say(f"{change.path}: {change.sentence}")


def _datasets(client: bigquery.Client, to: Destination, location: str) -> Iterator[Change]:
    found: dict[str, bigquery.Dataset] = {}
    for name in (to.dataset, to.restricted_dataset, to.views_dataset):
        path = f"{to.project}.{name}"
        try:
            found[name] = client.get_dataset(path)
        except NotFound:
            dataset = bigquery.Dataset(path)
            dataset.location = location
            dataset.labels = LABELS
            yield Change(
                path, f"make the dataset, in {location}", _later(client.create_dataset, dataset)
            )
    data = found.get(to.dataset)
    if data is None or _views_of(to) not in data.access_entries:
        yield Change(
            f"{to.project}.{to.dataset}",
            f"let the views of {to.views_dataset} read it",
            _later(_authorise, client, to),
        )


def _views_of(to: Destination) -> bigquery.AccessEntry:
    """The right of a whole dataset of views, so that who reads those needs none on tables."""
    views = {"projectId": to.project, "datasetId": to.views_dataset}
    # As the API gives it back, so that it compares with what is there.
    right = {"dataset": {"dataset": views, "targetTypes": ["VIEWS"]}}
    return bigquery.AccessEntry.from_api_repr(right)


def _authorise(client: bigquery.Client, to: Destination) -> None:
    data = client.get_dataset(f"{to.project}.{to.dataset}")
    data.access_entries = [*data.access_entries, _views_of(to)]
    client.update_dataset(data, ["access_entries"])


def _table(client: bigquery.Client, table: Table, to: Destination) -> Iterator[Change]:
    path = to.name(table)
    wanted = _wanted(table, path)
    try:
        found = client.get_table(path)
    except NotFound:
        yield Change(path, "make the table", _later(client.create_table, wanted))
        return
    yield from _columns(client, found, bigquery_columns(table.schema), path)
    partitioning = found.time_partitioning
    if partitioning is None or (partitioning.field, partitioning.type_) != (DAY, "DAY"):
        yield Change(path, f"expected partitions by {DAY}, found others or none", None)
        return
    settings = [
        name
        for name in ("description", "time_partitioning", "clustering_fields", "labels")
        if _plain(getattr(found, name)) != _plain(getattr(wanted, name))
    ]
    if bool(found.require_partition_filter) != bool(wanted.require_partition_filter):
        settings.append("require_partition_filter")
    if settings:
        for name in settings:
            setattr(found, name, getattr(wanted, name))
        sentence = f"set {', '.join(name.replace('_', ' ') for name in settings)}"
        yield Change(path, sentence, _later(client.update_table, found, settings))


def _wanted(table: Table, path: str) -> bigquery.Table:
    columns = [bigquery.SchemaField.from_api_repr(dict(c)) for c in bigquery_columns(table.schema)]
    wanted = bigquery.Table(path, schema=columns)
    wanted.description = table.meaning
    wanted.labels = LABELS
    wanted.clustering_fields = list(table.clustering)
    kept = table.kept_days
    wanted.time_partitioning = bigquery.TimePartitioning(
        field=DAY, expiration_ms=None if kept is None else kept * _MILLISECONDS_A_DAY
    )
    wanted.require_partition_filter = table.day_required
    return wanted


def _columns(
    client: bigquery.Client, found: bigquery.Table, wanted: Sequence[Column], path: str
) -> Iterator[Change]:
    """One change for all columns that can be added or relaxed, one for each that would break."""
    columns = {column.name.lower(): column for column in found.schema}
    said: list[str] = []
    for column in wanted:
        old = columns.get(column["name"])
        if old is None:
            # Rows that are there already have no value of it, so it cannot be required of them.
            columns[column["name"]] = _nullable(column)
            said.append(f"add {column['name']}")
        elif (type := _SAME.get(old.field_type, old.field_type)) != column["type"]:
            told = f"expected {column['name']} as {column['type']}, found {type}"
            yield Change(path, told, None)
        elif old.mode == "REQUIRED" and column["mode"] != "REQUIRED":
            columns[column["name"]] = _nullable(column)
            said.append(f"allow {column['name']} to be null")
    if said:
        changed = bigquery.Table.from_api_repr(found.to_api_repr())
        changed.schema = list(columns.values())
        yield Change(path, ", ".join(said), _later(client.update_table, changed, ["schema"]))


def _nullable(column: Column) -> bigquery.SchemaField:
    return bigquery.SchemaField.from_api_repr({**column, "mode": "NULLABLE"})


def _view(client: bigquery.Client, view: View, to: Destination) -> Iterator[Change]:
    """A view is told from an older one by the label that its SQL is hashed into."""
    path = to.name(view)
    labels = LABELS | {_DEFINITION: definition_of(view, to)}
    try:
        found = client.get_table(path)
    except NotFound:
        yield Change(path, "make the view", _later(_make_view, client, view, to, labels))
        return
    if found.table_type != "VIEW":
        yield Change(path, f"expected a view, found a {found.table_type.lower()}", None)
    elif (found.labels or {}).get(_DEFINITION) != labels[_DEFINITION]:
        yield Change(path, "change the view", _later(_make_view, client, view, to, labels))


def definition_of(view: View, to: Destination) -> str:
    """Sixteen hexadecimal digits of a view's SQL."""
    return blake2b(view_sql(view, to).encode(), digest_size=8).hexdigest()


def _make_view(
    client: bigquery.Client, view: View, to: Destination, labels: dict[str, str]
) -> None:
    client.query(create_view_sql(view, to)).result()
    made = client.get_table(to.name(view))
    made.description, made.labels = view.meaning, labels
    client.update_table(made, ["description", "labels"])


def _later(call: Callable[..., Any], *arguments: Any) -> Callable[[], Any]:
    return lambda: call(*arguments)


def _plain(setting: Any) -> Any:
    """Settings as they compare: nothing is nothing however it is said."""
    if isinstance(setting, bigquery.TimePartitioning):
        return setting.field, setting.type_, setting.expiration_ms
    return setting or None
