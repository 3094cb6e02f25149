"""What `moment backfill` says of BigQuery's bytes, against a server that tells them.

Monday 2 March 2026 in Paris: partitions of 1 and 2 March UTC
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import date, datetime, timezone
from typing import Any

import pytest

from pipelines.backfill.cost import bytes_billed
from pipelines.backfill.options import TEBIBYTE, BackfillOptions
from pipelines.backfill.plan import describe, plan
from pipelines.backfill.sizes import sizes
from pipelines.cli import main
from pipelines.errors import OptionError
from pipelines.local_day import local_day
from pipelines.place_bigquery import BigQueryPlace
from pipelines.place_folder import FolderPlace
from pipelines.sinks.bigquery.destination import Destination
from pipelines.sources.bigquery import bytes_read, fetch_row
from pipelines.verify.run import Run
from tests.query_jobs import Queries, query_jobs

MEBIBYTE = 2**20
NOON = datetime(2026, 3, 5, 12, 0, tzinfo=timezone.utc)
MONDAY = local_day(date(2026, 3, 2), "Europe/Paris")

ANSWERS: list[tuple[str, dict[str, str], list[list[Any]]]] = [
    ("SELECT count(*) FROM", {"f0_": "INTEGER"}, [["3507"]]),
    (
        "max(epoch)",
        {"local_day": "DATE", "epoch": "INTEGER", "latest_end": "TIMESTAMP"},
        [["2026-03-02", "0", f"{int(MONDAY.end.timestamp()) * 1_000_000}"]],
    ),
    (
        "string_agg(DISTINCT actor_key_id",
        {"local_day": "DATE", "events": "INTEGER", "keys": "STRING"},
        [["2026-03-02", "2500", "0123abcd"]],
    ),
]

BYTES = [
    ("MERGE", 200 * MEBIBYTE),
    ("EXCEPT DISTINCT", 100 * MEBIBYTE),
    ("max(epoch)", 30 * MEBIBYTE),
    ("string_agg(DISTINCT actor_key_id", 50 * MEBIBYTE),
    ("WITH near AS", 300 * MEBIBYTE),
    ("SELECT * FROM `our-project.live.events` WHERE day = @partition", 40 * MEBIBYTE),
    ("live.metrics` WHERE day IN", 70 * MEBIBYTE),
    ("SELECT event_id, channel, event_time", 15 * MEBIBYTE),
    # The late ledger, failures and the balance: less than is billed at least.
    ("", MEBIBYTE),
]


def bytes_of(sql: str) -> int:
    return next(bytes for words, bytes in BYTES if re.sub(r"\s+", " ", sql).find(words) >= 0)


@pytest.fixture
def service() -> Iterator[Queries]:
    with query_jobs() as running:
        running.answers = list(ANSWERS)
        running.bytes = bytes_of
        yield running


@pytest.fixture
def place(service: Queries) -> Destination:
    return Destination("our-project", "live", "live_restricted", service.address, "127.0.0.1:1")


def options(place: Destination, **given: Any) -> BackfillOptions:
    run = Run("Europe/Paris", ("segment",), None, 0, "0123abcd")
    told: dict[str, Any] = {
        "dataset": BigQueryPlace(place), "run": run, "days": (MONDAY,), "source": "events",
        "inputs": (), "cause": "restatement", "only_plan": True, "price": None, "budget": None,
        "fence": False, "remove": False, "restart": False, "now": NOON,
    }  # fmt: skip
    return BackfillOptions(**(told | given))


# Sizes


def test_sizes_are_those_of_partitions_and_of_the_dry_run_of_a_day(place):
    found = sizes(place, [MONDAY])

    assert found.partitions == {
        date(2026, 3, 1): 40 * MEBIBYTE,
        date(2026, 3, 2): 40 * MEBIBYTE,
    }
    assert found.a_day == {MONDAY.day: 300 * MEBIBYTE}
    assert found.parquet == 3507 * 66


def test_a_dry_run_runs_nothing(service, place):
    assert bytes_read(place, "SELECT max(epoch)", {}) == 30 * MEBIBYTE
    assert [(each.dry, each.most_bytes) for each in service.asked] == [(True, None)]


# What is billed


def test_from_events_all_that_is_asked_is_counted_and_each_query_at_least_ten_mebibytes(place):
    # Figures of all days and the late ledger, how many events, what the day rests on, its figures.
    expected = 30 + 10 + 50 + 300 + 70

    assert bytes_billed(place, [MONDAY], "Europe/Paris", decodes=False) == expected * MEBIBYTE


def test_from_raw_input_comparisons_and_merges_of_each_partition_are_counted_too(service, place):
    from_events = 30 + 10 + 50 + 300 + 70
    # What becomes of events, two partitions, failures that are known, balances.
    expected = from_events + 15 + 2 * (100 + 200) + 10 + 10

    assert bytes_billed(place, [MONDAY], "Europe/Paris", decodes=True) == expected * MEBIBYTE
    assert service.run == []
    merges = [each for each in service.asked if each.sql.strip().startswith("MERGE")]
    assert sorted(each.parameters["partition"] for each in merges) == ["2026-03-01", "2026-03-02"]


def test_raw_input_is_not_billed_by_bigquery_and_is_read_like_events_elsewhere(place, tmp_path):
    billed = BigQueryPlace(place).billed([MONDAY], "Europe/Paris", False, input_bytes=TEBIBYTE)

    assert billed == 460 * MEBIBYTE
    assert FolderPlace(tmp_path).billed([MONDAY], "UTC", True, input_bytes=TEBIBYTE) == TEBIBYTE


def test_a_server_that_tells_no_bytes_is_no_plan_that_costs_nothing(service, place):
    service.bytes = lambda sql: 0

    assert bytes_billed(place, [MONDAY], "Europe/Paris", decodes=False) is None


# The plan


def test_a_plan_says_about_what_it_costs(place):
    asked = options(place, price=1024.0)

    assert describe(asked, plan(asked)).splitlines() == [
        "backfill of bigquery://our-project/live from its events: epoch 1, cause restatement",
        "  2026-03-02: 2,500 events, 83,886,080 bytes in partitions 2026-03-01, 2026-03-02; figures"
        " of epoch 0",
        "  for each day a part of 230,686,720 bytes of other days too: who was there before, and"
        " what changed later",
        "  costs about 0.449219 at 1024 a tebibyte",
    ]


def test_a_budget_exceeded_is_one_sentence_and_nothing_was_written(service, place):
    with pytest.raises(OptionError) as refused:
        plan(options(place, price=1024.0, budget=0.4))

    assert str(refused.value) == (
        "--budget 0.4: expected to cost that at most, found about 0.449219 for 482,344,960 bytes;"
        " give fewer days, or a greater budget"
    )
    assert {sql.split()[0] for sql in service.run} == {"SELECT"}


def test_no_query_is_run_that_is_billed_for_more_than_the_budget(service, place):
    bounded = BigQueryPlace(place).bounded(40 * MEBIBYTE).destination

    fetch_row(bounded, "SELECT max(epoch)")
    with pytest.raises(OptionError) as refused:
        fetch_row(bounded, "SELECT string_agg(DISTINCT actor_key_id")

    assert {each.most_bytes for each in service.asked} == {40 * MEBIBYTE}
    assert str(refused.value) == (
        "bigquery://our-project/live: expected a query to be billed for at most 41,943,040 bytes,"
        " as --budget says, found one of more, which was not run; give a greater budget, or fewer"
        " days"
    )


def test_the_command_asks_for_no_query_above_its_budget(service, place, monkeypatch, capsys):
    record = {
        "time_zone": "Europe/Paris", "channels": ["segment"], "epoch": 0,
        "pseudonym_key_id": "0123abcd",
    }  # fmt: skip
    service.answers.append(("live.runs`", {"options": "STRING"}, [[json.dumps(record)]]))
    monkeypatch.setenv("BIGQUERY_EMULATOR_HOST", place.rest_emulator)
    monkeypatch.setenv("MOMENT_BIGQUERY_WRITE_EMULATOR", place.write_emulator)
    command = ["backfill", "bigquery://our-project/live", "--from", "2026-03-02", "--plan"]

    assert main([*command, "--price-per-tib", "1024", "--budget", "0.5"]) == 0

    assert capsys.readouterr().out.splitlines()[-1] == "  costs about 0.449219 at 1024 a tebibyte"
    asked = {each.most_bytes for each in service.asked if not each.dry and "runs`" not in each.sql}
    assert asked == {TEBIBYTE // 2048}


# Days that are not kept


@pytest.mark.parametrize("source", ["events", "input"])
def test_a_day_whose_partitions_of_events_are_gone_is_refused(service, place, source):
    """Monday's first hour is of the partition of 1 March, which goes first."""
    last = datetime(2027, 3, 1, 23, 59, tzinfo=timezone.utc)
    first = datetime(2027, 3, 2, 0, 0, tzinfo=timezone.utc)

    assert plan(options(place, source=source, now=last)).epoch == 1
    asked = len(service.asked)
    with pytest.raises(OptionError) as refused:
        plan(options(place, source=source, now=first))

    assert str(refused.value) == (
        "bigquery://our-project/live: expected days whose partitions of events are kept, those from"
        " 2026-03-02 on, found 2026-03-02: without its events all its figures would be withdrawn;"
        " leave that day out, or measure its raw input into another dataset"
    )
    assert len(service.asked) == asked


def test_a_folder_and_an_emulator_keep_all_days(place, tmp_path):
    assert FolderPlace(tmp_path).kept_from(NOON) == date.min
    assert BigQueryPlace(place).kept_from(NOON) == date(2025, 3, 5)
    emulator = Destination("our-project", "live", "few", "http://nowhere", "1:1", expires=False)
    assert BigQueryPlace(emulator).kept_from(NOON) == date.min
