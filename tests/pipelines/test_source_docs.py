"""docs/sources.md names tests as evidence: each of them must be there."""

from __future__ import annotations

import re
from pathlib import Path

from schemas.source_status import BASES

ROOT = Path(__file__).parent.parent.parent
PAGE = (ROOT / "docs" / "sources.md").read_text()


def test_every_test_that_the_page_names_is_there():
    named = set(re.findall(r"`(test_\w+)`", PAGE))
    there = {
        name
        for path in (ROOT / "tests").rglob("test_*.py")
        for name in re.findall(r"^def (test_\w+)\(", path.read_text(), re.MULTILINE)
    }

    assert len(named) > 20
    assert named - there == set()


def test_every_basis_is_explained():
    section = PAGE.partition("## On what a watermark rests")[2].partition("## Options")[0]

    assert set(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)) == set(BASES)
