"""terraform/schemas, generated from the tables: `python -m pipelines.terraform_schemas`.

The files are generated so that they cannot drift; a test compares them with this function.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pipelines.sinks.table import Table
from pipelines.sinks.tables import TABLES
from schemas.bigquery import DAY, bigquery_columns

SCHEMAS = Path(__file__).resolve().parent.parent / "terraform" / "schemas"
REGENERATE = "python -m pipelines.terraform_schemas"


def schema_files() -> dict[str, str]:
    """Text of each file by its name: a table as the module `bigquery` reads it."""
    return {
        f"{table.name}.json": json.dumps(_described(table), indent=2) + "\n" for table in TABLES
    }


def write_schemas() -> None:
    """Write the files, and remove those of tables that there are no longer."""
    SCHEMAS.mkdir(parents=True, exist_ok=True)
    files = schema_files()
    for path in SCHEMAS.glob("*.json"):
        if path.name not in files:
            path.unlink()
    for name, text in files.items():
        (SCHEMAS / name).write_text(text, encoding="utf-8")


def _described(table: Table) -> dict[str, Any]:
    return {
        "description": table.meaning,
        "partition": DAY,
        "clustering": list(table.clustering),
        "kept_days": table.kept_days,
        "restricted": table.restricted,
        "columns": bigquery_columns(table.schema),
    }


if __name__ == "__main__":
    write_schemas()
