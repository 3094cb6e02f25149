"""A simulated live on its way through Pub/Sub's emulator, and the archive of what was published."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from deploy.local.kafka_publish import Published, arranged
from deploy.local.pubsub import MESSAGES_A_REQUEST, Emulator
from pipelines.sources.discover import discover
from pipelines.sources.pubsub.messages import Messages, messages_of
from pipelines.sources.pubsub.settings import CHANNEL_ATTRIBUTE
from pipelines.sources.replay_plan import plan_replay
from schemas.event import INSTANT

_SILENT_SECONDS = 3.0


def publish_live(
    emulator: Emulator, topic: str, live: Path, allowed: Callable[[], float] | None = None
) -> Published:
    """Every record of a live, in the order of arrival, as fast as the emulator takes them.

    Its time of publication is the emulator's clock: Pub/Sub lets no publisher say another.
    `allowed` says how many may have been published by now; None: all. The emulator makes a list of
    all that it has not delivered at each pull, so a large backlog costs it more than the messages.
    """
    from google.pubsub_v1.types import PublishRequest, PubsubMessage

    plan = plan_replay(discover([str(live)]))
    channels = [str(each.file.channel) for each in plan.files]
    publisher, message_of = emulator.publisher(), PubsubMessage.pb()
    began = time.monotonic()
    messages = payload_bytes = 0
    for block in arranged(plan):
        records = list(zip(block.payloads.to_pylist(), block.channels.tolist()))
        for begin in range(0, len(records), MESSAGES_A_REQUEST):
            part = [
                message_of(data=payload, attributes={CHANNEL_ATTRIBUTE: channels[place]})
                for payload, place in records[begin : begin + MESSAGES_A_REQUEST]
            ]
            request = PublishRequest.wrap(
                PublishRequest.pb()(topic=emulator.topic(topic), messages=part)
            )
            while allowed is not None and messages > allowed():
                time.sleep(0.1)
            publisher.publish(request=request, timeout=60)
            messages += len(part)
            payload_bytes += sum(len(message.data) for message in part)
    return Published(messages, payload_bytes, time.monotonic() - began)


def archive(emulator: Emulator, subscription: str, folder: Path) -> int:
    """All that a subscription delivers, in a file for each channel; how many messages there were.

    Rows are `payload` and `arrived_time`, the time of publication: what a recomputation must be
    given, for the subscription that the job read gives nothing a second time. A message that is
    delivered twice is one.
    """
    subscriber = emulator.subscriber()
    pulled: dict[int, tuple[bytes, int, str]] = {}
    heard = time.monotonic()
    while time.monotonic() - heard < _SILENT_SECONDS:
        answer = _pull(subscriber, subscription)
        if not answer:
            continue
        heard = time.monotonic()
        found = messages_of(received.message for received in answer)
        for payload, position, published, channel in zip(*found):
            pulled[position] = (payload, published, str(channel))
        subscriber.acknowledge(
            subscription=subscription, ack_ids=[received.ack_id for received in answer]
        )
    folder.mkdir(parents=True)
    columns = Messages(
        [payload for payload, _, _ in pulled.values()],
        list(pulled),
        [published for _, published, _ in pulled.values()],
        [channel for _, _, channel in pulled.values()],
    )
    _write(columns, folder)
    return len(pulled)


def _pull(subscriber: Any, subscription: str) -> Sequence[Any]:
    from google.api_core.exceptions import DeadlineExceeded

    try:
        answer = subscriber.pull(
            subscription=subscription, max_messages=MESSAGES_A_REQUEST, timeout=2, retry=None
        )
    except DeadlineExceeded:
        return []
    return answer._pb.received_messages


def _write(messages: Messages, folder: Path) -> None:
    table = pa.table(
        {
            "channel": messages.channels,
            "payload": pa.array(messages.payloads, pa.large_binary()),
            "arrived_time": pa.array(messages.published, pa.int64()).cast(INSTANT),
        }
    )
    for channel in table["channel"].unique().to_pylist():
        rows = table.filter(pa.compute.equal(table["channel"], channel)).drop_columns("channel")
        pq.write_table(rows.sort_by("arrived_time"), folder / f"{channel}.parquet")
