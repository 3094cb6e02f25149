"""A disk that is full and a right that is missing are told in a sentence, a fault of ours is not."""

from __future__ import annotations

import errno
import re
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from pipelines.io_errors import io_sentence
from tests.pipelines.cli.said import MAILJET, Said, tree

LIMITED = """
import resource, sys
from pipelines.moment import main

resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv.pop(1)),) * 2)
sys.exit(main())
"""
"""`moment` on a disk that takes no file of more bytes."""
WAY_ON = "; mend that, and run the same command again"


def limited(most_bytes: int, *arguments: object) -> Said:
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(most_bytes), *map(str, arguments)],
        capture_output=True,
        text=True,
    )
    return Said(done.returncode, done.stdout, done.stderr)


def test_a_table_that_the_disk_does_not_take_is_told_with_its_file_and_the_reason(
    tmp_path: Path,
) -> None:
    said = limited(1_000, "measure", MAILJET, "--output", tmp_path / "out")

    assert (said.code, said.out) == (1, "")
    assert re.fullmatch(
        rf"moment: {tmp_path}/out/\.incoming/\w+/day=2026-\d\d-\d\d/part-\w+\.parquet:"
        rf" expected to read and write it, found File too large{WAY_ON}\n",
        said.err,
    )
    assert tree(tmp_path) == set()


def test_views_that_the_disk_does_not_take_are_told_with_their_file(tmp_path: Path) -> None:
    said = limited(250_000, "measure", MAILJET, "--output", tmp_path / "out")

    assert (said.code, said.out) == (1, "")
    assert said.err.startswith("moment: expected to read and write, found: Could not write")
    assert "moment.duckdb" in said.err
    assert said.err.count("\n") == 1
    assert not [name for name in tree(tmp_path) if "moment.duckdb" in name]


@pytest.mark.parametrize("command", ["simulate", "demo"])
def test_events_of_a_simulation_that_the_disk_does_not_take_are_told_with_their_place(
    tmp_path: Path, command: str
) -> None:
    said = limited(1_000, command, "--output", tmp_path / "x", "--people", "30", "--minutes", "10")

    assert said == Said(
        2,
        "",
        f"moment: --output {tmp_path}/x: expected to write in it, found File too large; name another"
        " directory\n",
    )


SENTENCES = {
    "a file": (
        PermissionError(errno.EACCES, "Permission denied", "figures/run.json"),
        "figures/run.json: expected to read and write it, found Permission denied" + WAY_ON,
    ),
    "no file known": (
        OSError(errno.EIO, "Input/output error"),
        "expected to read and write, found Input/output error" + WAY_ON,
    ),
    "in Arrow's words": (
        OSError(errno.ENOENT, "Failed to open local file '/gone'. Detail: [errno 2] No such file"),
        "/gone: expected to read and write it, found No such file or directory" + WAY_ON,
    ),
    "in Beam's words": (
        RuntimeError(
            "OSError: [Errno 30] Read-only file system: '/mnt/it's/part' [while running 'A/B']"
        ),
        "/mnt/it's/part: expected to read and write it, found Read-only file system" + WAY_ON,
    ),
    "below Beam's traceback": (
        RuntimeError(
            "Traceback (most recent call last):\n  File 'x', line 1\n"
            "FileNotFoundError: [Errno 2] No such file or directory: '/gone'\n"
        ),
        "/gone: expected to read and write it, found No such file or directory" + WAY_ON,
    ),
    "of DuckDB": (
        duckdb.IOException('IO Error: Could not write file "/full/a": No space left on device'),
        'expected to read and write, found: Could not write file "/full/a": No space left on'
        " device" + WAY_ON,
    ),
    "a key": (KeyError("channel"), None),
    "a key in Beam's words": (RuntimeError("KeyError: 'channel' [while running 'A']"), None),
    "a value that talks of one": (ValueError("[Errno 28] No space left on device"), None),
    "a mistake in SQL": (duckdb.BinderException("Binder Error: no column"), None),
    "no errno": (OSError("Couldn't deserialize thrift"), None),
}


@pytest.mark.parametrize(("error", "sentence"), SENTENCES.values(), ids=SENTENCES)
def test_what_is_told_in_a_sentence(error: Exception, sentence: str | None) -> None:
    assert io_sentence(error) == sentence
