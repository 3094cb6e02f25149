"""What the end-to-end tests share: helpers whose assertions say what they compared."""

from __future__ import annotations

import pytest

# The same three days of raw input in a folder and in BigQuery, and the same commands over both.
from tests.pipelines.conftest import (  # noqa: F401
    moment_backfill,
    moment_verify,
    pristine,
    published,
    streamed,
)

pytest.register_assert_rewrite("tests.e2e.cluster", "tests.e2e.dataset", "tests.e2e.streams")
