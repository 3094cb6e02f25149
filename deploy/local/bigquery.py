"""A BigQuery emulator in an environment of its own: REST and Storage Write on this machine.

It keeps its tables in a folder and its streams in memory: after a restart acknowledged rows are
there, and what was pending is not. Load jobs read gs:// from the files of Cloud Storage's emulator.
It knows no quotas, no accounts and no time that a new column takes to be known; columns that a
table lacks it drops without a word.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deploy.local.download import MissingTool, made_once, run_tool
from deploy.local.emulator import Breakable, fresh
from deploy.local.ports import HOST, answers
from deploy.local.processes import Program, start, stop
from deploy.local.storage import FOLDER_OF_TESTS as STORAGE_OF_TESTS
from deploy.local.storage import buckets_of

NAME = "bigquery"
PROJECT = "moment-local"
FOLDER_OF_TESTS = Path(__file__).resolve().parent.parent.parent / "build" / "bigquery-tests"
BUCKETS_OF_TESTS = buckets_of(STORAGE_OF_TESTS)
EMULATOR = "1.4.0"
DUCKDB = "1.5.5"
_PACKAGES = (
    f"bqemulator=={EMULATOR}",
    f"duckdb=={DUCKDB}",
    f"duckdb-extension-spatial=={DUCKDB}",
    "numpy",
    # It parses each statement several times, which compiled takes a third less of its time.
    "sqlglot[c]",
)
_PYTHON = (3, 11)
_SERVER = Path(__file__).resolve().parent / "bigquery_server.py"


def environment() -> Path:
    """Folder of the emulator's environment, made first where it is not there.

    Raises MissingTool where its packages cannot be had.
    """
    if sys.version_info < _PYTHON:
        raise MissingTool("The BigQuery emulator needs Python 3.11 or newer.")

    def make(folder: Path) -> None:
        run_tool(
            [sys.executable, "-m", "venv", str(folder)], "Python could not make an environment"
        )
        python = folder / "bin" / "python"
        run_tool(
            [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
             *_PACKAGES],
            "pip could not fetch the BigQuery emulator",
        )  # fmt: skip
        _bring_extension(folder)

    name = f"bigquery-{EMULATOR}-{DUCKDB}-compiled-py3{sys.version_info.minor}"
    return made_once(name, "BigQuery's emulator (300 MB)", make)


def missing_emulator() -> str | None:
    """Why the emulator cannot run on this machine, in a sentence; None where it can."""
    try:
        environment()
    except MissingTool as missing:
        return str(missing).partition("\n")[0]
    return None


def program(home: Path, folder: Path, rest_port: int, write_port: int, buckets: Path) -> Program:
    """The emulator, ready when it answers over both ports. `home`: its environment.

    `buckets`: folder of the emulator of Cloud Storage that load jobs read from.
    """
    return Program(
        name=NAME,
        command=[
            str(home / "bin" / "python"), str(_SERVER), "start",
            f"--rest-port={rest_port}", f"--grpc-port={write_port}",
            f"--project={PROJECT}", "--log-level=warning",
            f"--data-dir={folder / 'data'}",
        ],
        ready=lambda said: answers(rest_port) and answers(write_port),
        environment={
            "HOME": str(home / "home"),
            "TMPDIR": str(folder / "tmp"),
            # gs:// of a load job: the files that Cloud Storage's emulator keeps.
            "BQEMU_GCS_LOCAL_ROOT": str(buckets),
            # Without the network it would look for an extension that nothing here needs.
            "BQEMU_ENABLE_FORMAT_EXTENSIONS": "false",
        },
        seconds=120.0,
    )  # fmt: skip


@dataclass(frozen=True)
class Emulator(Breakable):
    """A running emulator: where it is, and how a test breaks and mends it."""

    name = NAME
    folder: Path
    rest_port: int
    write_port: int
    buckets: Path = BUCKETS_OF_TESTS

    @property
    def variables(self) -> dict[str, str]:
        """What tells `moment` and Google's client of it."""
        return {
            "BIGQUERY_EMULATOR_HOST": f"http://{HOST}:{self.rest_port}",
            "MOMENT_BIGQUERY_WRITE_EMULATOR": f"{HOST}:{self.write_port}",
        }

    def start(self) -> None:
        """Return when it serves, with the tables that an earlier one held."""
        self.make_folders()
        stop(self.folder, [NAME], seconds=0)
        ports = self.rest_port, self.write_port
        start(self.folder, program(environment(), self.folder, *ports, self.buckets))

    def make_folders(self) -> None:
        for name in ("tmp", "data"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)

    def client(self) -> Any:
        """A google.cloud.bigquery.Client of it."""
        from pipelines.sinks.bigquery.clients import rest_client
        from pipelines.sinks.bigquery.destination import parse_destination

        return rest_client(parse_destination(f"bigquery://{PROJECT}/any", self.variables))


def local_bigquery(folder: Path = FOLDER_OF_TESTS) -> AbstractContextManager[Emulator]:
    """A fresh emulator on free ports; afterwards only its log remains."""
    return fresh(folder, Emulator, ("tmp", "data"))


def _bring_extension(home: Path) -> None:
    """Put DuckDB's spatial extension where DuckDB looks for it, as a download would."""
    python = home / "bin" / "python"
    told = subprocess.run(
        [str(python), "-c",
         "import duckdb, duckdb_extension_spatial as spatial;"
         "print(duckdb.sql('PRAGMA platform').fetchall()[0][0]); print(spatial.__file__)"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if told.returncode:
        raise MissingTool(f"DuckDB's spatial extension is not there: {told.stderr[-300:]}")
    platform, file = told.stdout.split()
    (found,) = Path(file).parent.rglob("spatial.duckdb_extension")
    target = home / "home" / ".duckdb" / "extensions" / f"v{DUCKDB}" / platform
    target.mkdir(parents=True)
    shutil.copy(found, target)
