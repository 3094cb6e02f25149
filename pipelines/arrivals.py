"""Files that changed, it seems, before their events happened: whose own times nobody believes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

import duckdb

from pipelines.sources.files import InputFile

_UNBELIEVED = """
SELECT epoch_us(ingested_time) AS arrived, count(*) AS events, count(*) FILTER (
  collected_time = ingested_time AND (time_basis = 'collector'
    OR device_created_time > ingested_time + INTERVAL 5 MINUTE)) AS unbelieved
FROM events GROUP BY arrived
"""
"""Of files that changed at one instant. Who says no time at all is counted with those who are not
believed: of both the time is that of the file."""


def unbelieved(views: duckdb.DuckDBPyConnection, files: Sequence[InputFile]) -> Iterator[str]:
    """A sentence on the files of each time of change whose events mostly have it as their time.

    No clock is believed that is ahead of arrival, and a file arrived when it changed last: one
    that was restored, or packed reproducibly, seems to have arrived before its events happened.
    """
    changed: dict[int, list[str]] = defaultdict(list)
    for file in files:
        changed[round(file.arrived.timestamp() * 1_000_000)].append(file.path)
    if not changed:
        return
    for arrived, events, not_believed in sorted(views.execute(_UNBELIEVED).fetchall()):
        paths = changed.get(arrived)
        if paths and not_believed * 2 > events:
            others = f" and {len(paths) - 1} more of that time" if len(paths) > 1 else ""
            yield (
                f"{paths[0]}{others}: {not_believed:,} of {events:,} events say times after the"
                " last change of their file, which they have now instead; give it the time at"
                " which it was received, as touch -d does, and measure again"
            )
