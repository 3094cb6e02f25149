"""`moment measure --archive gs://BUCKET/PREFIX`: the same archive as in a directory, in a bucket.

On emulators of Cloud Storage and BigQuery, and on Prism where the job is a stream.
"""

from __future__ import annotations

import gc
from datetime import datetime, timezone
from pathlib import Path

import pyarrow as pa
import pytest

from deploy.local.bigquery import PROJECT
from deploy.local.bigquery import Emulator as BigQuery
from deploy.local.prism import missing_prism
from deploy.local.storage import Emulator
from pipelines.cli import main
from pipelines.simulator import Options, simulate, write
from pipelines.sinks.bigquery.destination import Destination, parse_destination
from pipelines.sinks.parquet import _WriteDays
from pipelines.sinks.tables import ARCHIVE, BIGQUERY_TABLES, EVENTS, METRICS_LIVE, RUNS
from pipelines.sources.archive import archived_payloads, find_archive
from pipelines.sources.discover import discover
from pipelines.sources.read_payloads import read_payloads
from pipelines.storage import files_below
from schemas.archive import ARCHIVED_PAYLOAD
from tests.bigquery_tables import create_tables, rows
from tests.e2e.needs import need
from tests.e2e.streams import run_on_prism

pytestmark = pytest.mark.timeout(900)


@pytest.fixture
def place(storage: Emulator, request: pytest.FixtureRequest) -> str:
    """A prefix of an empty bucket of the test's own."""
    name = f"b{abs(hash(request.node.name)) % 10**8}"
    storage.create(name)
    return f"gs://{name}/raw"


@pytest.fixture
def output(bigquery: BigQuery, request: pytest.FixtureRequest) -> Destination:
    """A dataset of BigQuery of the test's own, with every table."""
    name = f"d{abs(hash(request.node.name)) % 10**8}"
    found = parse_destination(f"bigquery://{PROJECT}/{name}", bigquery.variables)
    create_tables(bigquery.client(), found, BIGQUERY_TABLES)
    return found


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The native files of a small show, faults included."""
    folder = tmp_path_factory.mktemp("live")
    write(simulate(Options(seed=7, people=40, minutes=10)), folder)
    (folder / "truth.json").unlink()
    return folder


Record = tuple[str, int, bytes]


def received(live: Path) -> list[Record]:
    """What a job reads: input, position and payload of each record."""
    return sorted(
        (file.path, position, payload)
        for file in discover([str(live)])
        for batch in read_payloads(file)
        if isinstance(batch, pa.RecordBatch)
        for position, payload in zip(
            batch.column("position").to_pylist(), batch.column("payload").to_pylist()
        )
    )


def archived(place: str) -> list[Record]:
    """What an archive gives back, each record once."""
    return sorted(
        (batch.schema.metadata[b"input"].decode(), position, payload)
        for hour in find_archive(place).hours
        for batch in archived_payloads(hour.files)
        for position, payload in zip(
            batch.column("position").to_pylist(), batch.column("payload").to_pylist()
        )
    )


def test_a_run_into_bigquery_archives_every_record_and_the_archive_gives_the_same_figures(
    storage, bigquery, place, output, live, tmp_path
):
    assert main(["measure", str(live), "--output", str(output), "--archive", place]) == 0

    assert archived(place) == received(live)
    names = [file.path.removeprefix(f"{place}/") for file in files_below(place)]
    hour = datetime.now(timezone.utc)
    assert all(name.startswith(f"day={hour:%Y-%m-%d}/hour-") for name in names)
    bucket, _, first = f"{place}/{names[0]}".removeprefix("gs://").partition("/")
    blob = storage.client().bucket(bucket).get_blob(first)
    assert f"{blob.custom_time:/day=%Y-%m-%d/hour-%H}-" in f"/{first.removeprefix('raw')}"
    again, direct = str(tmp_path / "again"), str(tmp_path / "direct")
    assert main(["measure", f"archive={place}", "--output", again]) == 0
    assert main(["measure", str(live), "--output", direct]) == 0
    assert main(["verify", direct, f"archive={place}"]) == 0
    assert main(["verify", again, str(live)]) == 0
    (options,) = {
        row["options"] for row in rows(bigquery.client(), output, RUNS, "state = 'started'")
    }
    assert f'"archive": "{place}"' in options


def test_days_are_decoded_anew_from_the_bucket(place, live, tmp_path, capsys):
    figures = str(tmp_path / "figures")
    assert main(["measure", str(live), "--output", figures, "--archive", place]) == 0
    assert not (tmp_path / "figures" / "archive").exists()
    capsys.readouterr()

    backfill = ["backfill", figures, "--from", "2026-03-14", "--source"]
    assert main([*backfill, "archive"]) == 0
    assert "; 0 are new, 0 are gone" in capsys.readouterr().out
    assert main([*backfill, f"archive={place}"]) == 0
    assert "2026-03-14: identical" in capsys.readouterr().out


def test_a_stream_into_bigquery_archives_every_record_as_it_comes(
    storage, bigquery, place, output, live, tmp_path
):
    need(missing_prism(), "tests on Prism")
    expected = received(live)
    arguments = ["measure", str(live), "--output", str(output), "--archive", place]
    arguments += ["--speed", "0", "--publish-every", "1"]
    with run_on_prism("pipelines", arguments, tmp_path / "log") as job:
        job.wait_until(lambda: bool(files_below(place)), seconds=120)
        job.wait_until(lambda: len(archived(place)) == len(expected), seconds=120)
        job.wait_until(lambda: bool(rows(bigquery.client(), output, METRICS_LIVE)), seconds=120)

    assert archived(place) == expected
    assert rows(bigquery.client(), output, EVENTS)


def bundle(numbers: range) -> pa.RecordBatch:
    """Records of a topic that arrived in one hour of the second of March."""
    return pa.RecordBatch.from_pylist(
        [
            {
                "input": "kafka:live/0",
                "position": number,
                "channel": None,
                "arrived_time": datetime(2026, 3, 2, 20, number % 120 // 60, tzinfo=timezone.utc),
                "payload": b"%d" % number,
                "expires_on": datetime(2026, 4, 1).date(),
            }
            for number in numbers
        ],
        schema=ARCHIVED_PAYLOAD,
    )


def test_a_bundle_that_is_given_up_leaves_nothing_and_one_that_is_repeated_is_read_once(place):
    for finished in (False, True, True):
        writer = _WriteDays(ARCHIVE, place)
        writer.start_bundle()
        writer.process(bundle(range(1, 101)))
        if finished:
            list(writer.finish_bundle())
        del writer
        gc.collect()

    assert len(files_below(place)) == 2
    assert [record[:2] for record in archived(place)] == [
        ("kafka:live/0", number) for number in range(1, 101)
    ]


def test_the_objects_of_an_hour_are_gathered_and_expire_as_they_would_have(storage, place):
    for first in (1, 11, 21):
        writer = _WriteDays(ARCHIVE, place)
        writer.start_bundle()
        writer.process(bundle(range(first, first + 15)))
        list(writer.finish_bundle())
    before = archived(place)
    assert (len(files_below(place)), len(before)) == (3, 35)

    assert main(["compact", f"archive={place}", "--day", "2026-03-02"]) == 0

    (gathered,) = files_below(place)
    assert archived(place) == before
    name, _, path = gathered.path.removeprefix("gs://").partition("/")
    blob = storage.client().bucket(name).get_blob(path)
    assert blob.custom_time == datetime(2026, 3, 2, 20, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("archive", "variable", "sentence"),
    [
        (
            "gs://nobody-has-this/raw",
            None,
            "--archive gs://nobody-has-this/raw: expected the bucket nobody-has-this, found none:"
            " make it, or correct the name (STORAGE_EMULATOR_HOST is ",
        ),
        (
            "gs://live/raw",
            "http://127.0.0.1:1",
            "--archive gs://live/raw: expected Cloud Storage to answer, found ",
        ),
    ],
)
def test_a_bucket_that_cannot_be_written_is_one_sentence_and_nothing_starts(
    storage, live, tmp_path, monkeypatch, capsys, archive, variable, sentence
):
    if variable:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", variable)

    code = main(["measure", str(live), "--output", str(tmp_path / "out"), "--archive", archive])

    assert code == 2
    assert f"moment: {sentence}" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
