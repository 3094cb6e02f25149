"""Connections of DuckDB for work over whole tables: instants in UTC, bounded memory, spilling."""

from __future__ import annotations

import tempfile

import duckdb

MEMORY = "2GB"
"""What a query holds before it spills to the system's temporary directory (`TMPDIR`)."""


def connect() -> duckdb.DuckDBPyConnection:
    """A connection to nothing but what is then shown to it; rows come in no order."""
    connection = duckdb.connect(
        config={"memory_limit": MEMORY, "temp_directory": tempfile.gettempdir()}
    )
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute("SET preserve_insertion_order = false")
    return connection
