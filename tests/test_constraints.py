"""constraints.txt: what is held for every Python installs on the oldest one that setup.py admits."""

from __future__ import annotations

import re
from importlib.metadata import metadata, version
from pathlib import Path

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

ROOT = Path(__file__).parent.parent
OLDEST = re.search(r'python_requires=">=(.+)"', (ROOT / "setup.py").read_text()).group(1)
PINS = [
    Requirement(line)
    for line in (ROOT / "constraints.txt").read_text().splitlines()
    if not line.startswith("#")
]


def _holds(pin: Requirement, python: str) -> bool:
    return pin.marker is None or pin.marker.evaluate({"python_version": python})


def test_a_pin_that_holds_on_the_oldest_python_and_here_is_of_a_version_that_runs_there():
    alike = [p for p in PINS if p.marker is None and version(p.name) in p.specifier]
    refused = [
        f"{pin}: Requires-Python {needs}"
        for pin in alike
        if OLDEST not in SpecifierSet(needs := metadata(pin.name)["Requires-Python"] or "")
    ]

    assert refused == []
    assert {"apache-beam", "pyarrow", "msgspec"} <= {pin.name for pin in alike}


def test_no_package_is_held_twice_on_one_python():
    for python in (OLDEST, "3.11", "3.13"):
        names = [pin.name for pin in PINS if _holds(pin, python)]

        assert sorted(names) == sorted(set(names))
