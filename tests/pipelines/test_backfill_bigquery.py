"""What a backfill of BigQuery asks and writes, as far as it shows without BigQuery."""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta, timezone

import duckdb
import pyarrow as pa
import pytest
import sqlglot
from sqlglot import exp

from pipelines.backfill.rows import RowShelf, manifest_of
from pipelines.backfill.sizes import sizes
from pipelines.errors import OptionError
from pipelines.local_day import local_day
from pipelines.sinks.bigquery.append import Patience
from pipelines.sinks.bigquery.check import _check_rights
from pipelines.sinks.bigquery.destination import Destination
from pipelines.sinks.bigquery.faults import SinkError
from pipelines.sinks.bigquery.whole import append_whole
from pipelines.sinks.table import Table
from pipelines.sinks.tables import BACKFILLS, METRICS
from pipelines.sources.bigquery_day_events import day_query, day_sql
from pipelines.sources.day_events import OF_A_DAY
from schemas.event import EVENT
from tests.storage_write import Answer, StorageWrite
from tests.web_server import QuietHandler, serving

OURS = Destination("our-project", "live", "live_restricted")
NOON = datetime(2026, 3, 2, 12, 0, tzinfo=timezone.utc)

# How much there is


def test_sizes_are_what_dry_runs_say_of_whole_partitions_and_of_each_day():
    """A partition of all columns is 1,000 bytes here, what a day rests on 40; and of five rows."""
    dry: list[str] = []

    class Handler(QuietHandler):
        def do_POST(self) -> None:
            configuration = json.loads(self.body())["configuration"]
            told = {"status": {"state": "DONE"}, "configuration": configuration}
            told["jobReference"] = {"projectId": "our-project", "jobId": "job-7", "location": "EU"}
            if configuration.get("dryRun"):
                parameters = configuration["query"]["queryParameters"]
                dry.extend(f"{p['name']}={p['parameterValue']['value']}" for p in parameters)
                whole = configuration["query"]["query"].startswith(
                    "SELECT * FROM `our-project.live"
                )
                told["statistics"] = {"query": {"totalBytesProcessed": "1000" if whole else "40"}}
            self.answer(200, json.dumps(told).encode())

        def do_GET(self) -> None:
            told = {
                "jobComplete": True,
                "jobReference": {"projectId": "our-project", "jobId": "job-7", "location": "EU"},
                "schema": {"fields": [{"name": "f0_", "type": "INTEGER"}]},
                "totalRows": "1",
                "rows": [{"f": [{"v": "5"}]}],
                "status": {"state": "DONE"},
            }
            self.answer(200, json.dumps(told).encode())

    days = [local_day(date(2026, 3, each), "Europe/Paris") for each in (2, 3)]
    with serving(Handler) as address:
        place = Destination("our-project", "live", "live_restricted", f"http://{address}", "none:1")
        found = sizes(place, days)

    assert found.partitions == {date(2026, 3, each): 1000 for each in (1, 2, 3)}
    assert found.a_day == {date(2026, 3, each): 40 for each in (2, 3)}
    assert found.parquet == 5 * 66
    assert sorted(each for each in dry if each.startswith("partition")) == [
        "partition=2026-03-01",
        "partition=2026-03-02",
        "partition=2026-03-03",
    ]


# What a day rests on


def readings(sql: str) -> list[tuple[list[str], str]]:
    """Of each reading of `events` what it asks of `day`, and from which table it reads."""
    found = []
    for select in sqlglot.parse_one(sql, read="bigquery").find_all(exp.Select):
        table = (select.args.get("from_") or select.args["from"]).this
        if table.name == "events":
            asked = [
                each.sql("bigquery")
                for each in select.args["where"].find_all(exp.GTE, exp.LTE)
                if each.this.name == "day" and each.find_ancestor(exp.Select) is select
            ]
            found.append((sorted(asked), table.sql("bigquery")))
    return found


def test_each_reading_of_events_names_the_days_that_its_instants_are_of():
    all_days, from_reach, to_reach, from_finish, to_finish = (
        "day >= CAST('0001-01-01' AS DATE)",
        "day >= CAST(@reach AS DATE)",
        "day <= CAST(@reach AS DATE)",
        "day >= CAST(@finish AS DATE)",
        "day <= CAST(@finish AS DATE)",
    )
    found = readings(day_sql(OURS))

    assert sorted(asked for asked, _ in found) == sorted(
        [
            sorted([all_days, from_reach, to_finish]),  # the day, and heartbeats before it
            [all_days],  # events with copies
            sorted([all_days, to_reach]),  # what was before
            [all_days],  # facts of events with copies
            sorted([all_days, from_finish]),  # changes of facts
            sorted([all_days, to_reach]),  # copies that happened before
            sorted([all_days, from_finish]),  # what happened after
        ]
    )
    assert {table for _, table in found} == {"`our-project`.`live`.`events`"}


def test_the_days_that_are_named_leave_out_no_event():
    """The translation, read back, over events of every hour around a day and its heartbeats."""
    sql, given = day_query(OURS, local_day(date(2026, 3, 2), "Europe/Paris"))
    assert given == {
        "reach": datetime(2026, 3, 1, 21, 0, tzinfo=timezone.utc),
        "finish": datetime(2026, 3, 2, 23, 0, tzinfo=timezone.utc),
    }
    rows = [
        dict.fromkeys(EVENT.names)
        | {
            "event_id": bytes([n]) * 16,
            "event_time": NOON + timedelta(hours=n - 30),
            "actor_id": bytes([n % 3]) * 16,
            "actor_kind": "person",
            "action_class": "exposure",
            "op": "insert",
            "ivt_class": "valid",
            "fact_id": bytes([n % 4]) * 16 if n % 5 else None,
        }
        for n in range(60)
    ]
    events = pa.Table.from_pylist(rows, pa.schema([f.with_nullable(True) for f in EVENT]))
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.register("told", events)
        connection.execute("CREATE VIEW events AS SELECT *, event_time::DATE AS day FROM told")
        text = sqlglot.transpile(sql, read="bigquery", write="duckdb")[0]
        text = text.replace('"our-project"."live"."events"', "events")
        ours = connection.execute(text, given).fetchall()
        theirs = connection.execute(OF_A_DAY, given).fetchall()

    assert len(ours) > 40
    assert sorted(map(repr, ours)) == sorted(map(repr, theirs))


# The manifest


def row(state: str, minute: int, **columns: object) -> dict[str, object]:
    told = {"backfill_id": "one", "started": "2026-03-06T10:00:00+00:00", "epoch": 7}
    told |= {"options": json.dumps({"from": "2026-03-01"}), "state": state}
    return told | {"recorded_time": NOON + timedelta(minutes=minute)} | columns


def done(day: int, minute: int, outcome: str) -> dict[str, object]:
    told = json.dumps({"done": f"at {minute}", "outcome": outcome})
    return row("done", minute, local_day=date(2026, 3, day), outcome=told)


def test_a_manifest_is_what_its_rows_say_in_order():
    shelf = RowShelf(OURS)
    rows = [row("begun", 0), done(1, 1, "identical"), row("begun", 5), done(2, 6, "restated")]
    found = manifest_of(rows, shelf)

    assert found is not None
    assert (found.name, found.epoch, found.started) == ("one", 7, "2026-03-06T10:00:00+00:00")
    assert found.options == {"from": "2026-03-01"}
    assert found.days == {
        "2026-03-01": {"done": "at 1", "outcome": "identical"},
        "2026-03-02": {"done": "at 6", "outcome": "restated"},
    }
    assert str(shelf) == OURS.name(BACKFILLS) == "our-project.live.backfills"


def test_a_finished_backfill_and_none_are_nothing_to_go_on_with():
    assert manifest_of([row("begun", 0), row("finished", 9)], RowShelf(OURS)) is None
    assert manifest_of([], RowShelf(OURS)) is None


# All rows at once


NOTES = Table(
    "notes",
    pa.schema([pa.field("n", pa.int64(), False), pa.field("time", pa.date32(), False)]),
    "time",
    "one row a note",
    ("n",),
)
PATIENCE = Patience(most_bytes=2000, first_pause=0.001, reconnect_seconds=5, back_off_seconds=5)


@pytest.fixture
def place(server: StorageWrite) -> Destination:
    return Destination("our-project", "live", "live_restricted", "http://nowhere", server.address)


def notes(first: int, count: int) -> pa.RecordBatch:
    days = pa.array([date(2026, 3, 2)] * count, pa.date32())
    return pa.record_batch([pa.array(range(first, first + count)), days], schema=NOTES.schema)


def seen(server: StorageWrite, place: Destination) -> list[int]:
    there = server.table(place.path(NOTES))
    return sorted(there["n"].to_pylist()) if there.num_columns else []


def test_rows_are_seen_when_all_are_written_and_not_before(server, place):
    looked: list[list[int]] = []
    batches = [notes(0, 500), notes(500, 500)]

    count = append_whole(
        place, NOTES, batches, lambda: looked.append(seen(server, place)), PATIENCE
    )

    assert (count, looked) == (1000, [[]])
    assert seen(server, place) == list(range(1000))
    assert server.calls.count("CreateWriteStream") == 1


def test_what_is_raised_before_the_commit_leaves_nothing(server, place):
    def lost() -> None:
        raise OptionError("the lease is lost")

    with pytest.raises(OptionError, match="the lease is lost"):
        append_whole(place, NOTES, [notes(0, 10)], lost, PATIENCE)

    assert seen(server, place) == []
    assert "BatchCommitWriteStreams" not in server.calls


def test_a_row_that_is_refused_leaves_nothing(server, place):
    server.plan = lambda request: (
        Answer(code="INVALID_ARGUMENT", row_errors={3: "n is no number"})
        if request.number == 0
        else None
    )

    with pytest.raises(SinkError, match=r"to append 10 rows to BigQuery's table our-project\.live"):
        append_whole(place, NOTES, [notes(0, 10)], patience=PATIENCE)

    assert seen(server, place) == []


def test_nothing_to_append_asks_nothing(server, place):
    assert append_whole(place, NOTES, [], patience=PATIENCE) == 0
    assert server.calls == []


def test_an_account_that_may_only_read_is_told_so_before_anything_is_written(server, place):
    server.unary = lambda name: "PERMISSION_DENIED"

    with pytest.raises(OptionError) as refused:
        _check_rights(place, [METRICS], option="")

    assert str(refused.value) == (
        "bigquery://our-project/live: expected the right to write our-project.live.metrics, found"
        " that this account may only read: grant it BigQuery Data Editor on the dataset"
    )
