"""What a command said, and what it left."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

FIXTURES = Path(__file__).parents[2] / "fixtures"
MAILJET = str(FIXTURES / "mailjet.ndjson")
SURVEY = str(FIXTURES / "survey.ndjson")
COMMANDS = ("measure", "verify", "check", "simulate", "demo", "report", "channels", "metrics")


class Said(NamedTuple):
    code: int
    out: str
    err: str


def tree(directory: Path) -> set[str]:
    return {str(path.relative_to(directory)) for path in directory.rglob("*")}
