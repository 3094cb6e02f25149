"""ReadDayEvents: what the figures of one local day rest on, read from the events table itself."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import apache_beam as beam
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.duck import connect
from pipelines.local_day import LocalDay
from pipelines.place import Place
from pipelines.verify.dataset import add_view
from schemas.event import EVENT
from transforms.balance import arrival_hours, count_batch
from transforms.measures.people import PRESENCE_CLASSES
from transforms.observe import LONGEST_PERIOD_MS
from transforms.protect import PROTECTED_EVENT, route_of

ROWS_A_BATCH = 16_384
EVENTS_INPUT = "events"
"""What these events are called in the balance: which file had them, the table does not say."""

REACH = timedelta(milliseconds=2 * LONGEST_PERIOD_MS)
"""So long after its heartbeat a viewer may count as watching: into the day, from the one before."""

_CLASSES = ", ".join(f"'{name}'" for name in sorted(PRESENCE_CLASSES))

OF_A_DAY = f"""
WITH near AS (
  SELECT * FROM events WHERE event_time >= $reach AND event_time < $finish
),
repeated AS (
  SELECT event_id FROM events GROUP BY event_id
  HAVING count(*) > 1 AND min(event_time) < $finish
),
earlier AS (
  SELECT * FROM events WHERE event_time < $reach AND event_id NOT IN (FROM repeated)
),
marks AS (
  SELECT * FROM earlier
  WHERE fact_id IS NULL AND op <> 'retract' AND actor_id IS NOT NULL
    AND actor_kind NOT IN ('brand', 'automaton') AND action_class IN ({_CLASSES})
  QUALIFY row_number() OVER (
    PARTITION BY actor_id, content_id, brand_id, channel, ivt_class IN ('valid', 'unknown')
    ORDER BY event_time DESC, event_id, ingested_time
  ) = 1
),
facts AS (SELECT * FROM earlier WHERE fact_id IS NOT NULL),
stated AS (
  SELECT fact_id FROM near WHERE fact_id IS NOT NULL
  UNION SELECT fact_id FROM facts
  UNION SELECT fact_id FROM events
    WHERE fact_id IS NOT NULL AND event_id IN (FROM repeated)
),
changing AS (
  SELECT event_id FROM events WHERE event_time >= $finish AND fact_id IN (FROM stated)
  UNION FROM repeated
)
SELECT * FROM near
UNION ALL SELECT * FROM marks
UNION ALL SELECT * FROM facts
UNION ALL SELECT * FROM events WHERE event_time < $reach AND event_id IN (FROM repeated)
UNION ALL SELECT * FROM events WHERE event_time >= $finish AND event_id IN (FROM changing)
"""
"""Everything that a figure of the day may depend on, and not much else.

`near`: the day, and heartbeats that reach into it. `marks`: who was where before, one event a
person and place, for new people are those without an earlier day. `facts`: what was stated before
and may have been changed in the day. After the day: what changes a fact of it or before. Of an
event with copies (`repeated`) all of them, wherever they are, for the first to arrive counts.
"""


def day_events(dataset: Path, day: LocalDay) -> Iterator[pa.RecordBatch]:
    """PROTECTED_EVENT batches of all that the figures of a day rest on; see above. In no order.

    `route` is a hash of actor_id: the one of the source's own key is not kept. It tells people
    apart as well, while all events were written under one pseudonym key.
    """
    with connect() as connection:
        add_view(connection, "events", dataset / "events", EVENT)
        found = connection.sql(
            OF_A_DAY, params={"reach": day.begin - REACH, "finish": day.end}
        ).to_arrow_reader(ROWS_A_BATCH)
        for batch in found:
            if batch.num_rows:
                yield protected_events(batch)


def protected_events(batch: pa.RecordBatch) -> pa.RecordBatch:
    """PROTECTED_EVENT batch of an EVENT batch, its columns as the table has them."""
    columns = [pc.cast(batch.column(field.name), field.type) for field in EVENT]
    named = dict(zip(EVENT.names, columns))
    route = route_of(named["actor_id"], named["fact_id"], named["event_id"])
    metadata = {"name": "protected_event", "input": EVENTS_INPUT}
    return pa.RecordBatch.from_arrays(
        [*columns, route], schema=PROTECTED_EVENT.with_metadata(metadata)
    )


class _ReadDay(beam.DoFn):
    def __init__(self, place: Place) -> None:
        self._place = place

    def process(self, day: LocalDay) -> Iterator[Any]:
        for batch in self._place.day_events(day):
            yield batch
            for counts in _counts(batch):
                yield beam.pvalue.TaggedOutput("counts", counts)


def _counts(events: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    """BALANCE_COUNT batches: so many events of each hour of arrival and channel."""
    hours = pa.array(arrival_hours(events.column("ingested_time")))
    told = pa.table({"hour": hours, "channel": events.column("channel")})
    grouped = told.group_by(["hour", "channel"]).aggregate([([], "count_all")])
    for row in grouped.to_pylist():
        counts = [("events", row["count_all"])]
        yield count_batch(EVENTS_INPUT, row["hour"], row["channel"], counts)


class ReadDayEvents(beam.PTransform):
    """A local day of a place → `events` (PROTECTED_EVENT) and `counts` (BALANCE_COUNT). Bounded.

    Read by one worker, in bounded memory; every worker finds the place where it is named.
    """

    def __init__(self, place: Place, day: LocalDay) -> None:
        super().__init__()
        self._place, self._day = place, day

    def expand(self, root: beam.Pipeline) -> beam.pvalue.DoOutputsTuple:
        return (
            root
            | "NameDay" >> beam.Create([self._day], reshuffle=False)
            | "ReadDay"
            >> beam.ParDo(_ReadDay(self._place))
            .with_output_types(pa.RecordBatch, counts=pa.RecordBatch)
            .with_outputs("counts", main="events")
        )
