"""DuckDB for work over whole tables: instants in UTC, bounded memory, spilling; and its files."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterable

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


def pattern(path: object) -> str:
    """The pattern that names one path alone: DuckDB takes each that it reads for a pattern."""
    return re.sub(r"([*?\[])", r"[\1]", str(path))


def quoted(text: str) -> str:
    """A text as SQL has it."""
    return "'" + text.replace("'", "''") + "'"


def listed(files: Iterable[object]) -> str:
    """Files as SQL lists them for `read_parquet`, each by a pattern of its own."""
    return f"[{', '.join(quoted(pattern(file)) for file in files)}]"
