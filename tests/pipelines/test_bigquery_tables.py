"""BigQuery's tables and views: their SQL, what is planned, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import pytest
import sqlglot
from google.api_core.exceptions import NotFound, PreconditionFailed
from google.cloud import bigquery

from pipelines.cli import main
from pipelines.errors import OptionError
from pipelines.measure import Measured
from pipelines.sinks.bigquery.destination import Destination
from pipelines.sinks.bigquery.sql import BIGQUERY_VIEWS, table_sql, view_sql
from pipelines.sinks.bigquery.tables import apply, plan
from pipelines.sinks.tables import BIGQUERY_TABLES, EVENTS, FAILED_EVENTS, METRICS
from pipelines.sinks.views import views

OURS = Destination("ours", "live", "live_restricted")


@dataclass
class Shelf:
    """A BigQuery that keeps what it is given; views are made by its SQL alone.

    As the service does, it takes an update only of what has not been changed since it was read,
    keeps labels that an update does not name, and forgets those of a view that is replaced.
    """

    datasets: dict[str, bigquery.Dataset] = field(default_factory=dict)
    tables: dict[str, bigquery.Table] = field(default_factory=dict)
    _changes: int = 0

    def get_dataset(self, path: str) -> bigquery.Dataset:
        if path not in self.datasets:
            raise NotFound(path)
        return bigquery.Dataset.from_api_repr(self.datasets[path].to_api_repr())

    def create_dataset(self, dataset: bigquery.Dataset) -> None:
        assert dataset.location == "EU"
        # As the service does: whoever makes it owns it.
        dataset.access_entries = [bigquery.AccessEntry("OWNER", "specialGroup", "projectOwners")]
        self.datasets[f"{dataset.project}.{dataset.dataset_id}"] = dataset

    def update_dataset(self, dataset: bigquery.Dataset, fields: list[str]) -> None:
        assert fields == ["access_entries"]
        self.datasets[f"{dataset.project}.{dataset.dataset_id}"] = dataset

    def get_table(self, path: str) -> bigquery.Table:
        if path not in self.tables:
            raise NotFound(path)
        return bigquery.Table.from_api_repr(self.tables[path].to_api_repr())

    def create_table(self, table: bigquery.Table) -> None:
        self._put(table, "TABLE")

    def update_table(self, table: bigquery.Table, fields: list[str]) -> None:
        path = f"{table.project}.{table.dataset_id}.{table.table_id}"
        old = self.tables[path]
        if table.etag not in (None, old.etag):
            raise PreconditionFailed(path)
        for name in fields:
            kept = old.labels if name == "labels" else None
            setattr(old, name, getattr(table, name) if kept is None else kept | table.labels)
        self._put(old, old.table_type)

    def query(self, sql: str) -> Shelf:
        made = sqlglot.parse_one(sql, read="bigquery")
        assert made.args["kind"] == "VIEW"
        table = made.find(sqlglot.exp.Table)
        path = f"{table.catalog}.{table.db}.{table.name}"
        self._put(bigquery.Table(path), "VIEW")
        return self

    def result(self) -> None:
        return None

    def _put(self, table: bigquery.Table, kind: str) -> None:
        path = f"{table.project}.{table.dataset_id}.{table.table_id}"
        self._changes += 1
        kept = table.to_api_repr() | {"type": kind, "etag": f"change {self._changes}"}
        self.tables[path] = bigquery.Table.from_api_repr(kept)


@pytest.fixture
def shelf() -> Shelf:
    """A BigQuery with everything in it as it should be."""
    made = Shelf()
    apply(plan(made, OURS, "EU"), lambda line: None)
    return made


def _sentences(shelf: Shelf) -> list[str]:
    return [f"{change.path} {change.sentence}" for change in plan(shelf, OURS, "EU")]


# SQL


def test_a_table_has_types_meanings_partitions_clusters_and_an_end():
    told = table_sql(FAILED_EVENTS, OURS)

    assert told.startswith(
        "CREATE TABLE `ours.live_restricted.failed_events` (\n"
        '  failure_id BYTES NOT NULL OPTIONS (description = "BLAKE2b of input, position, item and'
        ' payload"),\n'
    )
    assert told.endswith(
        ")\nPARTITION BY day\nCLUSTER BY channel, reason\nOPTIONS (\n"
        '  description = "one row a record that could not become events, with its original bytes",\n'
        "  require_partition_filter = TRUE,\n"
        "  partition_expiration_days = 30,\n"
        '  labels = [("application", "moment")]\n)\n'
    )
    assert "partition_expiration_days" not in table_sql(METRICS, OURS)


@pytest.mark.parametrize("table", BIGQUERY_TABLES, ids=lambda table: table.name)
def test_the_sql_of_every_table_can_be_parsed(table):
    assert sqlglot.parse_one(table_sql(table, OURS), read="bigquery").args["kind"] == "TABLE"


def test_a_view_reads_its_tables_by_their_full_names_and_day_by_day():
    (latest,) = (view for view in BIGQUERY_VIEWS if view.name == "balance_latest")

    assert view_sql(latest, OURS) == (
        "SELECT\n  input,\n  arrival_hour,\n  channel,\n  received,\n  decoded,\n  failed,\n"
        "  events,\n  accepted,\n  duplicate,\n  withheld,\n  ignored,\n  late,\n  balanced,\n"
        "  published_time,\n  day\n"
        "FROM `ours`.`live`.`balance`\nQUALIFY\n"
        "  ROW_NUMBER() OVER (PARTITION BY day, input, arrival_hour, channel"
        " ORDER BY published_time DESC) = 1\n"
    )


def test_only_the_view_of_failed_payloads_reads_the_restricted_dataset():
    reading = [view.name for view in BIGQUERY_VIEWS if "live_restricted" in view_sql(view, OURS)]

    assert reading == ["failed_events_latest"]
    assert [view.name for view in BIGQUERY_VIEWS if view.restricted] == reading


def test_wherever_days_must_be_named_a_view_keeps_days_apart():
    """BigQuery reads the days asked for only where copies are looked for within a day."""
    for view in BIGQUERY_VIEWS:
        windows = sqlglot.parse_one(view.select, read="duckdb").find_all(sqlglot.exp.Window)
        for window in windows:
            parts = [part.sql() for part in window.args.get("partition_by") or ()]
            assert not parts or parts[0] == "day", view.name


def test_every_view_says_in_bigquerys_sql_what_it_says_of_files(tmp_path, measured):
    """The SQL made for BigQuery, read back by DuckDB, over a dataset without copies apart."""
    done: Measured = measured(
        ["tests/fixtures/segment.ndjson", "tests/fixtures/survey.ndjson"], tmp_path / "figures"
    )
    with duckdb.connect(str(done.output / "moment.duckdb"), read_only=True) as files:
        for view in views(by_day=False):
            (translated,) = (each for each in BIGQUERY_VIEWS if each.name == view.name)
            back = sqlglot.parse_one(view_sql(translated, OURS), read="bigquery")
            for table in back.find_all(sqlglot.exp.Table):
                table.set("db", None)
                table.set("catalog", None)
            found = files.execute(back.sql("duckdb")).fetchall()
            expected = files.execute(f"SELECT * FROM {view.name}").fetchall()
            assert sorted(map(repr, found)) == sorted(map(repr, expected)), view.name


# What is planned


def test_where_nothing_is_everything_is_made_each_before_what_reads_it():
    planned = [change.path for change in plan(Shelf(), OURS, "EU")]

    assert planned[:4] == ["ours.live", "ours.live_restricted", "ours.live_views", "ours.live"]
    assert planned[4:] == [OURS.name(each) for each in (*BIGQUERY_TABLES, *BIGQUERY_VIEWS)]


def test_views_of_people_are_beside_the_tables_and_all_others_where_bi_reads():
    beside = {view.name for view in BIGQUERY_VIEWS if OURS.dataset_of(view) == "live"}

    assert beside == {"events_latest", "events_standing", "late_events_latest", "partials_latest"}
    assert {OURS.dataset_of(view) for view in BIGQUERY_VIEWS if view.name not in beside} == {
        "live_views",
        "live_restricted",
    }


def test_views_may_read_tables_that_their_readers_may_not(shelf):
    (owner, views) = shelf.datasets["ours.live"].access_entries

    assert owner.role == "OWNER"
    assert views.to_api_repr() == {
        "dataset": {
            "dataset": {"projectId": "ours", "datasetId": "live_views"},
            "targetTypes": ["VIEWS"],
        }
    }
    shelf.datasets["ours.live"].access_entries = [owner]
    assert _sentences(shelf) == ["ours.live let the views of live_views read it"]


def test_where_everything_is_nothing_is_to_do(shelf):
    assert _sentences(shelf) == []
    assert "ours.live_restricted.failed_events" in shelf.tables


def test_a_column_that_is_missing_is_added_and_may_be_null(shelf):
    events = shelf.tables["ours.live.events"]
    events.schema = [column for column in events.schema if column.name not in ("op", "ext")]

    assert _sentences(shelf) == ["ours.live.events add op, add ext"]
    apply(plan(shelf, OURS, "EU"), lambda line: None)
    modes = {column.name: column.mode for column in shelf.tables["ours.live.events"].schema}
    assert (modes["op"], modes["ext"], modes["event_id"]) == ("NULLABLE", "NULLABLE", "REQUIRED")
    assert _sentences(shelf) == []


def test_a_table_that_wants_a_column_and_settings_is_changed_once(shelf):
    """A second update would be refused: the table is not what it was when it was read."""
    events = shelf.tables["ours.live.events"]
    events.schema = [column for column in events.schema if column.name != "ext"]
    events.clustering_fields = ["channel"]

    assert _sentences(shelf) == ["ours.live.events add ext, set clustering fields"]
    apply(plan(shelf, OURS, "EU"), lambda line: None)
    assert _sentences(shelf) == []


def test_a_table_that_somebody_changed_since_the_plan_is_left_as_it_is(shelf):
    shelf.tables["ours.live.events"].description = "somebody's"
    changes = plan(shelf, OURS, "EU")
    shelf.update_table(shelf.get_table("ours.live.events"), ["description"])

    with pytest.raises(PreconditionFailed):
        apply(changes, lambda line: None)


def test_somebody_elses_column_stays(shelf):
    metrics = shelf.tables["ours.live.metrics"]
    metrics.schema = [*metrics.schema, bigquery.SchemaField("note", "STRING")]

    assert _sentences(shelf) == []


def test_a_column_says_what_it_means_and_keeps_what_others_gave_it(shelf):
    events = shelf.tables["ours.live.events"]
    tags = {"names": ["projects/ours/locations/eu/taxonomies/1/policyTags/2"]}
    events.schema = [
        bigquery.SchemaField.from_api_repr(
            column.to_api_repr()
            | ({"description": "?", "policyTags": tags} if column.name in ("op", "ext") else {})
        )
        for column in events.schema
    ]

    assert _sentences(shelf) == ["ours.live.events describe op, ext"]
    apply(plan(shelf, OURS, "EU"), lambda line: None)
    columns = {column.name: column for column in shelf.tables["ours.live.events"].schema}
    assert columns["op"].description == "insert | update | retract"
    assert columns["op"].policy_tags.names == tuple(tags["names"])
    assert _sentences(shelf) == []


def test_a_table_is_made_with_meanings_labels_partitions_and_an_end(shelf):
    made = shelf.tables["ours.live_restricted.failed_events"]

    assert made.description == (
        "one row a record that could not become events, with its original bytes"
    )
    assert made.labels == {"application": "moment"}
    assert (made.time_partitioning.field, made.time_partitioning.type_) == ("day", "DAY")
    assert made.time_partitioning.expiration_ms == 30 * 24 * 60 * 60 * 1000
    assert made.require_partition_filter is True
    assert made.clustering_fields == ["channel", "reason"]
    (first, *_) = made.schema
    assert (first.name, first.field_type, first.mode, first.description) == (
        "failure_id", "BYTES", "REQUIRED", "BLAKE2b of input, position, item and payload",
    )  # fmt: skip
    metrics = shelf.tables["ours.live.metrics"]
    assert metrics.time_partitioning.expiration_ms is None
    assert metrics.require_partition_filter is False


def test_labels_of_others_stay_and_are_no_difference(shelf):
    for path in ("ours.live.events", "ours.live_views.coverage"):
        shelf.tables[path].labels |= {"team": "audience"}
    assert _sentences(shelf) == []

    shelf.tables["ours.live.events"].labels = {"team": "audience", "application": "theirs"}
    shelf.tables["ours.live_views.coverage"].labels["definition"] = "0" * 16
    assert _sentences(shelf) == [
        "ours.live.events set labels",
        "ours.live_views.coverage change the view",
    ]
    apply(plan(shelf, OURS, "EU"), lambda line: None)

    assert shelf.tables["ours.live.events"].labels == {"team": "audience", "application": "moment"}
    assert shelf.tables["ours.live_views.coverage"].labels["team"] == "audience"
    assert _sentences(shelf) == []


def _retyped(table: bigquery.Table) -> None:
    table.schema = [
        bigquery.SchemaField("value", "STRING") if column.name == "value" else column
        for column in table.schema
    ]


def _repeated(table: bigquery.Table) -> None:
    table.schema = [
        bigquery.SchemaField("value", "FLOAT64", "REPEATED") if column.name == "value" else column
        for column in table.schema
    ]


def _with_a_required_column(table: bigquery.Table) -> None:
    table.schema = [*table.schema, bigquery.SchemaField("theirs", "INT64", "REQUIRED")]


def _unpartitioned(table: bigquery.Table) -> None:
    table.time_partitioning = None


BREAKING: dict[str, tuple[Callable[[bigquery.Table], None], str]] = {
    "a column of another type": (_retyped, "expected value as FLOAT64, found STRING"),
    "a repeated column": (_repeated, "expected value as FLOAT64, found repeated FLOAT64"),
    "a required column of others": (
        _with_a_required_column,
        "expected no required column but ours, found theirs: make it nullable",
    ),
    "no partitions": (_unpartitioned, "expected partitions by day, found others or none"),
}


@pytest.mark.parametrize(("change", "told"), BREAKING.values(), ids=BREAKING)
def test_what_would_break_is_refused_with_its_reason_and_nothing_is_changed(shelf, change, told):
    change(shelf.tables["ours.live.metrics"])
    del shelf.tables["ours.live.balance"]

    with pytest.raises(OptionError, match=f"ours.live.metrics: {told}.*nothing was changed"):
        apply(plan(shelf, OURS, "EU"), lambda line: None)
    assert "ours.live.balance" not in shelf.tables


def test_a_table_in_the_place_of_a_view_is_not_replaced(shelf):
    shelf.create_table(bigquery.Table("ours.live_views.coverage"))

    (change,) = plan(shelf, OURS, "EU")
    assert (change.breaking, change.sentence) == (True, "expected a view, found a table")


def test_settings_are_set_without_touching_rows(shelf):
    events = shelf.tables["ours.live.events"]
    events.clustering_fields = ["channel"]
    events.require_partition_filter = False

    assert _sentences(shelf) == ["ours.live.events set clustering fields, require partition filter"]
    apply(plan(shelf, OURS, "EU"), lambda line: None)
    assert shelf.tables["ours.live.events"].clustering_fields == list(EVENTS.clustering)


def test_a_view_of_an_older_version_is_changed(shelf):
    shelf.tables["ours.live_views.coverage"].labels = {
        "application": "moment",
        "definition": "0" * 16,
    }

    assert _sentences(shelf) == ["ours.live_views.coverage change the view"]


# The command


def test_the_sql_is_printed_without_an_account(capsys):
    assert main(["tables", "sql", "bigquery://our-project/live"]) == 0

    told = capsys.readouterr().out
    statements = [each for each in told.split(";\n") if each.strip()]
    assert len(statements) == len(BIGQUERY_TABLES) + len(BIGQUERY_VIEWS)


def test_a_place_that_is_none_is_one_sentence(capsys):
    assert main(["tables", "plan", "live"]) == 2

    assert capsys.readouterr().err == (
        "moment: live: expected bigquery://PROJECT/DATASET, as in bigquery://our-project/live\n"
    )


def test_no_account_is_one_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys):
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "none.json"))
    monkeypatch.delenv("BIGQUERY_EMULATOR_HOST", raising=False)

    assert main(["tables", "plan", "bigquery://our-project/live"]) == 2
    assert "expected Google Cloud credentials" in capsys.readouterr().err
