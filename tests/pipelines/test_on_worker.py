"""`moment backfill` as the job of a Flex Template: one element, a process on a worker, an end."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from pipelines import flex_template
from pipelines.keys import KEY_VARIABLE
from pipelines.lock import exclusively
from pipelines.on_worker import CommandError, _sentence, run_command
from tests.conftest import KEY
from tests.pipelines.refill import Published, rows_of

SECRET = "projects/example/secrets/moment-pseudonym-key/versions/1"


def key_of(name: str) -> str:
    assert name == SECRET
    return KEY


def parameters(published: Published, *more: str) -> list[str]:
    return [
        "--command=backfill", f"--inputs={' '.join(published.inputs)}",
        f"--output={published.dataset}", f"--pseudonym_key_secret={SECRET}", *more,
    ]  # fmt: skip


def test_a_template_that_backfills_restates_the_day_by_a_worker_that_reads_the_key(
    streamed: Published, monkeypatch: pytest.MonkeyPatch, caplog: Any
):
    monkeypatch.delenv(KEY_VARIABLE)
    caplog.set_level("INFO", "pipelines.on_worker")

    day = ("--from=2026-03-02", "--to=2026-03-02")
    assert flex_template.main(parameters(streamed, *day), secret_of=key_of) == 0

    assert {row["epoch"] for row in rows_of(streamed.dataset, "metrics")} == {0, 1}
    told = [record.message for record in caplog.records if record.name == "pipelines.on_worker"]
    assert told[0].startswith(f"backfill of {streamed.dataset} from raw input: epoch 1")
    assert (
        "2026-03-02: restated in epoch 1: of 1,458 figures 188 are not what they were, 0 of these"
        " withdrawn"
    ) in told

    # What a retried bundle does, or a schedule that is triggered twice.
    before = rows_of(streamed.dataset, "metrics")
    assert flex_template.main(parameters(streamed, *day), secret_of=key_of) == 0
    assert rows_of(streamed.dataset, "metrics") == before


def test_a_plan_that_is_refused_fails_the_job_with_the_commands_sentence(published: Published):
    with pytest.raises(Exception) as failed:
        flex_template.main(parameters(published, "--from=2031-03-02"), secret_of=key_of)

    assert (
        "moment backfill: expected exit code 0, found 2: --from 2031-03-02: expected today"
    ) in str(failed.value)


def test_what_a_command_prints_is_told_line_by_line():
    told: list[str] = []

    run_command(["channels"], {}, told.append)

    assert told[0].startswith("access_log: ")
    assert len(told) > 20


def test_while_another_has_the_dataset_the_command_is_run_again(published: Published):
    told: list[str] = []
    refused, ended = threading.Event(), threading.Event()

    def say(line: str) -> None:
        told.append(line)
        if "run again" in line:
            refused.set()
            ended.wait(60)

    def hold() -> None:
        with exclusively(published.dataset):
            held.set()
            refused.wait(60)
        ended.set()

    held = threading.Event()
    threading.Thread(target=hold).start()
    held.wait(60)
    line = ["backfill", str(published.dataset), "--from=2026-03-02"]
    run_command(line, {KEY_VARIABLE: KEY}, say, pause=0.01)

    assert "expected no other run that writes in it, found that of" in told[0]
    assert told[1] == "moment backfill: run again in 0 s"
    assert told[-1].startswith("2026-03-02: ")


def test_one_that_has_it_for_too_long_fails_the_command(published: Published):
    line = ["backfill", str(published.dataset), "--from=2026-03-02"]

    with exclusively(published.dataset), pytest.raises(CommandError) as failed:
        run_command(line, {KEY_VARIABLE: KEY}, lambda line: None, patience=0)

    assert str(failed.value).startswith(
        f"moment backfill: expected exit code 0, found 5: {published.dataset}: expected no"
    )


def test_a_command_that_is_killed_says_what_may_have_killed_it():
    assert _sentence("backfill", -9, "2026-03-02: done").startswith(
        "moment backfill: expected exit code 0, found that it was killed by SIGKILL, as where memory"
    )
    assert _sentence("backfill", 1, "") == (
        "moment backfill: expected exit code 0, found 1: it said nothing"
    )


def test_a_dataset_that_is_missing_is_told_by_the_sentence_and_not_by_what_is_printed_after(
    tmp_path: Path,
):
    with pytest.raises(CommandError, match=r"found 2: .*: expected a dataset of `moment measure`"):
        run_command(["backfill", str(tmp_path), "--from=2026-03-02"], {}, lambda line: None)
