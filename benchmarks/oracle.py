"""The oracle: Segment tracks to events and exact figures by DuckDB's SQL alone.

It shares no code with Moment, so equal figures are evidence; and it is what an analyst with one
machine and one file would write, so it is the rival to beat. It knows the video heartbeats and
reviews of `pipelines.simulator.tracks` and a dozen other kinds; a file with another kind is an
error, since facts that are edited or undone (orders) need rules it does not have.
"""

from __future__ import annotations

import argparse
import json
import os
from datetime import datetime, timezone
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.oracle_events import events_of_tracks, facts_of_events, facts_of_tracks, text
from benchmarks.oracle_figures import figures_of_metrics, metrics_of_facts

ROWS_A_BATCH = 16_384
"""Rows of an Arrow batch of `oracle_events_arrow`, as many as Moment's own."""


def oracle_events(path: str, out: str, threads: int = 1) -> None:
    """Parquet file of the unified events of an NDJSON file, copies included.

    The columns of `schemas.event.EVENT` that Segment tracks fill, and the route. Ids are MD5 of
    source and message id; actors, sessions and routes keyed MD5: as many hashes as Moment makes, of
    another kind. Left out: judging user agents, redacting texts.
    """
    _write_events(_connect(threads), path, out)


def oracle_events_arrow(path: str, threads: int = 1) -> int:
    """Number of unified events of an NDJSON file, fetched as Arrow batches that are dropped.

    The columns and hashes of `oracle_events`, without writing a file.
    """
    query = events_of_tracks(path, _arrived(path))
    batches = _connect(threads).sql(query).to_arrow_reader(ROWS_A_BATCH)
    return sum(batch.num_rows for batch in batches)


def oracle_metrics(path: str, out: str, threads: int = 1) -> None:
    """The whole job: folder `out` with `events.parquet` and, of each event once, `metrics.parquet`.

    The metrics are read from the events just written; columns as in `oracle_metrics_only`.
    """
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    events = str(folder / "events.parquet")
    connection = _connect(threads)
    _write_events(connection, path, events)
    metrics = metrics_of_facts(facts_of_events(events))
    _write(connection, metrics, str(folder / "metrics.parquet"))


def oracle_metrics_only(path: str, threads: int = 1) -> pa.Table:
    """Table of exact gross metrics of an NDJSON file, reading no field they do not need.

    A row a grouping set, group, window and start. Without an `item`: `events`, `watched_ms`,
    `viewers`, `engagers`, `actions`, `action_squares`, the last four of people with an id. With an
    `item` (an action that is not an exposure): its `count` and distinct `authors`.
    """
    query = metrics_of_facts(facts_of_tracks(path))
    return _connect(threads).sql(query).to_arrow_table()


def expected_figures(path: str) -> pa.Table:
    """What Moment must say of an NDJSON file for gross traffic, were nothing suppressed.

    Columns: grouping_set, window_kind, window_start, channel, content_id, metric, item, numerator,
    denominator (null for counts). Metrics: events (groupings without content), reach,
    average_minute_audience, both engagement rates, interaction_mix (the only one with an item).
    Channels that were silent have no row.
    """
    connection = _connect(1)
    connection.register("metrics", oracle_metrics_only(path))
    return connection.sql(figures_of_metrics("metrics")).to_arrow_table()


def _connect(threads: int) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute(f"SET threads = {int(threads)}")
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute("SET preserve_insertion_order = false")
    return connection


def _write_events(connection: duckdb.DuckDBPyConnection, path: str, out: str) -> None:
    _write(connection, events_of_tracks(path, _arrived(path)), out)


def _arrived(path: str) -> str:
    return datetime.fromtimestamp(os.stat(path).st_mtime, timezone.utc).isoformat()


def _write(connection: duckdb.DuckDBPyConnection, query: str, out: str) -> None:
    connection.execute(f"COPY ({query}) TO {text(out)} (FORMAT parquet, COMPRESSION zstd)")


JOBS = ("events", "events-arrow", "metrics", "metrics-only")


def main(arguments: list[str] | None = None) -> None:
    """`python -m benchmarks.oracle FILE OUT [--job JOB] [--threads N]`."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.oracle", description=__doc__)
    parser.add_argument("file", help="NDJSON file of Segment tracks")
    parser.add_argument("out", help="Parquet file; of `metrics`, a folder; of `events-arrow`, none")
    parser.add_argument("--job", choices=JOBS, default="metrics")
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args(arguments)
    said: dict[str, object] = {"job": given.job, "out": given.out}
    if given.job == "events":
        oracle_events(given.file, given.out, given.threads)
    elif given.job == "events-arrow":
        said["events"] = oracle_events_arrow(given.file, given.threads)
    elif given.job == "metrics":
        oracle_metrics(given.file, given.out, given.threads)
    else:
        pq.write_table(oracle_metrics_only(given.file, given.threads), given.out)
    print(json.dumps(said))


if __name__ == "__main__":
    main()
