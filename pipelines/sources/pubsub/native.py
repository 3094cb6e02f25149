"""ReadPubSubNative: Pub/Sub as the runner itself reads it, for Dataflow."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import apache_beam as beam
import pyarrow as pa
from apache_beam.transforms.window import TimestampedValue
from apache_beam.utils.timestamp import Timestamp

from pipelines.sources.pubsub.messages import Assembly, messages_of
from pipelines.sources.pubsub.settings import Subscription
from pipelines.sources.streaming import StreamSettings, with_outputs


class ReadPubSubNative(beam.PTransform):
    """Subscriptions → `payloads`, `failed`, `counts`, `status`; the last three have no rows.

    The runner pulls, extends leases, acknowledges, and derives the watermark; it reports on them
    itself. Of `stream` only `rows_a_batch` counts.
    """

    def __init__(
        self, subscriptions: Sequence[Subscription], stream: StreamSettings | None = None
    ) -> None:
        super().__init__()
        self._subscriptions = list(subscriptions)
        self._stream = stream or StreamSettings()

    def expand(self, root: beam.Pipeline) -> beam.pvalue.DoOutputsTuple:
        messages = [
            root
            | f"Read {subscription.path}"
            >> beam.io.ReadFromPubSub(subscription=subscription.path, with_attributes=True)
            | f"Name {subscription.path}" >> beam.Map(lambda message, of: (of, message), of)
            for subscription in self._subscriptions
            for of in [(subscription.input, subscription.channel or "")]
        ]
        return messages | "Merge" >> beam.Flatten() | MessagesToPayloads(self._stream.rows_a_batch)


class MessagesToPayloads(beam.PTransform):
    """((input, channel or ""), PubsubMessage) → the outputs of a source."""

    def __init__(self, rows: int) -> None:
        super().__init__()
        self._rows = rows

    def expand(self, messages: beam.PCollection) -> beam.pvalue.DoOutputsTuple:
        return (
            messages
            | "Batch" >> beam.BatchElements(min_batch_size=self._rows, max_batch_size=self._rows)
            | "ToPayloads" >> with_outputs(_ToPayloads(self._rows))
        )


class _ToPayloads(beam.DoFn):
    def __init__(self, rows: int) -> None:
        self._rows = rows

    def process(self, found: list[tuple[tuple[str, str], Any]]) -> Iterator[Any]:
        by_input: dict[tuple[str, str], list[Any]] = {}
        for of, message in found:
            by_input.setdefault(of, []).append(message)
        for of, messages in by_input.items():
            assembly = Assembly(of[0], of[1] or None, self._rows)
            batches = [*assembly.add(messages_of(map(_Plain, messages))), *assembly.rest()]
            yield from map(_at_earliest_arrival, batches)


class _Plain:
    """A beam PubsubMessage with the fields of the protocol buffer."""

    def __init__(self, message: Any) -> None:
        self.data = message.data or b""
        self.attributes = message.attributes or {}
        self.message_id = message.message_id
        microseconds = Timestamp.of(message.publish_time).micros
        self.publish_time = _Time(*divmod(microseconds, 1_000_000))


class _Time:
    def __init__(self, seconds: int, microseconds: int) -> None:
        self.seconds, self.nanos = seconds, microseconds * 1000


def _at_earliest_arrival(batch: pa.RecordBatch) -> TimestampedValue:
    """BatchElements stamps a batch with the end of its window: its place is where it began."""
    earliest = min(batch.column("arrived_time").cast(pa.int64()).to_pylist())
    return TimestampedValue(batch, Timestamp(micros=earliest))
