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
    """What would break, or one change of all: BigQuery takes an update of a table only as it was
    read."""
    path = to.name(table)
    wanted = _wanted(table, path)
    try:
        found = client.get_table(path)
    except NotFound:
        yield Change(path, "make the table", _later(client.create_table, wanted))
        return
    ours = bigquery_columns(table.schema)
    if breaking := list(_breaking(found, ours)):
        yield from (Change(path, sentence, None) for sentence in breaking)
        return
    said = _columns(found, ours)
    fields = ["schema"] if said else []
    if settings := _settings(found, wanted):
        said.append(f"set {', '.join(name.replace('_', ' ') for name in settings)}")
    if said:
        yield Change(path, ", ".join(said), _later(client.update_table, found, fields + settings))


def _breaking(found: bigquery.Table, ours: Sequence[Column]) -> Iterator[str]:
    """What cannot be changed, or is somebody's to change: no job could write the table."""
    columns = {column.name.lower(): column for column in found.schema}
    for column in ours:
        old = columns.pop(column["name"], None)
        if old is None:
            continue
        type = _SAME.get(old.field_type, old.field_type)
        if type != column["type"] or old.mode == "REPEATED":
            repeated = "repeated " if old.mode == "REPEATED" else ""
            yield f"expected {column['name']} as {column['type']}, found {repeated}{type}"
    for old in columns.values():
        if old.mode == "REQUIRED":
            yield f"expected no required column but ours, found {old.name}: make it nullable"
    partitioning = found.time_partitioning
    if partitioning is None or (partitioning.field, partitioning.type_) != (DAY, "DAY"):
        yield f"expected partitions by {DAY}, found others or none"


def _settings(found: bigquery.Table, wanted: bigquery.Table) -> list[str]:
    """Names of the settings that are not as wanted; these are set in `found`. Labels are added to
    those of others."""
    wanted.labels = found.labels | wanted.labels
    named = ("description", "time_partitioning", "clustering_fields", "labels")
    settings = [n for n in named if _plain(getattr(found, n)) != _plain(getattr(wanted, n))]
    if bool(found.require_partition_filter) != bool(wanted.require_partition_filter):
        settings.append("require_partition_filter")
    for name in settings:
        setattr(found, name, getattr(wanted, name))
    return settings


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


def _columns(found: bigquery.Table, ours: Sequence[Column]) -> list[str]:
    """What is to be done to columns, in words; it is done in the schema of `found`."""
    columns = {column.name.lower(): dict(column.to_api_repr()) for column in found.schema}
    said: list[str] = []
    described: list[str] = []
    for column in ours:
        name = column["name"]
        old = columns.get(name)
        if old is None:
            # Rows that are there already have no value of it, so it cannot be required of them.
            columns[name] = {**column, "mode": "NULLABLE"}
            said.append(f"add {name}")
            continue
        if old.get("mode") == "REQUIRED" and column["mode"] != "REQUIRED":
            old["mode"] = "NULLABLE"
            said.append(f"allow {name} to be null")
        if (old.get("description") or "") != column["description"]:
            old["description"] = column["description"]
            described.append(name)
    if described:
        said.append(f"describe {', '.join(described)}")
    if said:
        found.schema = [bigquery.SchemaField.from_api_repr(each) for each in columns.values()]
    return said


def _view(client: bigquery.Client, view: View, to: Destination) -> Iterator[Change]:
    """A view is told from an older one by the label that its SQL is hashed into."""
    path = to.name(view)
    labels = LABELS | {_DEFINITION: definition_of(view, to)}
    try:
        found = client.get_table(path)
    except NotFound:
        yield Change(path, "make the view", _later(_make_view, client, view, to, labels))
        return
    # To replace a view takes the labels of others away.
    labels = found.labels | labels
    if found.table_type != "VIEW":
        yield Change(path, f"expected a view, found a {found.table_type.lower()}", None)
    elif found.labels.get(_DEFINITION) != labels[_DEFINITION]:
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
