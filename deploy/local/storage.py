"""An emulator of Google Cloud Storage, built by Go once into ${MOMENT_CACHE:-~/.cache/moment}.

fake-gcs-server keeps objects as files in a folder, where BigQuery's emulator loads them from. It
knows no accounts, no rights, no keys and no lifecycle: nothing in it is refused or expires.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deploy.local.download import MissingTool, go_install, made_once
from deploy.local.emulator import Breakable, fresh
from deploy.local.ports import HOST, answers
from deploy.local.processes import Program, start, stop

NAME = "storage"
PROJECT = "moment-local"
FOLDER_OF_TESTS = Path(__file__).resolve().parent.parent.parent / "build" / "storage-tests"
SERVER = "1.56.1"


def server() -> Path:
    """Path of the emulator's binary; built first where it is not in the cache.

    Raises MissingTool where it must be built and Go is not there, or fails.
    """

    def make(folder: Path) -> None:
        go_install(f"github.com/fsouza/fake-gcs-server@v{SERVER}", folder)

    name = f"fake-gcs-server-{SERVER}"
    return made_once(name, "Cloud Storage's emulator (50 MB)", make) / "bin" / "fake-gcs-server"


def missing_emulator() -> str | None:
    """Why the emulator cannot run on this machine, in a sentence; None where it can."""
    try:
        server()
    except MissingTool as missing:
        return str(missing).partition("\n")[0]
    return None


def buckets_of(folder: Path) -> Path:
    """Folder that holds a folder a bucket, and in it a file an object, under its own name."""
    return folder / "data" / "buckets"


def program(binary: Path, folder: Path, port: int) -> Program:
    """The emulator, ready when it answers."""
    return Program(
        name=NAME,
        command=[
            str(binary), "-scheme=http", f"-host={HOST}", f"-port={port}",
            f"-public-host={HOST}:{port}", f"-external-url=http://{HOST}:{port}",
            "-backend=filesystem", f"-filesystem-root={buckets_of(folder)}", "-log-level=warn",
        ],
        ready=lambda said: answers(port),
    )  # fmt: skip


@dataclass(frozen=True)
class Emulator(Breakable):
    """A running emulator: where it is, and how a test breaks and mends it."""

    name = NAME
    folder: Path
    port: int

    @property
    def variables(self) -> dict[str, str]:
        """What tells `moment` and Google's client of it."""
        return {"STORAGE_EMULATOR_HOST": f"http://{HOST}:{self.port}"}

    def start(self) -> None:
        """Return when it serves, with the objects that an earlier one held."""
        buckets_of(self.folder).mkdir(parents=True, exist_ok=True)
        stop(self.folder, [NAME], seconds=0)
        start(self.folder, program(server(), self.folder, self.port))

    def client(self) -> Any:
        """A google.cloud.storage.Client of it."""
        from google.api_core.client_options import ClientOptions
        from google.auth.credentials import AnonymousCredentials
        from google.cloud.storage import Client

        return Client(
            PROJECT,
            credentials=AnonymousCredentials(),
            client_options=ClientOptions(api_endpoint=self.variables["STORAGE_EMULATOR_HOST"]),
        )

    def create(self, bucket: str) -> None:
        """Make an empty bucket."""
        self.client().create_bucket(bucket)

    def put(self, address: str, content: bytes) -> None:
        """Write an object, gs://BUCKET/NAME, whose bucket is there."""
        bucket, _, name = address.removeprefix("gs://").partition("/")
        self.client().bucket(bucket).blob(name).upload_from_string(content)

    def names(self, bucket: str, prefix: str = "") -> list[str]:
        """Names of the objects of a bucket that begin with a prefix, sorted."""
        found = self.client().list_blobs(bucket, prefix=prefix or None)
        return sorted(blob.name for blob in found)


def local_storage(folder: Path = FOLDER_OF_TESTS) -> AbstractContextManager[Emulator]:
    """A fresh emulator on a free port; afterwards only its log remains."""
    return fresh(folder, lambda place, port, _: Emulator(place, port), ("data",))
