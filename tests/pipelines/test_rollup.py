"""`moment rollup`: what it says is what the events say, and where it cannot be exact it says so."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import duckdb
import pytest
import sqlglot
from sqlglot import exp
from sqlglot.optimizer.qualify import qualify

from pipelines.cli import main
from pipelines.measure import Measured
from pipelines.rollup import RollUp, roll_up, rollup_sql
from pipelines.simulator import simulate, tracks, write
from pipelines.sinks.tables import PARTIALS
from schemas.day_partial import HOLDING_PARTIALS
from tests.bi import ANSWERS, LIVE, plain

FIRST, LAST = date(2026, 3, 9), date(2026, 3, 15)


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory, measured: Callable[..., Measured]) -> Path:
    folder = tmp_path_factory.mktemp("rollup")
    files = [p for p in write(simulate(LIVE), folder / "live") if p.name != "truth.json"]
    measured(files, folder / "figures")
    return folder / "figures"


@pytest.fixture(scope="module")
def events(live: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(str(live / "moment.duckdb"), read_only=True) as connection:
        yield connection


# Against the events


def recomputed(
    events: duckdb.DuckDBPyConnection, asked: RollUp, place: str | None
) -> list[tuple[str | None, int]]:
    """Distinct people of the events that stand, read one by one: none below ten."""
    of_channels = "', '".join(asked.channels)
    valid = "AND ivt_class IN ('valid', 'unknown')" if asked.traffic == "valid" else ""
    channels = f"AND channel IN ('{of_channels}')" if asked.channels else ""
    named = f"AND {place} IS NOT NULL" if place else ""
    return events.execute(
        f"""
SELECT {place or "NULL"}, count(DISTINCT actor_id) AS reach FROM events_standing
WHERE CAST(event_time AT TIME ZONE 'Europe/Paris' AS DATE)
    BETWEEN DATE '{asked.first}' AND DATE '{asked.last}'
  AND actor_kind NOT IN ('brand', 'automaton') AND action_class NOT IN ('contact', 'control')
  {valid} {channels} {named}
GROUP BY ALL HAVING reach >= 10 ORDER BY ALL
"""
    ).fetchall()


DAYS = [(FIRST, LAST), (date(2026, 3, 12), date(2026, 3, 13)), (date(2026, 3, 14),) * 2]
PLACES = {"total": None, "channel": "channel", "content": "content_id", "brand": "brand_id"}
CHANNELS = [(), ("segment", "youtube_chat"), ("mailjet", "iterable", "customerio")]


@pytest.mark.parametrize("traffic", ["gross", "valid"])
@pytest.mark.parametrize("channels", CHANNELS, ids="+".join)
@pytest.mark.parametrize(("by", "place"), PLACES.items(), ids=PLACES)
@pytest.mark.parametrize("days", DAYS, ids=str)
def test_reach_of_any_days_channels_and_places_is_that_of_the_events(
    live, events, days, by, place, channels, traffic
):
    asked = RollUp(*days, by, channels, traffic)

    found = [
        (row[0] if place else None, row[-6]) for row in roll_up(live, asked) if row[-6] is not None
    ]

    assert found == recomputed(events, asked, place)


def test_sums_are_those_of_the_events(live, events):
    ((days, *_, counted, watched, _),) = roll_up(live, RollUp(FIRST, LAST, traffic="gross"))

    assert days == 3
    assert events.execute("SELECT count(*) FROM events_latest").fetchall() == [(counted,)]
    assert events.execute(
        "SELECT round(sum(duration_ms) / 3600000, 2) FROM events_latest WHERE action = 'heartbeat'"
    ).fetchall() == [(watched,)]


def test_the_weeks_reach_is_the_answer_that_the_events_gave(live):
    ((_, *reach, _, _, _),) = roll_up(live, RollUp(FIRST, LAST))

    assert [tuple(reach)] == [ANSWERS["reach"][0] * 3]


def test_of_few_people_only_events_are_told(live):
    rows = roll_up(live, RollUp(date(2026, 3, 12), date(2026, 3, 12)))

    assert rows == [(1, None, None, None, 161, None, None)]


# Above what a sketch holds


def test_above_4096_people_the_truth_is_within_the_bounds_and_they_are_narrow(tmp_path, measured):
    """More than twice as many as a sketch holds, in one evening."""
    (tmp_path / "segment.ndjson").write_bytes(b"".join(tracks(30_000, 9_000, 20, seed=3)))
    measured([tmp_path / "segment.ndjson"], tmp_path / "figures")
    dataset = tmp_path / "figures"
    with duckdb.connect(str(dataset / "moment.duckdb"), read_only=True) as connection:
        ((first, last, people),) = connection.execute(
            "SELECT min(day), max(day), (SELECT count(DISTINCT actor_id) FROM events_latest"
            " WHERE ivt_class IN ('valid', 'unknown')) FROM partials"
        ).fetchall()

    ((_, reach, low, high, *_),) = roll_up(dataset, RollUp(first, last))

    assert people > 2 * 4096
    assert low <= people <= high
    assert low < reach < high
    assert high - low < 0.07 * people


# The text for BigQuery


@pytest.mark.parametrize("by", PLACES)
def test_the_text_is_bigquerys_too_and_reads_columns_that_are_there(by):
    asked = RollUp(FIRST, LAST, by, ("segment",))
    text = sqlglot.parse_one(rollup_sql(asked), read="bigquery")

    named = {each.sql("bigquery") for each in text.find_all(exp.Dot)}
    assert {call.partition("(")[0] for call in named if "(" in call} == {
        "bqutil.datasketches.theta_sketch_agg_union",
        "bqutil.datasketches.theta_sketch_get_estimate_and_bounds",
    }
    columns = dict.fromkeys([*PARTIALS.schema.names, "day"], "STRING")
    qualify(text, schema={"partials_latest": columns}, dialect="bigquery")


def test_functions_may_be_elsewhere():
    told = rollup_sql(RollUp(FIRST, LAST), functions="ours.sketches")

    assert "ours.sketches.theta_sketch_agg_union(people)" in told
    assert "bqutil" not in told


# The command


def test_the_command_prints_a_line_a_place(live, capsys):
    given = ["rollup", str(live), "--from", "2026-03-09", "--to", "2026-03-15"]

    assert main([*given, "--by", "channel", "--channel", "segment", "--channel", "mailjet"]) == 0

    assert capsys.readouterr().out == (
        "channel\tdays\treach\treach_low\treach_high\tevents\twatched_hours\tactions\n"
        "mailjet\t2\t66\t66\t66\t326\t0.0\t17\n"
        "segment\t1\t369\t369\t369\t10,379\t25.3\t52\n"
    )


def test_the_command_prints_the_text_for_bigquery(live, capsys):
    given = ["rollup", str(live), "--from", "2026-03-09", "--to", "2026-03-15", "--by", "content"]

    assert main([*given, "--channel", "segment", "--sql"]) == 0

    asked = RollUp(FIRST, LAST, "content", ("segment",))
    assert capsys.readouterr().out.strip() == rollup_sql(asked).strip()


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (["--from", "2026-03-15", "--to", "2026-03-09"], "expected the first day before the last"),
        (["--from", "2026-04-01", "--to", "2026-04-02"], "expected partials between 2026-04-01"),
        (
            ["--from", "2026-04-01", "--to", "2026-04-02", "--by", "brand", "--channel", "survey"],
            "expected partials of survey by brand between 2026-04-01 and 2026-04-02, found none:"
            " bounded runs write them, and streams of days that they have sealed; events that name"
            " no brand have none",
        ),
        (
            ["--from", "2026-03-09", "--to", "2026-03-15", "--channel", "it's"],
            "--channel it's: expected a registered channel, as in access_log,",
        ),
    ],
    ids=["days the wrong way", "no such days", "none by brand", "no such channel"],
)
def test_what_cannot_be_rolled_up_is_one_sentence(live, capsys, given, told):
    assert main(["rollup", str(live), *given]) == 2

    said = capsys.readouterr().err
    assert told in said
    assert said.count("\n") == 1


def test_no_dataset_is_one_sentence(tmp_path, capsys):
    assert main(["rollup", str(tmp_path), "--from", "2026-03-09", "--to", "2026-03-09"]) == 2

    assert "expected a dataset of `moment measure`" in capsys.readouterr().err


def test_a_dataset_without_partials_is_one_sentence(tmp_path, capsys):
    (tmp_path / "run.json").write_text("{}")

    assert main(["rollup", str(tmp_path), "--from", "2026-03-09", "--to", "2026-03-09"]) == 2

    assert "expected partials between 2026-03-09 and 2026-03-09" in capsys.readouterr().err


def test_a_name_from_outside_stays_on_its_line(tmp_path, measured, capsys):
    view = (
        '{"type": "page", "messageId": "%d", "userId": "u%d", "timestamp": "%s", "properties": %s}'
    )
    named = '{"path": "/x", "content_id": "a\\tb\\n2026\\u001b[2J"}'
    lines = [view % (n, n, "2026-03-14T10:00:00Z", named) for n in range(12)]
    (tmp_path / "views.ndjson").write_text("\n".join(lines))
    measured([f"segment={tmp_path / 'views.ndjson'}"], tmp_path / "figures")
    given = ["--from", "2026-03-14", "--to", "2026-03-14", "--by", "content"]

    assert main(["rollup", str(tmp_path / "figures"), *given]) == 0

    (_, *rows) = capsys.readouterr().out.splitlines()
    assert [row.count("\t") for row in rows] == [7]
    assert "\x1b" not in rows[0]


# Epochs


def test_a_greater_epoch_of_a_day_replaces_its_rows_and_a_row_written_twice_counts_once():
    with duckdb.connect() as connection:
        connection.execute(
            "CREATE TABLE partials AS SELECT *, NULL AS channel, NULL AS content_id,"
            " NULL AS brand_id, NULL AS item, 'valid' AS traffic FROM (VALUES"
            " (1, 'total', 0, 1, 10), (1, 'brand', 0, 1, 11),"
            " (1, 'total', 1, 2, 12), (1, 'total', 1, 2, 12),"
            " (2, 'total', 0, 1, 13), (2, 'total', 0, 3, 14)"
            ") AS told(day, grouping_set, epoch, published_time, events)"
        )
        found = connection.execute(f"SELECT day, events FROM ({HOLDING_PARTIALS})").fetchall()

    assert plain(sorted(found)) == [(1, 12), (2, 14)]
