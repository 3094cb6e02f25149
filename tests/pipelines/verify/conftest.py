"""What tests of `moment verify` start from: a batch of two days, and what a stream left out."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from pipelines.measure import Measured
from schemas.event import EVENT
from tests.pipelines.dataset import table
from tests.pipelines.verify.published import Published, Streamed, arrived, page_views
from tests.pipelines.verify.rows import DAY, NOON, late, write_rows


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory, measured: Callable[..., Measured]) -> Path:
    """Twelve people on Monday, fourteen on Tuesday; never changed."""
    folder = tmp_path_factory.mktemp("published")
    (folder / "web.log").write_text(page_views(2, range(12)) + page_views(3, range(14)))
    arrived(folder / "web.log", NOON + 2 * DAY)
    measured(
        [folder / "web.log"], folder / "dataset", "--channels", "access_log,survey", "--brand", "b"
    )
    return folder


@pytest.fixture
def published(pristine: Path, tmp_path: Path) -> Published:
    shutil.copytree(pristine, tmp_path / "copy")
    return Published(tmp_path / "copy" / "dataset", tmp_path / "copy" / "web.log")


@pytest.fixture
def streamed(published: Published, measured: Callable[..., Measured], tmp_path: Path) -> Streamed:
    views = published.input.with_name("late.log")
    views.write_text(page_views(2, [20, 3]))
    arrived(views, NOON + 3 * DAY)
    measured([views], tmp_path / "late")
    copies = table(tmp_path / "late", "events").to_pylist()
    known = table(published.dataset, "events").column("event_id").to_pylist()
    (unheard,) = {copy["event_id"] for copy in copies} - set(known)
    write_rows(published.dataset, "events", EVENT, copies)
    return Streamed(
        published.dataset,
        (published.input, views),
        unheard.hex(),
        [late(copy["event_id"], copy["ingested_time"]) for copy in copies],
    )
