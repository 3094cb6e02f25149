"""The `runs` table of BigQuery: what run.json is to a folder."""

from __future__ import annotations

import json
import uuid
from datetime import datetime, timezone
from typing import Any

import pyarrow as pa

from pipelines.sinks.bigquery.append import Appender
from pipelines.sinks.bigquery.clients import connect, rest_client
from pipelines.sinks.bigquery.destination import Destination
from pipelines.sinks.bigquery.faults import SinkError
from pipelines.sinks.tables import RUNS
from pipelines.sources.bigquery import ALL_DAYS, fetch
from schemas.bigquery import wire_batch, wire_schema
from schemas.run import RUN
from schemas.version import VERSION


def standing_run(destination: Destination) -> dict[str, Any] | None:
    """Options of the run whose figures stand; None where no run has published any.

    Of the stream that was begun last where there is one, for it goes on changing its days; else of
    the run over files that finished last.
    """
    sql = f"""
        SELECT options FROM `{destination.name(RUNS)}` WHERE {ALL_DAYS}
        AND (streaming AND state = 'started' OR NOT streaming AND state = 'finished')
        ORDER BY streaming DESC, recorded_time DESC LIMIT 1
    """
    found = fetch(destination, sql, pa.schema([RUN.field("options")]))
    return json.loads(found["options"][0].as_py()) if len(found) else None


class Runs:
    """One run's rows: its options when it begins, and with its outcome when it ends."""

    def __init__(self, destination: Destination, streaming: bool) -> None:
        self._destination, self._streaming = destination, streaming
        self.run_id = str(uuid.uuid4())

    def last(self) -> dict[str, Any] | None:
        """Options of the run of this kind that began last; None where none has."""
        # The filter on days is one that all pass: the table asks for one.
        rows = rest_client(self._destination).query_and_wait(
            f"SELECT options FROM `{self._destination.name(RUNS)}`"
            " WHERE day >= DATE '2000-01-01' AND state = 'started'"
            f" AND streaming = {str(self._streaming).upper()}"
            " ORDER BY recorded_time DESC LIMIT 1"
        )
        found = [json.loads(row["options"]) for row in rows]
        return found[0] if found else None

    def write(self, state: str, record: dict[str, Any]) -> None:
        """Add a row. Raises SinkError as any append does, and where BigQuery refuses the row."""
        row = {
            "run_id": self.run_id,
            "recorded_time": datetime.now(timezone.utc),
            "state": state,
            "streaming": self._streaming,
            "version": VERSION,
            "options": json.dumps(record),
        }
        batch = pa.RecordBatch.from_pylist([row], schema=RUN)
        schema = wire_schema(RUN)
        stream = f"{self._destination.path(RUNS)}/streams/_default"
        appender = Appender(
            stream, schema, lambda: connect(self._destination, stream, schema.names)
        )
        try:
            appender.append(wire_batch(batch, RUN, RUNS.day_column))
            refused = appender.flush()
        finally:
            appender.close()
        if refused:
            column = f" of {refused[0].path}" if refused[0].path else ""
            raise SinkError(
                f"expected the BigQuery table {self._destination.name(RUNS)} to take a row of this"
                f" run ({state}), found {refused[0].code}{column}: compare its columns with"
                " `moment tables plan`"
            )
