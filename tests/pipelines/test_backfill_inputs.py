"""`moment backfill --source INPUT...` and `--source archive`: partitions decoded anew."""

from __future__ import annotations

import argparse
import json
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from pipelines.arguments import add_measure_arguments
from pipelines.cli import main
from pipelines.errors import OptionError
from pipelines.exchange import mend, put_in_place
from pipelines.inputs import parse_inputs
from pipelines.options import measure_options
from tests.pipelines.dataset import contents, query, table
from tests.pipelines.refill import (
    ARRIVED,
    CHANNELS,
    add_events,
    message,
    rewrite,
    rows_of,
    views,
    without_events,
)

ROOT = Path(__file__).parents[2]
DAYS = ("--from", "2026-03-01", "--to", "2026-03-03")


def native(published, name: str) -> Path:
    return Path(next(each for each in published.inputs if name in each).partition("=")[2])


def events(published) -> list:
    return table(published.dataset, "events").to_pylist()


@pytest.fixture
def measured_here(published, measured):
    """Measured where its input is now, so that the balance knows it by the same name."""
    arguments = ("--channels", CHANNELS, "--brand", "b", "--replace")
    measured(published.inputs, published.dataset, *arguments)
    return published


# ── the same again ──────────────────────────────────────────────────────────────────────────────


def test_raw_input_that_gives_the_same_changes_nothing(moment_backfill, measured_here):
    published = measured_here
    before = contents(published.dataset / "metrics") | contents(published.dataset / "events")
    balance = contents(published.dataset / "balance")
    said = moment_backfill(published.dataset, *DAYS, "--source", *published.inputs)

    assert said.code == 0
    assert "0 are new, 0 are gone" in said.out
    assert "is replaced" not in said.out
    assert len(re.findall(": identical, ", said.out)) == 3
    assert (
        contents(published.dataset / "metrics") | contents(published.dataset / "events") == before
    )
    assert contents(published.dataset / "balance") == balance


# ── a decoder was mended, records were found ────────────────────────────────────────────────────


def test_events_that_were_missing_are_put_in_their_partitions_and_count(moment_backfill, published):
    whole, figures = events(published), published.standing()
    without_events(published.dataset, "channel = 'access_log' AND source_event_id IS NULL")
    assert events(published) != whole
    said = moment_backfill(published.dataset, *DAYS, "--source", *published.inputs)

    assert re.search(r"62 are new, 0 are gone", said.out)
    assert "2026-03-02: its part of the partition 2026-03-02 is replaced" in said.out
    assert "2026-03-02: restated in epoch 1" in said.out or "2026-03-02: identical" in said.out
    assert events(published) == whole
    assert published.standing() == figures
    again = moment_backfill(published.dataset, *DAYS, "--source", *published.inputs)
    assert "is replaced" not in again.out


def test_other_days_and_channels_of_a_partition_stay_as_they_are(moment_backfill, published):
    rewrite(native(published, "web.log"), views(2, range(10, 44)))
    before = {e["event_id"]: e for e in events(published)}
    (source,) = (each for each in published.inputs if "web.log" in each)
    moment_backfill(published.dataset, "--from", "2026-03-02", "--source", source)
    after = {e["event_id"]: e for e in events(published)}
    new = [e for id, e in after.items() if id not in before]

    assert {id: after.get(id) for id in before} == before
    assert len(new) == 4
    assert {(str(e["event_time"].date()), e["channel"]) for e in new} == {
        ("2026-03-02", "access_log")
    }


def test_events_that_the_source_lacks_are_removed_only_where_that_was_said(
    moment_backfill, published
):
    rewrite(native(published, "web.log"), views(2, range(10, 30)))
    before = contents(published.dataset)
    (source,) = (each for each in published.inputs if "web.log" in each)
    given = (published.dataset, "--from", "2026-03-02", "--source", source)

    with pytest.raises(OptionError, match=r"found 10 missing \(access_log\); give all input"):
        moment_backfill(*given)
    assert contents(published.dataset) == before

    said = moment_backfill(*given, "--remove")
    assert "0 are new, 10 are gone" in said.out
    assert query(
        published.dataset,
        "SELECT value FROM metrics_latest WHERE metric = 'reach' AND window_kind = 'day'"
        " AND grouping_set = 'channel' AND channel = 'access_log' AND traffic = 'valid'"
        " AND local_day = '2026-03-02'",
    ) == [(20.0,)]


def test_a_day_that_the_source_has_nothing_of_is_refused(moment_backfill, published):
    rewrite(native(published, "web.log"), views(2, range(10, 40)))
    (source,) = (each for each in published.inputs if "web.log" in each)
    with pytest.raises(OptionError, match="expected events of 2026-03-01 in it, found none"):
        moment_backfill(published.dataset, *DAYS, "--source", source)
    with pytest.raises(OptionError, match="expected raw input elsewhere, found all of it there"):
        moment_backfill(published.dataset, *DAYS, "--source", published.dataset / "events")


def test_what_fails_now_is_a_failed_event_once_and_the_balance_says_so(
    moment_backfill, measured_here
):
    published = measured_here
    chat = native(published, "chat")
    rewrite(chat, chat.read_text() + "no chat at all\n" + message("new", 2, "author99"))
    given = (published.dataset, *DAYS, "--source", *published.inputs)
    said = moment_backfill(*given)
    again = moment_backfill(*given)

    assert "new failed events: 1" in said.out
    assert "new failed events: 0" in again.out
    assert [row["payload"] for row in rows_of(published.dataset, "failed_events")] == [
        b"no chat at all"
    ]
    assert (published.dataset / "failed_events").stat().st_mode & 0o777 == 0o700
    assert query(
        published.dataset,
        "SELECT received, decoded, failed, accepted, balanced FROM balance_latest"
        " WHERE channel = 'youtube_chat'",
    ) == [(29, 28, 1, 28, True)]


# ── killed ──────────────────────────────────────────────────────────────────────────────────────


def test_a_run_that_is_killed_leaves_each_partition_old_or_new_and_whole_and_a_rerun_completes(
    moment_backfill, published
):
    figures, whole = published.standing(), events(published)
    without_events(published.dataset, "channel = 'youtube_chat' AND event_type LIKE '%text%'")
    days = ("2026-03-01", "2026-03-02", "2026-03-03")
    old = {day: ids(published, day) for day in days}
    new = {
        day: sorted(e["event_id"] for e in whole if str(e["event_time"].date()) == day)
        for day in days
    }
    command = [sys.executable, "-m", "pipelines", "backfill", str(published.dataset), *DAYS]
    process = subprocess.Popen(
        [*command, "--source", *published.inputs], cwd=ROOT, stdout=subprocess.DEVNULL
    )
    try:
        staged = published.dataset / ".backfill" / "events"
        deadline = time.monotonic() + 120
        while not staged.exists():
            assert time.monotonic() < deadline, "expected a partition to be staged in two minutes"
            time.sleep(0.001)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    left = {day: ids(published, day) for day in days}

    assert process.returncode == -signal.SIGKILL
    assert all(left[day] in (old[day], new[day]) for day in days)
    assert left != new
    assert published.standing() == figures  # nothing was published either
    said = moment_backfill(published.dataset, *DAYS, "--source", *published.inputs)
    assert said.code == 0
    assert events(published) == whole
    assert published.standing() == figures
    assert json.loads((published.dataset / "backfill.json").read_text())["finished"]


def ids(published, day: str) -> list[bytes]:
    partition = published.dataset / "events" / f"day={day}"
    found = rows_of(partition.parent, partition.name)
    return sorted(row["event_id"] for row in found)


def test_a_file_written_meanwhile_goes_over_to_the_new_partition(
    moment_backfill, published, monkeypatch
):
    late = without_events(published.dataset, "channel = 'youtube_chat'")
    (source,) = (each for each in published.inputs if "web.log" in each)
    log = native(published, "web.log")
    rewrite(log, log.read_text() + views(2, range(50, 52)))
    wrote = []

    def exchange(staged: Path, place: Path) -> Path | None:
        # A job writes late events while the new partition is being staged.
        if not wrote:
            add_events(published.dataset, late)
            wrote.append(True)
        return put_in_place(staged, place)

    monkeypatch.setattr("pipelines.backfill.partitions.put_in_place", exchange)
    moment_backfill(published.dataset, "--from", "2026-03-02", "--source", source)

    ours = {row["event_id"] for row in events(published)}
    assert wrote == [True]
    assert set(late["event_id"].to_pylist()) <= ours


@pytest.mark.parametrize("supported", [True, False], ids=["exchanged", "set aside"])
def test_a_folder_is_put_in_the_place_of_another(tmp_path, monkeypatch, supported):
    if not supported:
        monkeypatch.setattr("pipelines.exchange._exchanged", lambda one, other: False)
    staged, place = tmp_path / "staged", tmp_path / "table" / "day=1"
    for folder, name in ((staged, "new"), (place, "old")):
        folder.mkdir(parents=True)
        (folder / name).touch()
    old = put_in_place(staged, place)

    assert [file.name for file in place.iterdir()] == ["new"]
    assert [file.name for file in old.iterdir()] == ["old"]


def test_a_folder_that_was_set_aside_by_a_process_that_ended_is_put_back(tmp_path):
    aside = tmp_path / ".day=1.replaced"
    aside.mkdir()
    mend(tmp_path / "day=1")

    assert [path.name for path in tmp_path.iterdir()] == ["day=1"]


# ── the archive ─────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def archived(published, measured):
    """The same dataset, measured with --archive; its raw input is gone."""
    measured(
        published.inputs,
        published.dataset,
        *("--channels", CHANNELS, "--brand", "b", "--replace", "--archive"),
    )
    shutil.rmtree(native(published, "web.log").parent)
    return published


def test_the_archive_has_every_record_as_it_was_received_by_hour_and_restricted(archived):
    records = rows_of(archived.dataset, "archive")
    files = [file.name for file in (archived.dataset / "archive").rglob("*.parquet")]

    assert len(records) == 62 + 27
    assert {(row["channel"], Path(row["input"]).name) for row in records} == {
        ("access_log", "web.log"),
        ("youtube_chat", "chat.ndjson"),
    }
    assert message("m3", 2, "author3").strip().encode() in {row["payload"] for row in records}
    assert {row["arrived_time"] for row in records} == {ARRIVED}
    assert {str(row["expires_on"]) for row in records} == {"2026-04-04"}
    assert all(name.startswith("hour-12-") for name in files)
    assert (archived.dataset / "archive").stat().st_mode & 0o777 == 0o700
    assert query(archived.dataset, "SELECT count(*) FROM archive") == [(89,)]


def test_the_archive_stays_where_a_run_over_it_keeps_none_and_its_records_where_it_keeps_one(
    archived, measured
):
    given = (archived.dataset, "--channels", CHANNELS, "--brand", "b", "--replace")
    records, figures = rows_of(archived.dataset, "archive"), archived.standing()
    again = measured([f"archive={archived.dataset}"], *given)

    assert again.balance["received"] == len(records)
    assert rows_of(archived.dataset, "archive") == records
    assert archived.standing() == figures

    measured([f"archive={archived.dataset}"], *given, "--archive")

    assert sorted(rows_of(archived.dataset, "archive"), key=str) == sorted(records, key=str)


def test_an_archive_that_is_named_twice_is_read_once(archived):
    place = str(archived.dataset / "archive")
    (named,) = parse_inputs([f"archive={place}", f"archive={place}/"]).archives

    assert named.place == place


def test_without_the_option_nothing_is_archived(published):
    assert not (published.dataset / "archive").exists()


def test_days_are_decoded_anew_from_the_archive(moment_backfill, archived):
    figures, whole = archived.standing(), events(archived)
    without_events(archived.dataset, "channel = 'youtube_chat'")
    moment_backfill(archived.dataset, "--from", "2026-03-01", "--to", "2026-03-03")
    assert archived.standing() != figures
    # A retried bundle wrote its records twice.
    for file in list((archived.dataset / "archive").rglob("*.parquet")):
        shutil.copy(file, file.with_name(f"{file.stem}-again.parquet"))
    said = moment_backfill(archived.dataset, *DAYS, "--source", "archive")

    assert "from its archive: epoch 2" in said.out
    assert "27 are new, 0 are gone" in said.out
    assert events(archived) == whole
    assert archived.standing() == figures


def test_a_dataset_without_an_archive_says_how_one_is_kept(moment_backfill, published):
    with pytest.raises(OptionError, match=r"found none: `moment measure --archive` keeps one"):
        moment_backfill(published.dataset, *DAYS, "--source", "archive")


def test_an_archive_of_its_own_is_that_of_the_dataset_and_is_found_again(
    moment_backfill, published, measured, tmp_path
):
    kept = tmp_path / "kept"
    given = ("--channels", CHANNELS, "--brand", "b", "--replace")
    measured(published.inputs, published.dataset, *given, "--archive")
    expected = rows_of(published.dataset, "archive")
    # Twice: who measures again what was archived adds to the archive, and each record is one.
    for _ in range(2):
        measured(published.inputs, published.dataset, *given, "--archive", str(kept))
    figures = published.standing()
    shutil.rmtree(native(published, "web.log").parent)

    files = sorted(kept.rglob("*.parquet"))
    found = [row for file in files for row in pq.read_table(file, partitioning=None).to_pylist()]
    assert sorted(found, key=str) == sorted(expected * 2, key=str)
    assert len(files) == 2
    assert {file.parent.name for file in files} == {"day=2026-03-05"}
    assert kept.stat().st_mode & 0o777 == 0o700
    assert not (published.dataset / "archive").exists()

    said = moment_backfill(published.dataset, *DAYS, "--source", "archive")
    assert "from its archive: epoch 1" in said.out
    assert "0 are new, 0 are gone" in said.out
    assert published.standing() == figures
    named = moment_backfill(published.dataset, *DAYS, "--source", f"archive={kept}", "--plan")
    assert "from raw input: epoch 1" in named.out


def test_what_is_measured_of_an_archive_is_what_was_archived_to_the_bit(
    published, measured, tmp_path
):
    kept = tmp_path / "kept"
    given = ("--channels", CHANNELS, "--brand", "b")
    measured(published.inputs, tmp_path / "first", *given, "--archive", str(kept))

    again = measured([f"archive={kept}"], tmp_path / "again", *given)

    assert again.balance["received"] == 62 + 27
    assert main(["verify", str(tmp_path / "first"), f"archive={kept}"]) == 0
    assert main(["verify", str(tmp_path / "again"), *published.inputs]) == 0
    run = json.loads((tmp_path / "again" / "run.json").read_text())
    assert run["inputs"] == [f"archive={kept}"]


@pytest.mark.parametrize(
    ("output", "archive", "sentence"),
    [
        (
            "bigquery://our-project/moment",
            (),
            "--archive: expected a place for it, as --archive gs://BUCKET/PREFIX, found none: raw"
            " payloads are kept as Parquet only, and bigquery://our-project/moment has no files",
        ),
        (
            "bigquery://our-project/moment",
            ("s3://live/raw",),
            "--archive s3://live/raw: expected a directory of this machine or gs://BUCKET/PREFIX,"
            " found another address",
        ),
        ("out", ("gs://No/raw",), "gs://No/raw: expected gs://BUCKET/PREFIX, with a bucket of 3"),
        ("out", ("{}/out/archive",), "expected a place that is not in --output"),
        ("out", ("{}/web.log",), "expected a directory, found a file"),
        ("out", ("{}/copy/native",), "expected inputs elsewhere, found "),
    ],
)
def test_an_archive_that_cannot_be_kept_is_one_sentence(
    published, tmp_path, output, archive, sentence
):
    (tmp_path / "web.log").write_text("")
    where = output if "://" in output else str(tmp_path / output)
    line = ["measure", *published.inputs, "--output", where, "--archive"]
    parser = argparse.ArgumentParser()
    add_measure_arguments(parser)

    with pytest.raises(OptionError) as refused:
        measure_options(parser.parse_args([*line[1:], *(a.format(tmp_path) for a in archive)]), ())

    assert sentence in str(refused.value)


def test_a_directory_of_other_things_is_no_archive_and_keeps_its_rights(
    published, measured, tmp_path
):
    (tmp_path / "other").mkdir()
    (tmp_path / "other").chmod(0o755)
    (tmp_path / "other" / "notes.txt").write_text("")

    with pytest.raises(OptionError, match=r"or an empty directory, found 'notes.txt' in it"):
        measured(published.inputs, tmp_path / "out", "--archive", str(tmp_path / "other"))

    assert (tmp_path / "other").stat().st_mode & 0o777 == 0o755
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (["archive="], r"archive=: expected a directory or gs://BUCKET/PREFIX after ="),
        (["archive={}/none"], r"/none: expected an archive, found none: `moment measure --arc"),
        (["archive={}/kept", "{}/web.log"], r"INPUT: expected files, archives, .* several kinds"),
    ],
)
def test_an_input_that_is_no_archive_is_one_sentence(measured, tmp_path, given, sentence):
    (tmp_path / "web.log").write_text(views(1, range(2)))
    measured([str(tmp_path / "web.log")], tmp_path / "out", "--archive", str(tmp_path / "kept"))

    with pytest.raises(OptionError, match=sentence):
        measured([each.format(tmp_path) for each in given], tmp_path / "more")
