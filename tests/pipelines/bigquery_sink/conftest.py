"""Where the graph of a test writes."""

from __future__ import annotations

import pytest

from pipelines.sinks.bigquery.destination import Destination
from tests.storage_write import StorageWrite


@pytest.fixture
def place(server: StorageWrite) -> Destination:
    return Destination("a-project", "d", "d_restricted", "http://nowhere", server.address)
