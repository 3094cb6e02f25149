"""Recorded files published to Kafka in the order of arrival, each message with its arrival."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient, NewTopic

from deploy.local.kafka_sender import Arranged, BrokerEnds, Route, Sender, SenderStoodStill
from pipelines.sources.discover import discover
from pipelines.sources.files import InputError, InputFile
from pipelines.sources.kafka.batches import CHANNEL_HEADER
from pipelines.sources.replay_arrivals import newest_until
from pipelines.sources.replay_plan import PlannedFile, ReplayPlan, plan_replay
from pipelines.sources.replay_reader import MICROS, Pace, ReplayReader, Unreadable

LOGGER = logging.getLogger(__name__)
_SECONDS = 30.0
_PAUSE = 0.02
_ROWS = 16_384


@dataclass(frozen=True)
class Published:
    """What was published, and the seconds from the first message to the last acknowledged."""

    messages: int
    payload_bytes: int
    seconds: float


def publish(
    files: Sequence[InputFile] | Path | str,
    servers: str,
    topic: str | Mapping[str, str],
    partitions: int,
    speed: float = 0,
    stamp: str = "arrival",
    name_channel: bool = True,
) -> Published:
    """How much was published: every record of the files, or of a directory of them, once.

    `topic` is one for all, or one for each channel. Topics that are not there are made, with so
    many partitions, and keep messages of any age. Message i goes to partition i modulo
    `partitions`, which is also its key, and names its channel in the header `moment-channel`,
    unless `name_channel` is off, as in a topic of one channel. Its timestamp is its arrival, by
    which all files are ordered; with `stamp` "now" the clock's. `speed` 0 is as fast as the broker
    takes them, 60 an hour of arrivals a minute. Nobody else may write to the topics meanwhile.
    Raises InputError for a file of no known channel, KafkaException where the broker refuses.
    """
    if stamp not in ("arrival", "now"):
        raise ValueError(f'stamp: expected "arrival" or "now", found {stamp!r}')
    found = _files(files) if isinstance(files, (str, Path)) else list(files)
    plan = plan_replay(found)
    names = [_channel(each) for each in plan.files]
    topics = [topic if isinstance(topic, str) else topic[name] for name in names]
    _make_topics(servers, set(topics), partitions)
    ends = BrokerEnds(servers, sorted(set(topics)), partitions)
    headers = [[(CHANNEL_HEADER, name.encode())] if name_channel else None for name in names]
    route = Route([ends.topics.index(name) for name in topics], headers)
    began = time.monotonic()
    while True:
        sender = Sender(ends, servers, route, ends.taken_for_sure())
        try:
            _send(sender, arranged(plan), began, speed, stamp == "arrival")
        except SenderStoodStill:
            LOGGER.warning("%s: the client sends nothing more; another goes on", servers)
            sender.discard()
        else:
            return Published(sender.messages, sender.payload_bytes, time.monotonic() - began)


def _send(
    sender: Sender, blocks: Iterator[Arranged], began: float, speed: float, stamped: bool
) -> None:
    origin: int | None = None
    for block in blocks:
        origin = int(block.arrived[0]) if origin is None else origin
        for part in _paced(block, origin, began, speed):
            sender.send(part, stamped)
    sender.close()


def arranged(plan: ReplayPlan) -> Iterator[Arranged]:
    """The records of all files in the order of arrival, some ten thousand at a time.

    `channels` are places in `plan.files`. In one file a record arrived no earlier than those before
    it. Holds one batch of each file. Raises InputError for what cannot be a record.
    """
    everything = Pace(plan.origin, plan.end, started=0, speed=0)
    sources = [_in_order(each.file, everything) for each in plan.files]
    held = [next(source, None) for source in sources]
    while any(held):
        least = min(int(part.arrived[-1]) for part in held if part)
        parts: list[tuple[pa.Array, np.ndarray, np.ndarray]] = []
        for place, part in enumerate(held):
            if part is None:
                continue
            count = int(np.searchsorted(part.arrived, least, side="right"))
            parts.append(
                (part.payloads[:count], part.arrived[:count], np.full(count, place, np.int16))
            )
            rest = _Part(part.payloads[count:], part.arrived[count:])
            held[place] = rest if len(rest.arrived) else next(sources[place], None)
        arrived = np.concatenate([each[1] for each in parts])
        order = np.argsort(arrived, kind="stable")
        payloads = pa.concat_arrays([each[0] for each in parts]).take(pa.array(order))
        places = np.concatenate([each[2] for each in parts])
        yield Arranged(payloads, arrived[order], places[order])


class _Part(NamedTuple):
    payloads: pa.Array
    arrived: np.ndarray


def _in_order(file: InputFile, everything: Pace) -> Iterator[_Part]:
    reader = ReplayReader(file, everything, _ROWS, 0, None)
    newest: int | None = None
    while (found := reader.peek(0)) is not None:
        if isinstance(found, Unreadable):
            raise InputError(
                f"{file.path}, record {found.failure.position}: {found.failure.detail}: "
                "publish whole files."
            )
        reader.take(found)
        times = found.payloads.column("arrived_time").cast(pa.int64()).to_numpy()
        yield _Part(found.payloads.column("payload"), newest_until(times, newest))
        newest = found.newest


def _paced(block: Arranged, origin: int, began: float, speed: float) -> Iterator[Arranged]:
    """The block in parts, each when it is due."""
    start, count = 0, len(block.arrived)
    while start < count:
        until = count
        if speed:
            reached = origin + round((time.monotonic() - began) * speed * MICROS)
            until = int(np.searchsorted(block.arrived, reached, side="right"))
        if until <= start:
            time.sleep(_PAUSE)
            continue
        yield Arranged(*(column[start:until] for column in block))
        start = until


def _files(folder: Path | str) -> list[InputFile]:
    """The files of a directory, without what the simulator says of the truth."""
    return [file for file in discover([str(folder)]) if Path(file.path).name != "truth.json"]


def _channel(planned: PlannedFile) -> str:
    if planned.file.channel is None:
        raise InputError(
            f"expected records of a registered channel in {planned.file.path}, found none that is "
            "recognised: name its channel, or leave it out."
        )
    return planned.file.channel


def _make_topics(servers: str, names: set[str], partitions: int) -> None:
    admin = AdminClient({"bootstrap.servers": servers})
    # By default the broker drops what is a week old, and recorded messages are older.
    settings = {"retention.ms": "-1", "max.message.bytes": "9000000"}
    wanted = [NewTopic(name, partitions, 1, config=settings) for name in sorted(names)]
    for made in admin.create_topics(wanted, operation_timeout=_SECONDS).values():
        try:
            made.result(_SECONDS)
        except KafkaException as error:
            if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise
