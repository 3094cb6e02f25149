"""The dataset that docs/bi.md asks its questions of: a small live, measured twice.

On its evening without the survey, whose answers had not come; two days later with them, as a
restatement publishes it: a greater epoch, its cause, and the first figures still there.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.measure import Measured
from pipelines.simulator import Options, simulate, write
from pipelines.sinks.duckdb_views import create_views

LIVE = Options(seed=7, people=400, minutes=20)
THAT_EVENING = datetime(2026, 3, 14, 23, 30, tzinfo=timezone.utc)
TWO_DAYS_LATER = datetime(2026, 3, 16, 6, 0, tzinfo=timezone.utc)


def dataset_of_two_epochs(folder: Path, measured: Callable[..., Measured]) -> Path:
    """Folder of a dataset with its views; its metrics hold both epochs."""
    live = [p for p in write(simulate(LIVE), folder / "live") if p.name != "truth.json"]
    without_survey = [path for path in live if path.name != "survey.ndjson"]
    measured(without_survey, folder / "first")
    measured(live, folder / "figures", "--epoch", "1")
    for path in sorted((folder / "figures" / "metrics").rglob("*.parquet")):
        _publish(path, path, TWO_DAYS_LATER, "restatement")
    for path in sorted((folder / "first" / "metrics").rglob("*.parquet")):
        day = folder / "figures" / "metrics" / path.parent.name
        day.mkdir(exist_ok=True)
        _publish(path, day / f"first-{path.name}", THAT_EVENING, None)
    create_views(folder / "figures")
    return folder / "figures"


def _publish(path: Path, to: Path, when: datetime, cause: str | None) -> None:
    """The same figures, as published at another time, and for another cause."""
    table = pq.read_table(path, partitioning=None)
    said = {"published_time": pa.scalar(when, pa.timestamp("us", "UTC")), "cause": cause}
    for name, value in said.items():
        if value is not None:
            place = table.schema.get_field_index(name)
            column = pa.repeat(value, table.num_rows)
            table = table.set_column(place, table.schema.field(place), column)
    pq.write_table(table, to)


def plain(rows: Any) -> list[tuple[Any, ...]]:
    """Rows of any engine as they compare and read: instants in UTC as text, whole numbers whole."""
    return [tuple(_plain(value) for value in row) for row in rows]


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return (
            value.astimezone(timezone.utc).isoformat(" ").removesuffix("+00:00").removesuffix(":00")
        )
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float | Decimal):
        return int(value) if value == int(value) else float(value)
    return value


ANSWERS: dict[str, list[tuple[Any, ...]]] = {
    "audience": [
        ("2026-03-14 19:30", 173, 120, 111, 120, None, 1),
        ("2026-03-14 19:31", 206, 151, 143, 151, None, 1),
        ("2026-03-14 19:32", 186, 138, 134, 138, None, 1),
        ("2026-03-14 19:33", 151, 130, 123, 130, None, 1),
        ("2026-03-14 19:34", 141, 120, 115, 120, None, 1),
        ("2026-03-14 19:35", 138, 105, 104, 105, None, 1),
        ("2026-03-14 19:36", 132, 102, 98, 102, None, 1),
        ("2026-03-14 19:37", 127, 102, 99, 102, None, 1),
        ("2026-03-14 19:38", 155, 98, 92, 98, None, 1),
        ("2026-03-14 19:39", 167, 94, 91, 94, None, 1),
        ("2026-03-14 19:40", 112, 87, 86, 87, None, 1),
        ("2026-03-14 19:41", 114, 85, 82, 85, None, 1),
        ("2026-03-14 19:42", 106, 82, 78, 82, None, 1),
        ("2026-03-14 19:43", 97, 78, 76, 78, None, 1),
        ("2026-03-14 19:44", 91, 69, 68, 69, None, 1),
        ("2026-03-14 19:45", 89, 66, 64, 66, None, 1),
        ("2026-03-14 19:46", 83, 62, 60, 62, None, 1),
        ("2026-03-14 19:47", 74, 52, 48, 52, None, 1),
        ("2026-03-14 19:48", 59, 44, 43, 44, None, 1),
        ("2026-03-14 19:49", 55, 39, 39, 39, None, 1),
        ("2026-03-14 19:50", None, 10, 0, 10, "fewer_than_10", 1),
    ],
    "changes": [
        ("bored_share", None, 0.0129, None, 0.0538, None, "restatement", 1),
        ("engagement_rate_actions", None, 0.8002, None, 0.797, None, "restatement", 1),
        ("engagement_rate_engagers", None, 0.3771, None, 0.3756, None, "restatement", 1),
        ("events", None, 13022, None, 13498, None, "restatement", 1),
        ("new_people", None, 1218, None, 1223, None, "restatement", 1),
        ("reach", None, 1241, None, 1246, None, "restatement", 1),
    ],
    "silence": [
        ("customerio", 0, 20, None),
        ("mailjet", 0, 20, None),
        ("survey", 0, 20, None),
        ("iterable", 14, 9, "2026-03-14 19:48"),
        ("access_log", 340, 2, "2026-03-14 19:49"),
    ],
    "satisfaction": [
        ("engaged", 224, 60, 0.65, 0.524, 0.758),
        ("not engaged", 318, 53, 0.66, 0.526, 0.773),
    ],
    "reach": [(1268,)],
}
"""What each question of pipelines/questions.py has for an answer, as docs/bi.md shows it."""
