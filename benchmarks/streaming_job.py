"""A streaming `moment measure` of a topic, on the local cluster: started, watched, judged."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import pyarrow.parquet as pq

from benchmarks.streaming_cluster import cancel, running_job
from deploy.local.services import ROOT, Services
from tests.e2e.streams import Job, running

CHECKPOINT_MILLISECONDS = 5_000
PUBLISH_SECONDS = 5
IDLE_SECONDS = 15
QUIET_SECONDS = 30
"""Without a final figure: a day's end is published by all families, and a busy machine takes its
time for each."""


@dataclass
class Watched:
    """A dataset that a stream writes: rows so far, each file read once."""

    dataset: Path
    _rows: dict[Path, int] = field(default_factory=dict)

    def events(self) -> int:
        """Rows of the events table, repeated writes included."""
        for path in self.dataset.glob("events/day=*/*.parquet"):
            if path not in self._rows:
                self._rows[path] = pq.read_metadata(path).num_rows
        return sum(self._rows.values())

    def counted(self) -> int:
        """Events in the newest totals of the minutes, early ones included."""
        files = [str(path) for path in self.dataset.glob("metrics*/day=*/*.parquet")]
        if not files:
            return 0
        ((counted,),) = duckdb.execute(
            """SELECT coalesce(sum(n), 0)::BIGINT FROM (
                 SELECT max_by(numerator, published_time) AS n
                 FROM read_parquet($files, union_by_name = true)
                 WHERE metric = 'events' AND grouping_set = 'total' AND window_kind = 'minute'
                   AND traffic = 'gross' GROUP BY window_start)""",
            {"files": files},
        ).fetchall()
        return int(counted)

    def final_days(self) -> int:
        """Local days whose totals are published as final."""
        files = [str(path) for path in self.dataset.glob("metrics/day=*/*.parquet")]
        if not files:
            return 0
        ((days,),) = duckdb.execute(
            """SELECT count(DISTINCT window_start) FROM read_parquet($files)
               WHERE window_kind = 'day' AND grouping_set = 'total' AND metric = 'events'""",
            {"files": files},
        ).fetchall()
        return int(days)

    def quiet(self, seconds: float = QUIET_SECONDS) -> bool:
        """Was no figure published as final in so many seconds? Families do so one by one."""
        paths = self.dataset.glob("metrics/day=*/*.parquet")
        newest = max((path.stat().st_mtime for path in paths), default=0.0)
        return time.time() - newest > seconds


@dataclass(frozen=True)
class Streaming:
    """A job that runs: its process here, its id on the cluster, what it writes."""

    process: Job
    number: str
    written: Watched


@contextmanager
def streaming(
    services: Services, topic: str, dataset: Path, options: Sequence[str] = ()
) -> Iterator[Streaming]:
    """The job over a topic, once all its tasks run; cancelled afterwards.

    Raises RuntimeError with what the job said where it ends before.
    """
    with running("pipelines", arguments(services, topic, dataset, options), log(dataset)) as job:
        number = running_job(services, lambda: _check_runs(job))
        try:
            yield Streaming(job, number, Watched(dataset))
        finally:
            cancel(services, number)


def _check_runs(job: Job) -> None:
    if (code := job.process.poll()) is not None:
        raise RuntimeError(f"the job ended with code {code}: {job.said()}")


def arguments(
    services: Services, topic: str, dataset: Path, options: Sequence[str] = ()
) -> list[str]:
    """What `moment` is given; of an option that is given twice the last one counts."""
    return [
        *("measure", f"segment=kafka://{services.kafka}/{topic}", "--output", str(dataset)),
        *("--idle-after", str(IDLE_SECONDS), "--publish-every", str(PUBLISH_SECONDS)),
        *services.pipeline_arguments(),
        f"--checkpointing_interval={CHECKPOINT_MILLISECONDS}",
        "--state_backend=rocksdb",
        f"--state_backend_storage_path={services.checkpoints.as_uri()}",
        *options,
    ]


def log(dataset: Path) -> Path:
    """Where a job that writes a dataset says what it does."""
    return dataset.with_name(f"{dataset.name}.log")


def verify(dataset: Path, source: str) -> str:
    """What `moment verify` says of a dataset: `identical: …`. Raises RuntimeError for all else."""
    ended = subprocess.run(
        [sys.executable, "-m", "pipelines", "verify", str(dataset), source],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if ended.returncode or not ended.stdout.startswith("identical: "):
        raise RuntimeError(
            f"{dataset}: expected figures identical to the recomputation, found"
            f" {(ended.stdout + ended.stderr)[-3000:]}"
        )
    return ended.stdout.splitlines()[0]


def until(seconds: float, pause: float = 0.2) -> Iterator[None]:
    """A turn each `pause` seconds until the time is over, and then TimeoutError."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        yield
        time.sleep(pause)
    raise TimeoutError(f"not within {seconds:g} s")
