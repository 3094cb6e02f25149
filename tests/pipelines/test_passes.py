"""Input larger than memory: a pass a day, each bounded by its day, and the same figures as in one."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from pipelines.measure import Measured
from pipelines.sinks.duckdb_views import create_views
from tests.pipelines.dataset import query, table
from tests.pipelines.refill import ARRIVED, CHANNELS, STANDING, Printed, message, views

DAYS = {
    "2026-03-01": (
        views(1, range(20)),
        "".join(message(f"s{number}", 1, f"author{number}") for number in range(12)),
    ),
    "2026-03-02": (
        views(2, range(10, 40)),
        "".join(message(f"m{number}", 2, f"author{number}") for number in range(14)),
    ),
    # A message of the day before is deleted.
    "2026-03-03": (views(3, range(12)), message("d", 3, "moderator", deletes="m0")),
}


def inputs_of(folder: Path, day: str) -> list[str]:
    folder = folder / day
    folder.mkdir(parents=True)
    log, chat = folder / "web.log", folder / "chat.ndjson"
    for file, text in zip((log, chat), DAYS[day]):
        file.write_text(text)
        os.utime(file, (ARRIVED.timestamp(), ARRIVED.timestamp()))
    return [f"access_log={log}", f"youtube_chat={chat}"]


def test_a_pass_a_day_and_a_restatement_give_the_events_and_figures_of_one_pass(
    measured: Callable[..., Measured],
    moment_backfill: Callable[..., Printed],
    moment_verify: Callable[..., Printed],
    tmp_path: Path,
) -> None:
    parts = {day: inputs_of(tmp_path, day) for day in DAYS}
    rules = ("--channels", CHANNELS, "--brand", "b")
    whole, passes = tmp_path / "whole", tmp_path / "passes"
    measured([each for part in parts.values() for each in part], whole, *rules)

    first, *others = parts
    measured(parts[first], passes, *rules)
    for day in others:
        moment_backfill(passes, "--from", day, "--to", day, "--source", *parts[day])
    before = figures(passes)
    # What a later day changed of an earlier one is in no pass of its own.
    said = moment_backfill(passes, "--from", first, "--to", others[-1])

    assert before != figures(whole)
    assert said.out.count(": restated in epoch ") == 1
    assert figures(passes) == figures(whole)
    assert events(passes) == events(whole)
    assert balance(passes) == balance(whole)
    verified = moment_verify(passes, *(each for part in parts.values() for each in part))
    assert verified.out.startswith("identical: ")


def figures(dataset: Path) -> list:
    create_views(dataset)
    return query(dataset, STANDING)


def events(dataset: Path) -> list:
    return sorted(
        table(dataset, "events").to_pylist(), key=lambda event: (event["event_id"], str(event))
    )


def balance(dataset: Path) -> list:
    return query(
        dataset,
        "SELECT input, arrival_hour, channel, received, decoded, failed, events, accepted, duplicate,"
        " withheld, ignored, late, balanced FROM balance_latest ORDER BY ALL",
    )
