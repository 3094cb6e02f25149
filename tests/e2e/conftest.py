"""What the end-to-end tests share: helpers whose assertions say what they compared."""

from __future__ import annotations

import pytest

pytest.register_assert_rewrite("tests.e2e.cluster", "tests.e2e.dataset", "tests.e2e.streams")
