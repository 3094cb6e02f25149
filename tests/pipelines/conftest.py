"""What tests of verify, backfill, replay and BigQuery's sink start from."""

from __future__ import annotations

import argparse
import os
import shutil
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.backfill.job import backfill
from pipelines.backfill.options import add_backfill_arguments, backfill_options
from pipelines.measure import Measured
from pipelines.replay.job import replay as replay_dataset
from pipelines.replay.options import add_replay_arguments, replay_options
from pipelines.verify.job import verify
from pipelines.verify.options import add_verify_arguments, verify_options
from schemas.event import EVENT
from schemas.late import LATE_EVENT
from tests.pipelines.refill import (
    ARRIVED,
    CHANNELS,
    Printed,
    Published,
    add_events,
    broken,
    late_row,
    make_stream,
    rows_of,
    views,
    write_inputs,
)
from tests.pipelines.retold import measure_small, retold
from tests.storage_write import StorageWrite, storage_write


@pytest.fixture
def server() -> Iterator[StorageWrite]:
    with storage_write() as running:
        yield running


@pytest.fixture(scope="session")
def pristine(tmp_path_factory: pytest.TempPathFactory, measured: Callable[..., Measured]) -> Path:
    """Three days, measured in one go; never changed."""
    folder = tmp_path_factory.mktemp("pristine")
    inputs = write_inputs(folder / "native")
    measured(inputs, folder / "dataset", "--channels", CHANNELS, "--brand", "b")
    return folder


@pytest.fixture
def published(pristine: Path, tmp_path: Path) -> Published:
    shutil.copytree(pristine, tmp_path / "copy")
    return Published(tmp_path / "copy" / "dataset", _inputs(tmp_path / "copy" / "native"))


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory, measured: Callable[..., Measured]) -> Path:
    """A small live, measured in one go; never changed."""
    return measure_small(tmp_path_factory.mktemp("small"), measured)


@pytest.fixture
def dataset(small: Path, tmp_path: Path) -> Path:
    """That as a stream leaves it: rows written twice and said again, two epochs, late copies,
    hours that do not balance."""
    return retold(small, tmp_path / "figures")


@pytest.fixture
def moment_backfill(capsys: pytest.CaptureFixture[str]) -> Callable[..., Printed]:
    """Runs `moment backfill ARGUMENT...`."""

    def run(*arguments: object, now: datetime | None = None) -> Printed:
        parser = argparse.ArgumentParser()
        add_backfill_arguments(parser)
        given = parser.parse_args([str(each) for each in arguments])
        code = backfill(backfill_options(given, now))
        return Printed(code, *capsys.readouterr())

    return run


@pytest.fixture
def moment_verify(capsys: pytest.CaptureFixture[str]) -> Callable[..., Printed]:
    """Runs `moment verify ARGUMENT...`."""

    def run(*arguments: object) -> Printed:
        parser = argparse.ArgumentParser()
        add_verify_arguments(parser)
        code = verify(verify_options(parser.parse_args([str(each) for each in arguments])))
        return Printed(code, *capsys.readouterr())

    return run


@pytest.fixture(scope="session")
def in_time(
    pristine: Path, tmp_path_factory: pytest.TempPathFactory, measured: Callable[..., Measured]
) -> Path:
    """The dataset of what a stream had before its windows closed, as it publishes it; never changed.

    Of Monday twelve views and the deletion of a message came late: they are in the events table
    and in the ledger, and in no figure.
    """
    folder = tmp_path_factory.mktemp("streamed")
    said, native = folder / "dataset", folder / "native"
    native.mkdir()
    log, chat = (pristine / "native" / name for name in ("web.log", "chat.ndjson"))
    (native / log.name).write_text(log.read_text().replace(views(2, range(28, 40)), ""))
    (native / chat.name).write_text("".join(chat.read_text().splitlines(True)[:-1]))
    for file in native.iterdir():
        os.utime(file, (ARRIVED.timestamp(), ARRIVED.timestamp()))
    measured(_inputs(native), said, "--channels", CHANNELS, "--brand", "b")
    ids = {row["event_id"] for row in rows_of(said, "events")}
    whole = rows_of(pristine / "dataset", "events")
    late = [row for row in whole if row["event_id"] not in ids]
    add_events(said, pa.Table.from_pylist(late, EVENT))
    ledger = [late_row(row, number) for number, row in enumerate(late, 1)]
    told = said / "late_events" / "day=2026-03-02"
    told.mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist(ledger, LATE_EVENT), told / "part-0.parquet")
    make_stream(said)
    return said


@pytest.fixture
def streamed(in_time: Path, published: Published, tmp_path: Path) -> Published:
    """A dataset that a stream published, some of it late, and all of the raw input."""
    shutil.copytree(in_time, tmp_path / "streamed")
    return Published(tmp_path / "streamed", published.inputs)


@pytest.fixture
def moment_replay(capsys: pytest.CaptureFixture[str]) -> Callable[..., Printed]:
    """Runs `moment replay ARGUMENT...`."""

    def run(*arguments: object, now: datetime | None = None) -> Printed:
        parser = argparse.ArgumentParser()
        add_replay_arguments(parser)
        given = parser.parse_args([str(each) for each in arguments])
        code = replay_dataset(replay_options(given, now))
        return Printed(code, *capsys.readouterr())

    return run


@pytest.fixture(scope="session")
def refused(
    pristine: Path, tmp_path_factory: pytest.TempPathFactory, measured: Callable[..., Measured]
) -> Path:
    """The dataset as a broken decoder leaves it: Monday's messages but one are failed events;
    never changed."""
    said = tmp_path_factory.mktemp("refused") / "dataset"
    with broken("youtube_chat", lambda payload: b'"id":"m' in payload and b'"m7"' not in payload):
        measured(_inputs(pristine / "native"), said, "--channels", CHANNELS, "--brand", "b")
    return said


@pytest.fixture
def failing(refused: Path, published: Published) -> Published:
    """A dataset that a broken decoder left, and the raw input."""
    shutil.rmtree(published.dataset)
    shutil.copytree(refused, published.dataset)
    return published


def _inputs(native: Path) -> list[str]:
    return [f"access_log={native / 'web.log'}", f"youtube_chat={native / 'chat.ndjson'}"]
