"""What a machine lacks for the end-to-end tests: skipped aloud, or, where all must run, failed."""

from __future__ import annotations

import os
import warnings

import pytest


def need(missing: str | None, tests: str = "end-to-end tests") -> None:
    """Return where nothing is missing. `missing` says in a sentence what is."""
    if missing and os.environ.get("MOMENT_EVERYTHING"):
        pytest.fail(f"MOMENT_EVERYTHING is set, and nothing may be left out: {missing}")
    if missing:
        # A warning is printed at the end of every run; a skip's reason is not.
        warnings.warn(f"the {tests} are skipped: {missing}", stacklevel=2)
        pytest.skip(missing)
