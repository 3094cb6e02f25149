"""How many examples a law is tried on: some each time the suite runs, many in a hunt.

`make hunt` tries laws alone, on HUNT times as many examples, other ones each time.
"""

from __future__ import annotations

import os
from typing import Any

from hypothesis import settings

HUNT = int(os.environ.get("MOMENT_HUNT", "1"))
USUAL = 100


def examples(count: int, **others: Any) -> settings:
    """That many in a run of the suite; `others` are hypothesis' own settings."""
    return settings(max_examples=count * HUNT, **others)
