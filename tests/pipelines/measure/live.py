"""`moment measure`, file to file: a simulated live with every fault, and the truth about it.

20:30          20:54   20:59         21:30                    22:52   Paris, 14 March 2026
[ the show ─── [ burst ) ─────────── )  [ survey answers ────── )
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.measure import Measured
from pipelines.simulator import CONTENT, Options, Simulation
from tests.pipelines.dataset import query

SHOW = Options(seed=7, people=300, minutes=60)


@dataclass(frozen=True)
class Live:
    """The native files of a show, what is true of it, and its dataset."""

    simulation: Simulation
    files: list[Path]
    dataset: Path
    measured: Measured

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        return query(self.dataset, sql)

    def day(self, metric: str, channel: str | None = None, **dimensions: str) -> dict[str, Any]:
        """The live's figure of the day, valid traffic unless `dimensions` say otherwise."""
        wanted = {"traffic": "valid", "content_id": CONTENT} | dimensions
        where = " AND ".join(f"{name} = '{value}'" for name, value in wanted.items())
        grouping = "content" if channel is None else "content_channel"
        where += "" if channel is None else f" AND channel = '{channel}'"
        columns = "value, numerator, denominator, n, suppressed_reason"
        (row,) = self.rows(
            f"SELECT {columns} FROM metrics_latest WHERE metric = '{metric}'"
            f" AND window_kind = 'day' AND grouping_set = '{grouping}' AND {where}"
        )
        return dict(zip(columns.split(", "), row))
