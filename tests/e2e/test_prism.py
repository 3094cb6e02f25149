"""A replay on Prism, Beam's local streaming runner: every record once, and time that moves.

Runs where Go is, or where Prism was built before; with MOMENT_EVERYTHING set it must run. The
first run builds Prism, which takes some minutes; the next ones take about half a minute.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from deploy.local.prism import missing_prism
from tests.e2e.needs import need
from tests.e2e.streams import Job, make_live, run_on_prism

pytestmark = pytest.mark.timeout(1800)


@pytest.fixture(scope="module", autouse=True)
def _prism() -> None:
    need(missing_prism(), "tests on Prism")


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("live")
    make_live(folder, events=20_000)
    return folder


def test_every_record_comes_once_and_an_event_time_timer_fires_for_each_channel(live, tmp_path):
    """The timer is set for 20:30, an hour into the show; segment's records end at 21:30."""
    expected = _records(live)
    arguments = [
        f"--input={live}",
        f"--output={tmp_path}",
        "--fire-at=2026-03-14T20:30:00+00:00",
    ]

    with run_on_prism("tests.e2e.count_replay", arguments, tmp_path / "log") as job:
        # A bundle that is repeated fires its timer again.
        job.wait_until(lambda: len(set(_lines(tmp_path / "fired"))) == 9, seconds=120)
        job.wait_until(lambda: _ended(tmp_path) == 9, seconds=60)
        _stays(job, tmp_path / "records")

    assert Counter(_lines(tmp_path / "records")) == expected
    counts: Counter[str] = Counter()
    for line in _lines(tmp_path / "counts"):
        outcome, count = line.split()
        counts[outcome] += int(count)
    assert counts["received"] == counts["decoded"] + counts["failed"]
    assert counts["received"] == expected.total()
    assert len(set(_lines(tmp_path / "fired"))) == 9


def test_at_a_pace_records_wait_until_they_are_due(live, tmp_path):
    """At 600 an hour takes 6 s, and the first record is from two days before the show."""
    arguments = [
        f"--input={live}",
        f"--output={tmp_path}",
        "--speed=600",
        "--fire-at=2026-03-12T19:45:00+00:00",
    ]

    with run_on_prism("tests.e2e.count_replay", arguments, tmp_path / "log") as job:
        job.wait_until(lambda: bool(_lines(tmp_path / "fired")), seconds=60)

    found = Counter(_lines(tmp_path / "records"))
    assert 0 < found.total() < 1_000
    assert found <= _records(live)


def _records(live: Path) -> Counter[str]:
    """`input position` of every record of the files."""
    return Counter(
        f"{path} {position}"
        for path in live.glob("*.parquet")
        for position in range(1, pq.read_metadata(path).num_rows + 1)
    )


def _lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


def _ended(folder: Path) -> int:
    """How many files have ended, with nothing left to read; each says so again and again."""
    ended = {line.split()[0] for line in _lines(folder / "status") if line.endswith(" end 0")}
    return len(ended)


def _stays(job: Job, path: Path) -> None:
    """Two more seconds of the job add nothing: a record that came again would."""
    before = path.stat().st_size
    with pytest.raises(AssertionError, match="not within 2 s"):
        job.wait_until(lambda: path.stat().st_size > before, seconds=2)
