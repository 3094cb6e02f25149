"""Recorded files published to Kafka in the order of arrival, each message with its arrival."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from confluent_kafka import KafkaError, KafkaException, Producer
from confluent_kafka.admin import AdminClient, NewTopic

from pipelines.sources.discover import discover
from pipelines.sources.files import InputError, InputFile
from pipelines.sources.replay_arrivals import newest_until
from pipelines.sources.replay_plan import PlannedFile, ReplayPlan, plan_replay
from pipelines.sources.replay_reader import MICROS, Pace, ReplayReader, Unreadable

HEADER = "moment-channel"
_SECONDS = 30.0
_PAUSE = 0.02
_ROWS = 16_384


class Arranged(NamedTuple):
    """Records of all files that arrived one after the other; `arrived` in µs, never going back."""

    payloads: pa.Array
    arrived: np.ndarray
    channels: np.ndarray


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
    takes them, 60 an hour of arrivals a minute. Raises InputError for a file of no known channel,
    KafkaException where the broker refuses.
    """
    if stamp not in ("arrival", "now"):
        raise ValueError(f'stamp: expected "arrival" or "now", found {stamp!r}')
    found = _files(files) if isinstance(files, (str, Path)) else list(files)
    plan = plan_replay(found)
    names = [_channel(each) for each in plan.files]
    topics = [topic if isinstance(topic, str) else topic[name] for name in names]
    _make_topics(servers, set(topics), partitions)
    sender = _Sender(servers, topics, names if name_channel else [None] * len(names), partitions)
    began = time.monotonic()
    origin: int | None = None
    for block in arranged(plan):
        origin = int(block.arrived[0]) if origin is None else origin
        for part in _paced(block, origin, began, speed):
            sender.send(part, stamp == "arrival")
    sender.close()
    return Published(sender.messages, sender.payload_bytes, time.monotonic() - began)


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


class _Sender:
    """Sends what it is given, and fails where one message was not taken."""

    def __init__(
        self,
        servers: str,
        topics: Sequence[str],
        channels: Sequence[str | None],
        partitions: int,
    ) -> None:
        self.messages = 0
        self.payload_bytes = 0
        # Not a method: with it the producer would hold itself, and outlive what it was made for.
        refused = self._refused = list[KafkaError]()
        self._topics = topics
        self._headers = [[(HEADER, name.encode())] if name else None for name in channels]
        self._keys = [str(number).encode() for number in range(partitions)]
        self._producer = Producer(
            {
                "bootstrap.servers": servers,
                # Without it a message that is sent again could come twice, or after its successor.
                "enable.idempotence": True,
                # What a broker that is gone cannot take waits, for as long as it is gone.
                "message.timeout.ms": 0,
                "linger.ms": 20,
                "batch.num.messages": 20_000,
                "batch.size": 1_000_000,
                "message.max.bytes": 9_000_000,
                "queue.buffering.max.messages": 200_000,
                "queue.buffering.max.kbytes": 262_144,
                "delivery.report.only.error": True,
                "on_delivery": lambda error, _: refused.append(error),
            }
        )

    def send(self, part: Arranged, stamped: bool) -> None:
        keys, topics, headers = self._keys, self._topics, self._headers
        produce, partitions, number = self._producer.produce, len(keys), self.messages
        stamps = (part.arrived // 1000).tolist() if stamped else [0] * len(part.arrived)
        for payload, place, stamp in zip(part.payloads.to_pylist(), part.channels.tolist(), stamps):
            partition = number % partitions
            number += 1
            while True:
                try:
                    produce(
                        topics[place],
                        payload,
                        keys[partition],
                        partition,
                        timestamp=stamp,
                        headers=headers[place],
                    )
                    break
                except BufferError:
                    self._producer.poll(0.1)
                    self._check()
            self.payload_bytes += len(payload)
        self.messages = number
        self._producer.poll(0)
        self._check()

    def close(self) -> None:
        left = self._producer.flush(_SECONDS)
        self._check()
        if left:
            raise KafkaException(
                f"expected every message to be taken within {_SECONDS:g} s, found {left} waiting: "
                "look at the broker's log."
            )

    def _check(self) -> None:
        if self._refused:
            raise KafkaException(self._refused[0])


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
