"""The page of a live, made once for all that is said of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.pipelines.report.live import live_dataset
from tests.pipelines.report.reader import Page, read


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return live_dataset(tmp_path_factory.mktemp("live"))


@pytest.fixture(scope="module")
def page(live: Path) -> Page:
    return read(live)
