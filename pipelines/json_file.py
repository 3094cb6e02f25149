"""JSON files of a dataset, run.json and backfill.json: nobody sees one before it is whole."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from pipelines.errors import OptionError


def write_json(path: Path, value: Any) -> None:
    """Write beside it and rename, so that a reader finds the old one or the new one."""
    temporary = path.parent / f".{path.name}.tmp"
    temporary.write_text(json.dumps(value, indent=1) + "\n", encoding="utf-8")
    os.replace(temporary, path)


def read_run_json(path: Path) -> Any:
    """What a run.json says. OSError where it cannot be read, OptionError where it is no JSON."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise OptionError(f"{path}: expected JSON as `moment measure` writes it") from error
