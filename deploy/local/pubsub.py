"""Google's Pub/Sub emulator: found where the Google Cloud SDK is, and run on this machine.

It keeps everything in memory: after a restart there is no topic and no subscription. It knows no
permissions, no quotas and no ordering guarantees of the service.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deploy.local.download import MissingTool, java
from deploy.local.emulator import Breakable, fresh
from deploy.local.ports import HOST
from deploy.local.processes import Program, start, stop

NAME = "pubsub"
PROJECT = "moment-local"
FOLDER_OF_TESTS = Path(__file__).resolve().parent.parent.parent / "build" / "pubsub-tests"
MESSAGES_A_REQUEST = 1000
_JAR = "platform/pubsub-emulator/lib/cloud-pubsub-emulator-*-all.jar"
_USUAL_ROOTS = (
    "~/google-cloud-sdk",
    "/usr/lib/google-cloud-sdk",
    "/usr/local/google-cloud-sdk",
    "/usr/share/google-cloud-sdk",
    "/opt/google-cloud-sdk",
    "/snap/google-cloud-sdk/current",
)


def emulator_jar() -> Path:
    """The emulator's jar. Raises MissingTool where no Google Cloud SDK has it."""
    for root in _roots(os.environ):
        found = sorted(root.glob(_JAR))
        if found:
            return found[-1]
    raise MissingTool(
        "The Pub/Sub emulator is needed and none was found: install it with `gcloud components "
        "install pubsub-emulator` (on Debian: google-cloud-cli-pubsub-emulator), or set "
        "CLOUDSDK_ROOT to the folder of a Google Cloud SDK that has it."
    )


def missing_emulator() -> str | None:
    """Why the emulator cannot run on this machine, in a sentence; None where it can."""
    try:
        java()
        emulator_jar()
    except MissingTool as missing:
        return str(missing)
    return None


def program(java: str, jar: Path, folder: Path, port: int, iam_port: int) -> Program:
    """The emulator, ready when it says that it listens. It opens a second port, for IAM."""
    return Program(
        name=NAME,
        command=[
            # All messages are in memory: half a million in two subscriptions do not fit 0.5 GB.
            java, "-Xmx3g", "-XX:+UseSerialGC", "-XX:-UsePerfData",
            f"-Djava.io.tmpdir={folder / 'tmp'}", "-jar", str(jar),
            f"--host={HOST}", f"--port={port}", f"--iam_host={HOST}", f"--iam_port={iam_port}",
        ],
        ready=lambda said: "Server started, listening on" in said,
    )  # fmt: skip


@dataclass(frozen=True)
class Emulator(Breakable):
    """A running emulator: where it is, what it holds, and how a test breaks and mends it."""

    name = NAME
    folder: Path
    port: int
    iam_port: int

    @property
    def address(self) -> str:
        """host:port, for PUBSUB_EMULATOR_HOST."""
        return f"{HOST}:{self.port}"

    def start(self) -> None:
        """Return when it serves. What an earlier one held is gone."""
        (self.folder / "tmp").mkdir(parents=True, exist_ok=True)
        stop(self.folder, [NAME], seconds=0)
        start(self.folder, program(java(), emulator_jar(), self.folder, self.port, self.iam_port))

    def create(self, name: str, acknowledge_seconds: int = 10) -> str:
        """A topic and a subscription to it, both of this name; the subscription's path."""
        self.publisher().create_topic(name=self.topic(name))
        return self.subscribe(name, name, acknowledge_seconds)

    def subscribe(self, name: str, topic: str, acknowledge_seconds: int = 10) -> str:
        """A further subscription to a topic, which gets all that is published from now on."""
        path = f"projects/{PROJECT}/subscriptions/{name}"
        self.subscriber().create_subscription(
            request={
                "name": path,
                "topic": self.topic(topic),
                "ack_deadline_seconds": acknowledge_seconds,
            }
        )
        return path

    def topic(self, name: str) -> str:
        """Path of a topic in the emulator's project."""
        return f"projects/{PROJECT}/topics/{name}"

    def publish(
        self, name: str, payloads: Sequence[bytes], attributes: Mapping[str, str] | None = None
    ) -> list[str]:
        """Publish payloads, each with the same attributes; their message ids, in order."""
        publisher = self.publisher()
        ids: list[str] = []
        for begin in range(0, len(payloads), MESSAGES_A_REQUEST):
            messages = [
                {"data": payload, "attributes": dict(attributes or {})}
                for payload in payloads[begin : begin + MESSAGES_A_REQUEST]
            ]
            answer = publisher.publish(
                request={"topic": self.topic(name), "messages": messages}, timeout=30
            )
            ids.extend(answer.message_ids)
        return ids

    def publisher(self) -> Any:
        """A PublisherClient of the emulator."""
        from google.pubsub_v1 import PublisherClient
        from google.pubsub_v1.services.publisher.transports import PublisherGrpcTransport

        return PublisherClient(transport=PublisherGrpcTransport(channel=self._channel()))

    def subscriber(self) -> Any:
        """A SubscriberClient of the emulator."""
        from google.pubsub_v1 import SubscriberClient
        from google.pubsub_v1.services.subscriber.transports import SubscriberGrpcTransport

        return SubscriberClient(transport=SubscriberGrpcTransport(channel=self._channel()))

    def _channel(self) -> Any:
        import grpc

        return grpc.insecure_channel(
            self.address, options=[("grpc.max_receive_message_length", -1)]
        )


def local_emulator(folder: Path = FOLDER_OF_TESTS) -> AbstractContextManager[Emulator]:
    """A fresh emulator on free ports; afterwards only its log remains."""
    return fresh(folder, Emulator, ("tmp",))


def _roots(environment: Mapping[str, str]) -> Iterator[Path]:
    """Folders that may be a Google Cloud SDK: said, found on PATH, usual."""
    for variable in ("CLOUDSDK_ROOT", "CLOUDSDK_ROOT_DIR"):
        if environment.get(variable):
            yield Path(environment[variable]).expanduser()
    for tool in ("gcloud", "cloud-pubsub-emulator"):
        found = shutil.which(tool)
        if found:
            yield from Path(found).resolve().parents
    for root in _USUAL_ROOTS:
        yield Path(root).expanduser()
