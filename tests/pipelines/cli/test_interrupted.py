"""Whoever interrupts a command is told so in a line, whatever it was about."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.pipelines.cli.said import MAILJET, Said, tree

INTERRUPTING = """
import os, signal, sys
from pipelines.moment import main

events, what = sys.argv[1:3]
del sys.argv[1:3]
armed = True

def interrupt(name, arguments):
    global armed
    if armed and name in events.split() and what in str(arguments):
        armed = False
        os.kill(os.getpid(), signal.SIGINT)

sys.addaudithook(interrupt)
sys.exit(main())
"""
"""`moment`, interrupted once at one of some events of Python's that names something."""

HEEDING = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
"""What a shell starts in the background ignores interruptions, and so would what that starts."""


def interrupted(at: tuple[str, str], *arguments: object) -> Said:
    done = subprocess.run(
        [sys.executable, "-c", HEEDING + INTERRUPTING, *at, *map(str, arguments)],
        capture_output=True,
        text=True,
    )
    return Said(done.returncode, done.stdout, done.stderr)


@pytest.mark.parametrize(
    "at",
    [
        ("import", "pipelines.cli"),
        ("import", "argparse"),
        ("import", "pyarrow"),
        ("import", "apache_beam"),
        ("import", "pipelines.graph"),
        ("open", "mailjet.ndjson"),
        ("os.mkdir", ".incoming"),
        # A file gets its name, by one or the other as the file system can.
        ("os.link os.rename", "events/day="),
        ("os.link os.rename", "metrics/day="),
    ],
    ids="-".join,
)
def test_a_measure_that_is_interrupted_says_so_and_leaves_nothing(
    tmp_path: Path, at: tuple[str, str]
) -> None:
    said = interrupted(at, "measure", MAILJET, "--output", tmp_path / "out")

    assert said == Said(130, "", "interrupted\n")
    assert tree(tmp_path) == set()


@pytest.mark.parametrize(
    ("at", "arguments"),
    [
        (("open", "mailjet.ndjson"), ("check", MAILJET)),
        (("import", "pipelines.simulator.story"), ("simulate", "--output", "{}/live")),
        (("os.mkdir", "native"), ("demo", "--output", "{}/demo", "--people", "30")),
        (("import", "pipelines.metric_docs"), ("metrics",)),
    ],
    ids=lambda given: given[0],
)
def test_so_does_every_other_command(
    tmp_path: Path, at: tuple[str, str], arguments: tuple[str, ...]
) -> None:
    said = interrupted(at, *(each.format(tmp_path) for each in arguments))

    assert said == Said(130, "", "interrupted\n")


def test_who_ignores_interruptions_is_not_interrupted() -> None:
    ignoring = f"import signal; signal.signal({signal.SIGINT:d}, signal.SIG_IGN)\n"
    done = subprocess.run(
        [sys.executable, "-c", ignoring + INTERRUPTING, "import", "pyarrow", "channels"],
        capture_output=True,
        text=True,
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert "mailjet: " in done.stdout
