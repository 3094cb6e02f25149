"""The live that is measured once for all that is said of it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pipelines.measure import Measured
from pipelines.simulator import BRAND, simulate, write
from tests.pipelines.measure.live import SHOW, Live


@pytest.fixture(scope="session")
def live(tmp_path_factory: pytest.TempPathFactory, measured: Callable[..., Measured]) -> Live:
    """300 viewers, an hour, all kinds of faults."""
    folder = tmp_path_factory.mktemp("live")
    simulation = simulate(SHOW)
    files = [p for p in write(simulation, folder / "native") if p.name != "truth.json"]
    done = measured(files, folder / "dataset", "--brand", BRAND)
    return Live(simulation, files, folder / "dataset", done)
