"""A dataset of a few people who open pages, and how it is changed behind its own back."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq


def page_views(day: int, people: Iterable[int], minute: int = 0) -> str:
    """Lines of an access log: each person opens a page that March day, Paris time."""
    return "".join(
        f"192.0.2.{person} - - [{day:02}/Mar/2026:10:{minute:02}:00 +0100]"
        ' "GET /live HTTP/1.1" 200 900 "-" "Mozilla/5.0 (X11; Linux x86_64; rv:124.0) Firefox/124.0"\n'
        for person in people
    )


def arrived(file: Path, at: datetime) -> None:
    """A file's records arrived when it was last changed."""
    os.utime(file, (at.timestamp(), at.timestamp()))


class Published(NamedTuple):
    dataset: Path
    input: Path


def rewrite(dataset: Path, day: str, change: Callable[[pa.Table], pa.Table]) -> None:
    """Replace the metrics of a day by a changed copy of them."""
    folder = dataset / "metrics" / f"day={day}"
    rows = pa.concat_tables(pq.read_table(f, partitioning=None) for f in folder.iterdir())
    shutil.rmtree(folder)
    folder.mkdir()
    pq.write_table(change(rows), folder / "part-0.parquet")


def streaming(dataset: Path, since: str | None, **said: Any) -> None:
    file = dataset / "run.json"
    stream = {"streaming": True, "since": since, "hot_minutes": 15} | said
    file.write_text(json.dumps(json.loads(file.read_text()) | stream))


class Streamed(NamedTuple):
    """A dataset whose stream had sealed Monday when two more of its views came."""

    dataset: Path
    inputs: tuple[Path, Path]
    unheard: str
    """Id of the view that nobody had heard of before; the other is a further copy."""
    ledger: list[dict[str, Any]]
