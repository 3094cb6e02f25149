"""What a backfill in BigQuery is billed for, told by dry runs of what it will ask."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pipelines.backfill.replace import parameters, replacing_sql
from pipelines.backfill.sizes import bytes_of_each, day_rows_query
from pipelines.local_day import LocalDay
from pipelines.published_bigquery import Query, standing_queries, table_query
from pipelines.sinks.bigquery.destination import Destination
from pipelines.sinks.tables import BALANCES, EVENTS, FAILED_EVENTS, METRICS
from pipelines.sources.bigquery import may_read
from pipelines.sources.bigquery_day_events import day_query

LEAST_BILLED = 10 * 2**20
"""Of each query, however little it reads."""


def bytes_billed(
    place: Destination, days: Sequence[LocalDay], zone: str, decodes: bool
) -> int | None:
    """About how many bytes a backfill of days is billed for, its plan among them; None where nobody
    tells.

    Left out are rows of the lease and of the manifest, and what is decoded, which is not there yet.
    Raises OptionError where a query would be refused.
    """
    queries = [*standing_queries(place), *_of_the_days(place, days, zone)]
    if decodes:
        queries += _of_the_source(place, days)
    told = bytes_of_each(place, queries)
    # There are figures, so that nothing read is no answer: an emulator's.
    return sum(max(each, LEAST_BILLED) for each in told) if told[0] else None


def _of_the_days(place: Destination, days: Sequence[LocalDay], zone: str) -> Iterator[Query]:
    """How many events there are; of each day what it rests on, and the figures that stand."""
    yield day_rows_query(place, days, zone)
    for day in days:
        yield day_query(place, day)
        yield table_query(place, METRICS, METRICS.schema.names, [day.day])


def _of_the_source(place: Destination, days: Sequence[LocalDay]) -> Iterator[Query]:
    """What becomes of events; of each part of a partition its comparison and replacement; which
    failures and balances are known."""
    partitions = sorted({each for day in days for each in day.partitions})
    yield table_query(place, EVENTS, ("event_id", "channel", "event_time"), partitions)
    for day in days:
        for partition in day.partitions:
            # Any channel: which is decoded changes no byte.
            given = parameters(day, partition) | {"channels": [""]}
            yield from ((sql, given) for sql in replacing_sql(place))
    if may_read(place, FAILED_EVENTS):
        yield table_query(place, FAILED_EVENTS, ("failure_id",))
    yield table_query(place, BALANCES, BALANCES.schema.names)
