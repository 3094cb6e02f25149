"""Manifests of backfills as rows of the table `backfills` of BigQuery."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from pipelines.backfill.manifest import BEGUN, DONE, FINISHED, Manifest
from pipelines.lock import owner
from pipelines.sinks.bigquery.destination import Destination
from pipelines.sinks.tables import BACKFILLS
from pipelines.sources.bigquery import ALL_DAYS, change, fetch
from schemas.backfill import BACKFILL

_LAST = f"""
SELECT {{columns}} FROM `{{table}}` WHERE {ALL_DAYS} AND backfill_id = (
  SELECT backfill_id FROM `{{table}}` WHERE {ALL_DAYS} AND state = '{BEGUN}'
  ORDER BY recorded_time DESC LIMIT 1
) ORDER BY recorded_time
"""
"""All rows of the backfill that was begun last: one that was given up before counts no more."""


@dataclass(frozen=True)
class RowShelf:
    """Rows of `backfills`: one when a backfill is begun or gone on with, one a day, one last."""

    destination: Destination
    holder: str = field(default_factory=lambda: str(uuid.uuid4()))

    def __str__(self) -> str:
        return self.destination.name(BACKFILLS)

    def unfinished(self) -> Manifest | None:
        columns = ", ".join(BACKFILL.names)
        rows = fetch(self.destination, _LAST.format(columns=columns, table=self), BACKFILL)
        return manifest_of(rows.to_pylist(), self)

    def keep(self, manifest: Manifest, state: str, day: str | None = None) -> None:
        manifest.name = manifest.name or str(uuid.uuid4())
        row: dict[str, Any] = {"backfill_id": manifest.name, "started": manifest.started}
        row |= {"epoch": manifest.epoch, "options": json.dumps(manifest.options)}
        if day is not None:
            row |= {"local_day": date.fromisoformat(day), "outcome": json.dumps(manifest.days[day])}
        add_row(self.destination, self.holder, state, **row)


def manifest_of(rows: list[dict[str, Any]], shelf: RowShelf) -> Manifest | None:
    """The manifest that rows of one backfill tell, in order of time; None where it is finished."""
    if not rows or any(row["state"] == FINISHED for row in rows):
        return None
    first = rows[0]
    days = {
        row["local_day"].isoformat(): json.loads(row["outcome"])
        for row in rows
        if row["state"] == DONE
    }
    return Manifest(
        shelf,
        json.loads(first["options"]),
        first["epoch"],
        first["started"],
        days,
        name=first["backfill_id"],
    )


def add_row(destination: Destination, holder: str, state: str, **columns: Any) -> None:
    """Add a row, its time the service's. Returns when every query that begins then sees it."""
    given = {"holder": holder, "state": state, "owner": owner(), **columns}
    names = ", ".join(("recorded_time", "day", *given))
    values = ", ".join(
        ("CURRENT_TIMESTAMP()", "DATE(CURRENT_TIMESTAMP())", *(f"@{name}" for name in given))
    )
    change(
        destination, f"INSERT INTO `{destination.name(BACKFILLS)}` ({names}) SELECT {values}", given
    )
