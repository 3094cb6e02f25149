"""An appender to a server that breaks as it is told to."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from pipelines.sinks.bigquery.append import Appender, Patience
from pipelines.sinks.bigquery.clients import connect
from pipelines.sinks.bigquery.destination import Destination
from tests.pipelines.appending.rows import (
    DEFAULT,
    QUICK,
    SCHEMA,
    Clock,
)
from tests.storage_write import StorageWrite


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def appender(server: StorageWrite, clock: Clock) -> Iterator[Callable[..., Appender]]:
    made: list[Appender] = []
    place = Destination("a-project", "d", "r", "http://nowhere", server.address)

    def make(stream: str = DEFAULT, patience: Patience = QUICK) -> Appender:
        made.append(
            Appender(
                stream,
                SCHEMA,
                lambda: connect(place, stream, SCHEMA.names),
                patience,
                stream != DEFAULT,
                clock.now,
                clock.sleep,
                lambda: 1.0,
            )
        )
        return made[-1]

    yield make
    for each in made:
        each.close()
