"""What a job reads, as its arguments name it: files, archives, Kafka topics or subscriptions."""

from __future__ import annotations

import os
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar

from pipelines.errors import OptionError
from pipelines.input_names import channel_and_place
from pipelines.sources.archive import Archive, find_archive
from pipelines.sources.discover import discover
from pipelines.sources.files import InputFile
from pipelines.sources.kafka.settings import KafkaTopic
from pipelines.sources.pubsub.settings import Subscription
from pipelines.storage import in_bucket, join

KAFKA, PUBSUB = "kafka://", "pubsub://"
ARCHIVE = "archive="
"""Before the place of an archive, as the name of a channel is before a file's."""

_Input = TypeVar("_Input", InputFile, KafkaTopic, Subscription)


@dataclass(frozen=True)
class Inputs:
    """Of one kind only: files, archives, topics or subscriptions."""

    files: tuple[InputFile, ...] = ()
    topics: tuple[KafkaTopic, ...] = ()
    subscriptions: tuple[Subscription, ...] = ()
    archives: tuple[Archive, ...] = ()

    @property
    def stored(self) -> bool:
        """Is it all there when the job starts, in files or archives?"""
        return bool(self.files or self.archives)

    @property
    def size_bytes(self) -> int:
        """Of files and archives."""
        files = sum(file.size_bytes for file in self.files)
        return files + sum(archive.size_bytes for archive in self.archives)

    @property
    def names(self) -> list[str]:
        """How each is called in payloads, failed events and balance."""
        return [
            *(file.path for file in self.files),
            *(f"kafka:{topic.topic}" for topic in self.topics),
            *(subscription.input for subscription in self.subscriptions),
            *(archive.name for archive in self.archives),
        ]

    @property
    def channels(self) -> list[str | None]:
        """The channel that each was given, in the order of `names`."""
        return [
            *(file.channel for file in self.files),
            *(topic.channel for topic in self.topics),
            *(subscription.channel for subscription in self.subscriptions),
            *(None for _ in self.archives),
        ]


def parse_inputs(
    given: Sequence[str],
    start: str | None = None,
    pullers: int = 2,
    archived_since: datetime | None = None,
) -> Inputs:
    """Inputs of `INPUT` and `CHANNEL=INPUT` arguments, each once.

    A topic is kafka://HOST:PORT[,HOST:PORT]/TOPIC, a subscription
    pubsub://projects/PROJECT/subscriptions/NAME, an archive archive=WHERE; anything else is a file,
    a glob or a directory. `start` is where topics begin, `archived_since` where archives do. Raises
    OptionError, also for kinds that are mixed, or InputError.
    """
    files: dict[Hashable, InputFile] = {}
    topics: dict[Hashable, KafkaTopic] = {}
    subscriptions: dict[Hashable, Subscription] = {}
    archives: dict[str, Archive] = {}
    for argument in given:
        if argument.startswith(ARCHIVE) and not os.path.exists(argument):
            place = argument.removeprefix(ARCHIVE)
            if not place:
                raise OptionError(f"{argument}: expected a directory or gs://BUCKET/PREFIX after =")
            key = join(place, "") if in_bucket(place) else os.path.realpath(place)
            archives.setdefault(key, find_archive(place, archived_since))
            continue
        channel, place = channel_and_place(argument)
        if place.startswith(KAFKA):
            topic = _topic(place, channel, start or "earliest")
            _add(topics, (frozenset(topic.servers.split(",")), topic.topic), topic, place)
        elif place.startswith(PUBSUB):
            path = place.removeprefix(PUBSUB)
            _add(subscriptions, path, Subscription(path, channel, pullers), place)
        else:
            found = discover([place])
            if channel:
                found = [replace(file, channel=channel) for file in found]
            for file in found:
                key = file.path if in_bucket(file.path) else os.path.realpath(file.path)
                _add(files, key, file, file.path)
    if (bool(files), bool(topics), bool(subscriptions), bool(archives)).count(True) > 1:
        raise OptionError(
            "INPUT: expected files, archives, Kafka topics or Pub/Sub subscriptions, found several"
            " kinds: measure them in jobs of their own"
        )
    if start is not None and not topics:
        raise OptionError(f"--start {start}: expected with Kafka topics only; leave it out")
    return Inputs(
        tuple(files.values()),
        tuple(topics.values()),
        tuple(subscriptions.values()),
        tuple(archives.values()),
    )


def is_topic(argument: str) -> bool:
    """Does an INPUT argument name a Kafka topic?"""
    return channel_and_place(argument)[1].startswith(KAFKA)


def _add(inputs: dict[Hashable, _Input], key: Hashable, found: _Input, place: str) -> None:
    """Each input once, however it is named; a channel that one argument names is its channel."""
    known = inputs.get(key)
    if known is None or known.channel is None:
        inputs[key] = found if known is None else replace(known, channel=found.channel)
    elif found.channel not in (None, known.channel):
        raise OptionError(
            f"{place}: expected one channel, found {known.channel} and {found.channel}; name it"
            " once"
        )


def _topic(place: str, channel: str | None, start: str) -> KafkaTopic:
    servers, slash, topic = place.removeprefix(KAFKA).partition("/")
    if not (servers and slash and topic):
        raise OptionError(
            f"{place}: expected kafka://HOST:PORT/TOPIC, as in kafka://kafka:9092/live"
        )
    return KafkaTopic(servers, topic, channel, start)
