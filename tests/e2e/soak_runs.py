"""What both soaks need: the job's arguments, its topic, and what its dataset says at the end."""

from __future__ import annotations

import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq

from deploy.local.services import ROOT, Services
from pipelines.sinks.duckdb_views import create_views


def rows_written(dataset: Path) -> int:
    """Rows of the events table so far, repeated writes included."""
    files = dataset.glob("events/day=*/*.parquet")
    return sum(pq.read_metadata(path).num_rows for path in files)


def figures_until(dataset: Path) -> datetime | None:
    """The end of the last window that was published as final."""
    files = [str(path) for path in dataset.glob("metrics/day=*/*.parquet")]
    if not files:
        return None
    ((end,),) = duckdb.execute(
        "SELECT max(window_end)::TIMESTAMPTZ FROM read_parquet($files)", {"files": files}
    ).fetchall()
    return end


def final_files(dataset: Path) -> int:
    """Files of figures published as final so far."""
    return sum(1 for _ in dataset.glob("metrics/day=*/*.parquet"))


def quiet(dataset: Path, seconds: float = 30) -> bool:
    """Was no figure published as final in so many seconds? Families do so one by one."""
    paths = dataset.glob("metrics/day=*/*.parquet")
    newest = max((path.stat().st_mtime for path in paths), default=0.0)
    return time.time() - newest > seconds


def verified(dataset: Path, services: Services, topic: str) -> str:
    """The last words of `moment verify` on a dataset and its topic: `identical: …` where it is."""
    ended = subprocess.run(
        [
            *(sys.executable, "-m", "pipelines", "verify"),
            *(str(dataset), f"kafka://{services.kafka}/{topic}"),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    said = ended.stdout + ended.stderr
    return said.splitlines()[0] if ended.returncode == 0 else f"code {ended.returncode}: {said}"


def counts(dataset: Path) -> dict[str, Any]:
    """Rows written, written again, late, out of balance, and figures published by table."""
    create_views(dataset)
    with duckdb.connect(str(dataset / "moment.duckdb"), read_only=True) as views:

        def one(query: str) -> tuple[Any, ...]:
            return views.execute(query).fetchall()[0]

        (rows,) = one("SELECT count(*) FROM events")
        received, counted, duplicate, late = one(
            "SELECT sum(received)::BIGINT, sum(events - withheld - ignored)::BIGINT,"
            " sum(duplicate)::BIGINT, sum(late)::BIGINT FROM balance_latest"
        )
        (unbalanced,) = one("SELECT count(*) FROM balance_latest WHERE NOT balanced")
        causes = dict(views.execute("SELECT cause, count(*) FROM metrics GROUP BY 1").fetchall())
        (figures,) = one("SELECT count(*) FROM metrics_latest")
    return {
        "received": received,
        "rows": rows,
        "repeated": rows - counted,
        "duplicate": duplicate,
        "late": late,
        "unbalanced": unbalanced,
        "figures": figures,
        "published": causes,
    }
