"""`moment backfill`: past days computed anew from the events of a dataset."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from datetime import date, datetime, timezone
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.errors import OptionError
from pipelines.lock import exclusively
from pipelines.report import write_report
from pipelines.simulator import BRAND, Options, simulate, write
from tests.pipelines.dataset import contents, query
from tests.pipelines.refill import CHANNELS, add_events, without_events
from transforms.balance import outcome_batch

ROOT = Path(__file__).parents[2]
# ── what was published already ──────────────────────────────────────────────────────────────────


def test_days_that_were_measured_in_batch_are_identical_and_nothing_is_appended(
    moment_backfill, published
):
    before, figures = contents(published.dataset / "metrics"), published.standing()
    said = moment_backfill(published.dataset, "--from", "2026-03-01", "--to", "2026-03-03")

    assert said.code == 0
    assert re.findall(
        r"^(\S+): (identical), [\d,]+ figures; nothing is published$", said.out, re.M
    ) == [
        ("2026-03-01", "identical"),
        ("2026-03-02", "identical"),
        ("2026-03-03", "identical"),
    ]
    assert contents(published.dataset / "metrics") == before
    assert published.standing() == figures
    assert len(figures) > 500


def test_a_whole_show_is_identical_on_each_of_its_days(moment_backfill, measured, tmp_path):
    dataset = tmp_path / "dataset"
    written = write(simulate(Options(seed=7, people=150, minutes=20)), tmp_path / "native")
    files = [file for file in written if file.name != "truth.json"]
    measured(files, dataset, "--brand", BRAND)
    days = [
        str(day)
        for (day,) in query(
            dataset,
            "SELECT DISTINCT (event_time AT TIME ZONE 'Europe/Paris')::DATE FROM events ORDER BY 1",
        )
    ]
    said = moment_backfill(dataset, "--from", days[0], "--to", days[-1])

    assert len(days) > 2
    assert re.findall(r"^(\S+): identical, ", said.out, re.M) == days


# ── news ────────────────────────────────────────────────────────────────────────────────────────


def test_what_a_sealed_window_missed_counts_after_the_backfill(
    moment_backfill, streamed, published
):
    assert streamed.standing() != published.standing()
    said = moment_backfill(streamed.dataset, "--from", "2026-03-02", "--to", "2026-03-03")

    assert "2026-03-02: " in said.out
    assert "figures of epoch 0, 12 late ledger rows" in said.out
    assert re.findall(r"^(\S+): restated in epoch 1: of", said.out, re.M) == [
        "2026-03-02",
        "2026-03-03",
    ]
    assert streamed.standing() == published.standing()


def test_each_change_is_a_revision_with_its_cause(moment_backfill, streamed):
    moment_backfill(
        streamed.dataset, *("--from", "2026-03-02", "--cause", "definition"), "--to", "2026-03-02"
    )
    changes = query(
        streamed.dataset,
        "SELECT previous_value, value, epoch, cause FROM metric_revisions WHERE metric = 'reach'"
        " AND window_kind = 'day' AND grouping_set = 'channel' AND channel = 'access_log'"
        " AND traffic = 'valid'",
    )

    assert changes == [(18.0, 30.0, 1, "definition")]
    assert query(
        streamed.dataset,
        "SELECT day, status, epoch FROM partition_status WHERE epoch > 0",
    ) == [(date(2026, 3, 2), "restated", 1)]


def test_a_second_backfill_changes_nothing(moment_backfill, streamed):
    given = (streamed.dataset, "--from", "2026-03-02", "--to", "2026-03-03")
    moment_backfill(*given)
    before, figures = contents(streamed.dataset / "metrics"), streamed.standing()
    said = moment_backfill(*given)

    assert "epoch 2" in said.out.splitlines()[0]
    assert len(re.findall(": identical, ", said.out)) == 2
    assert contents(streamed.dataset / "metrics") == before
    assert streamed.standing() == figures


def test_a_figure_whose_events_are_gone_is_withdrawn(moment_backfill, published):
    without_events(published.dataset, "channel = 'youtube_chat'")
    said = moment_backfill(published.dataset, "--from", "2026-03-02")
    of_chat = (
        "FROM metrics_latest WHERE grouping_set = 'brand_channel' AND channel = 'youtube_chat'"
        " AND local_day = '2026-03-02'"
    )

    assert re.search(r"[1-9]\d* of these withdrawn", said.out)
    assert query(published.dataset, f"SELECT DISTINCT value, suppressed_reason, n {of_chat}") == [
        (None, "withdrawn", 0)
    ]
    again = moment_backfill(published.dataset, "--from", "2026-03-02")
    assert "2026-03-02: identical" in again.out


# ── once begun ──────────────────────────────────────────────────────────────────────────────────


def test_a_backfill_that_is_killed_leaves_whole_days_and_goes_on_where_it_was(
    moment_backfill, streamed, published
):
    given = (streamed.dataset, "--from", "2026-03-01", "--to", "2026-03-03")
    monday = streamed.partition("metrics", "2026-03-02")
    manifest = streamed.dataset / "backfill.json"
    command = [sys.executable, "-m", "pipelines", "backfill", *map(str, given)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
    try:
        _wait_for(lambda: manifest.exists() and "2026-03-01" in manifest.read_text()[200:])
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    killed = json.loads(manifest.read_text())

    assert process.returncode == -signal.SIGKILL
    assert list(killed["days"]) == ["2026-03-01"]
    assert killed["finished"] is None
    assert streamed.partition("metrics", "2026-03-02") == monday

    said = moment_backfill(*given)
    assert f"2026-03-01: done before, {killed['days']['2026-03-01']['done']}" in said.out
    assert json.loads(manifest.read_text())["finished"]
    assert streamed.standing() == published.standing()
    assert not (streamed.dataset / ".backfill").exists()


def _wait_for(seen: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not seen():
        assert time.monotonic() < deadline, "expected the first day to be done in two minutes"
        time.sleep(0.002)


def _unfinished(dataset: Path, **options: str) -> None:
    asked = {"from": "2026-03-01", "to": "2026-03-03", "source": "events", "cause": "restatement"}
    record = {"options": asked | options, "epoch": 7, "started": "2026-03-06T10:00:00+00:00"}
    record |= {"days": {"2026-03-01": {"done": "2026-03-06T10:01:00+00:00"}}, "finished": None}
    (dataset / "backfill.json").write_text(json.dumps(record))


def test_an_unfinished_backfill_keeps_its_epoch(moment_backfill, streamed):
    _unfinished(streamed.dataset)
    said = moment_backfill(streamed.dataset, "--from", "2026-03-01", "--to", "2026-03-03")

    assert "epoch 7, cause restatement" in said.out
    assert "2026-03-01: done before, 2026-03-06T10:01:00+00:00" in said.out
    assert "2026-03-02: restated in epoch 7" in said.out


def test_an_unfinished_backfill_of_other_options_is_finished_or_given_up_first(
    moment_backfill, streamed
):
    _unfinished(streamed.dataset, to="2026-03-02")
    given = (streamed.dataset, "--from", "2026-03-01", "--to", "2026-03-03")

    with pytest.raises(
        OptionError, match=r"expected --to 2026-03-02 .* found 2026-03-03; .*--restart$"
    ):
        moment_backfill(*given)
    assert "epoch 1," in moment_backfill(*given, "--restart").out


def test_two_at_once_are_refused_with_owner_and_time(moment_backfill, published):
    before = contents(published.dataset)
    with exclusively(published.dataset), pytest.raises(OptionError) as refused:
        moment_backfill(published.dataset, "--from", "2026-03-02")

    assert contents(published.dataset) == before
    assert re.search(
        rf"found that of .+ on .+ \(process {os.getpid()}\), since 20\d\d-", str(refused.value)
    )
    assert moment_backfill(published.dataset, "--from", "2026-03-02").code == 0


def test_the_manifest_and_the_report_of_a_dataset_go_with_it(moment_backfill, measured, published):
    moment_backfill(published.dataset, "--from", "2026-03-02")
    write_report(published.dataset, published.dataset / "report.html")
    assert (published.dataset / "backfill.json").exists()
    measured(published.inputs, published.dataset, "--channels", CHANNELS, "--replace")

    assert not (published.dataset / "backfill.json").exists()
    assert not (published.dataset / "report.html").exists()


# ── the plan, and what is refused ───────────────────────────────────────────────────────────────


def test_a_plan_says_what_would_be_done_and_does_nothing(moment_backfill, published):
    before = contents(published.dataset)
    said = moment_backfill(
        published.dataset,
        *("--from", "2026-03-02", "--plan", "--price-per-tib", "6.25", "--budget", "1"),
    )
    first, day, elsewhere, cost = said.out.splitlines()

    assert first == f"backfill of {published.dataset} from its events: epoch 1, cause restatement"
    assert re.fullmatch(
        r"  2026-03-02: 44 events, [\d,]+ bytes in partitions 2026-03-01, 2026-03-02;"
        r" figures of epoch 0",
        day,
    )
    assert re.fullmatch(r"  for each day a part of [\d,]+ bytes of other days too: .*", elsewhere)
    assert re.fullmatch(r"  costs about \d\S* at 6.25 a tebibyte", cost)
    assert contents(published.dataset) == before


BAD = {
    "to before from": (
        ["--from", "2026-03-03", "--to", "2026-03-02"],
        "--to 2026-03-02: expected --from 2026-03-03 or a later",
    ),
    "no date": (["--from", "yesterday"], "--from yesterday: expected a date such as"),
    "a day in the future": (
        ["--from", "2026-03-02", "--to", "2999-01-01"],
        "--to 2999-01-01: expected today",
    ),
    "a day without events": (
        ["--from", "2026-03-01", "--to", "2026-03-04"],
        "expected events of 2026-03-04, found none",
    ),
    "a budget without a price": (
        ["--from", "2026-03-02", "--budget", "1"],
        "--budget: expected with --price-per-tib",
    ),
    "a budget exceeded": (
        ["--from", "2026-03-02", "--price-per-tib", "1e9", "--budget", "0.01"],
        r"--budget 0.01: expected to cost that at most, found about \d",
    ),
    "a price below nothing": (
        ["--from", "2026-03-02", "--price-per-tib", "-1"],
        "--price-per-tib -1: expected 0",
    ),
    "two sources": (
        ["--from", "2026-03-02", "--source", "events", "archive"],
        "--source events: expected nothing beside it, found 1 more",
    ),
    "removal without decoding": (
        ["--from", "2026-03-02", "--remove"],
        "--remove: expected where events are decoded",
    ),
    "a fence around partitions": (
        ["--from", "2026-03-02", "--fence", "--source", "archive"],
        "--fence: expected with --source events only",
    ),
}


@pytest.mark.parametrize(("arguments", "told"), BAD.values(), ids=BAD)
def test_what_cannot_be_done_is_refused_in_one_sentence_before_anything_is_written(
    moment_backfill, published, arguments, told
):
    before = contents(published.dataset / "metrics") | contents(published.dataset / "events")
    with pytest.raises(OptionError, match=told) as refused:
        moment_backfill(published.dataset, *arguments)

    assert "\n" not in str(refused.value)
    assert not (published.dataset / "backfill.json").exists()
    assert (
        contents(published.dataset / "metrics") | contents(published.dataset / "events") == before
    )


def test_a_folder_that_is_no_dataset_is_refused(moment_backfill, tmp_path):
    with pytest.raises(OptionError, match="expected a dataset of `moment measure`"):
        moment_backfill(tmp_path, "--from", "2026-03-02")
    with pytest.raises(OptionError, match=r"^bigquery://ours: expected bigquery://PROJECT/DATASET"):
        moment_backfill("bigquery://ours", "--from", "2026-03-02")
    assert list(tmp_path.iterdir()) == []


def test_a_day_that_a_stream_may_still_change_is_refused_or_fenced(moment_backfill, streamed):
    status = streamed.dataset / "source_status" / "day=2026-03-05" / "part-0.parquet"
    rows = pq.read_table(status, partitioning=None)
    place = rows.schema.get_field_index("watermark")
    # 22:59 of Monday in Paris: Sunday is closed, Monday not, nor Tuesday.
    early = pa.array(
        [datetime(2026, 3, 2, 21, 59, tzinfo=timezone.utc)], rows.schema.field(place).type
    )
    pq.write_table(rows.set_column(place, rows.schema.field(place), early), status)
    for folder in ("2026-03-02", "2026-03-03"):
        shutil.rmtree(streamed.dataset / "metrics" / f"day={folder}")

    assert moment_backfill(streamed.dataset, "--from", "2026-03-01").code == 0
    with pytest.raises(
        OptionError, match=r"found 2026-03-02 open: .* after 2026-03-02T21:44\+00:00;"
    ):
        moment_backfill(streamed.dataset, "--from", "2026-03-01", "--to", "2026-03-02")
    said = moment_backfill(streamed.dataset, "--from", "2026-03-02", "--fence")
    assert "; no figures, 12 late ledger rows, open: fenced" in said.out


def test_a_day_that_had_ended_when_its_stream_began_is_refused(moment_backfill, streamed):
    run = json.loads((streamed.dataset / "run.json").read_text())
    (streamed.dataset / "run.json").write_text(
        json.dumps(run | {"since": "2026-03-01T23:00:00+00:00"})
    )

    with pytest.raises(
        OptionError,
        match=r"has published, from 2026-03-01T23:00\+00:00 on, found 2026-03-01, which had ended",
    ):
        moment_backfill(streamed.dataset, "--from", "2026-03-01", "--to", "2026-03-02")
    assert "2026-03-02: restated" in moment_backfill(streamed.dataset, "--from", "2026-03-02").out


def test_today_is_not_over(moment_backfill, published):
    evening = datetime(2026, 3, 3, 20, 0, tzinfo=timezone.utc)
    with pytest.raises(OptionError, match="found 2026-03-03 open"):
        moment_backfill(published.dataset, "--from", "2026-03-03", now=evening)


def test_a_day_of_two_pseudonym_keys_is_refused(moment_backfill, published):
    rows = without_events(
        published.dataset, "channel = 'youtube_chat' AND event_type LIKE '%text%'"
    )
    place = rows.schema.get_field_index("actor_key_id")
    other = pa.repeat("0123abcd", len(rows))
    add_events(published.dataset, rows.set_column(place, rows.schema.field(place), other))

    with pytest.raises(OptionError, match=r"under one pseudonym key, found 0123abcd and \w{8}:"):
        moment_backfill(published.dataset, "--from", "2026-03-02")


def test_a_recomputation_that_loses_events_publishes_nothing(
    moment_backfill, streamed, monkeypatch
):
    # A machine that forgets to say which events it accepted.
    monkeypatch.setattr(
        "transforms.attend_shards.outcome_batch", lambda outcomes: outcome_batch(Counter())
    )
    before = contents(streamed.dataset / "metrics")
    said = moment_backfill(streamed.dataset, "--from", "2026-03-02")

    assert said.code == 3
    assert "expected each event read to be accepted or a copy" in said.err
    assert contents(streamed.dataset / "metrics") == before
