"""terraform/schemas and terraform/views, generated: `python -m pipelines.terraform_schemas`.

The files are generated so that they cannot drift; a test compares them with this function.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pipelines.sinks.bigquery.destination import Destination
from pipelines.sinks.bigquery.sql import BIGQUERY_VIEWS, reads_views, view_sql
from pipelines.sinks.table import Table
from pipelines.sinks.tables import BIGQUERY_TABLES
from pipelines.sinks.views import View
from schemas.bigquery import DAY, bigquery_columns

TERRAFORM = Path(__file__).resolve().parent.parent / "terraform"
SCHEMAS, VIEWS = TERRAFORM / "schemas", TERRAFORM / "views"
PLACES = Destination("${project}", "${dataset}", "${restricted_dataset}")
"""What stands in the SQL of a view for names that Terraform knows."""
INDEX = "views.json"
"""Of every view what is not its SQL."""
REGENERATE = "python -m pipelines.terraform_schemas"


def schema_files() -> dict[str, str]:
    """Text of each file by its name: a table as the module `bigquery` reads it."""
    return {
        f"{table.name}.json": json.dumps(_described(table), indent=2) + "\n"
        for table in BIGQUERY_TABLES
    }


def view_files() -> dict[str, str]:
    """Text of each file by its name: NAME.sql, and the index that the module `bigquery` reads."""
    index = {view.name: _indexed(view) for view in BIGQUERY_VIEWS}
    files = {f"{view.name}.sql": view_sql(view, PLACES) for view in BIGQUERY_VIEWS}
    return files | {INDEX: json.dumps(index, indent=2) + "\n"}


def write_schemas() -> None:
    """Write the files, and remove those of tables and views that there are no longer."""
    for folder, files in ((SCHEMAS, schema_files()), (VIEWS, view_files())):
        folder.mkdir(parents=True, exist_ok=True)
        for path in folder.iterdir():
            if path.name not in files:
                path.unlink()
        for name, text in files.items():
            (folder / name).write_text(text, encoding="utf-8")


def _indexed(view: View) -> dict[str, Any]:
    """`dataset`: in which of the three it is; `over_views`: those it reads must be there first."""
    dataset = "restricted" if view.restricted else "data" if view.personal else "views"
    return {
        "description": view.meaning,
        "dataset": dataset,
        "over_views": reads_views(view),
    }


def _described(table: Table) -> dict[str, Any]:
    return {
        "description": table.meaning,
        "partition": DAY,
        "clustering": list(table.clustering),
        "kept_days": table.kept_days,
        "restricted": table.restricted,
        "day_required": table.day_required,
        "columns": bigquery_columns(table.schema),
    }


if __name__ == "__main__":
    write_schemas()
