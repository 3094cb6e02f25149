"""A command of `moment` as a job of one element: a worker runs it, in a process of its own.

A Flex Template must write a graph, and its launcher is no machine for a day's figures. The command
is one process whose steps depend on each other: the graph gives it a machine, not parallel work.
"""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence

import apache_beam as beam

from pipelines.errors import IN_USE
from pipelines.keys import KEY_VARIABLE

PATIENCE, PAUSE = 900.0, 30.0
"""Seconds. A worker that was lost had the dataset for its lease (`pipelines.backfill.lease`), which
is five minutes: the next attempt must be there when it has ended, for there are few."""

_LOG = logging.getLogger(__name__)


class CommandError(RuntimeError):
    """A command that did not end with 0: one sentence."""


def run_command(
    line: Sequence[str],
    variables: Mapping[str, str],
    say: Callable[[str], None],
    patience: float = PATIENCE,
    pause: float = PAUSE,
) -> None:
    """Run `moment LINE...` until it ends with 0, each line that it prints told as it comes.

    While another changes the dataset it is run again, for `patience` seconds. Raises CommandError.
    """
    until = time.monotonic() + patience
    while True:
        code, last = _run(line, variables, say)
        if code == 0:
            return
        if code != IN_USE or time.monotonic() + pause > until:
            raise CommandError(_sentence(line[0], code, last))
        say(f"moment {line[0]}: run again in {pause:.0f} s")
        time.sleep(pause)


def _run(
    line: Sequence[str], variables: Mapping[str, str], say: Callable[[str], None]
) -> tuple[int, str]:
    """Its exit code, and its sentence about that, or else the last line it printed."""
    last = sentence = ""
    with subprocess.Popen(
        [sys.executable, "-u", "-m", "pipelines", *line],
        env={**os.environ, **variables},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        assert process.stdout is not None
        for printed in process.stdout:
            if told := printed.rstrip():
                say(told)
                last = told
                sentence = (
                    told.removeprefix("moment: ") if told.startswith("moment: ") else sentence
                )
    return process.returncode, sentence or last


def _sentence(command: str, code: int, last: str) -> str:
    expected = f"moment {command}: expected exit code 0, found"
    if code < 0:
        return (
            f"{expected} that it was killed by {signal.Signals(-code).name}, as where memory runs"
            " out; give a larger machine type: what is done is done"
        )
    return f"{expected} {code}: {last or 'it said nothing'}"


class _RunCommand(beam.DoFn):
    """Arguments → nothing; the key of pseudonyms is read where it is used."""

    def __init__(self, secret: str, secret_of: Callable[[str], str]) -> None:
        self._secret, self._secret_of = secret, secret_of

    def process(self, line: tuple[str, ...]) -> None:
        run_command(line, {KEY_VARIABLE: self._secret_of(self._secret)}, _LOG.info)


class RunOnWorker(beam.PTransform):
    """Runs one command of `moment`; gives nothing. Bounded.

    `secret` is the name of the pseudonym key, so that the graph has no key in it. Where a runner
    tries a bundle again the command runs again: it must bear that.
    """

    def __init__(self, line: Sequence[str], secret: str, secret_of: Callable[[str], str]) -> None:
        super().__init__()
        self._line, self._run = tuple(line), _RunCommand(secret, secret_of)

    def expand(self, root: beam.Pipeline) -> beam.PCollection:
        return (
            root
            | "Arguments" >> beam.Create([self._line])
            # What is tried again is the command alone.
            | "Reshuffle" >> beam.Reshuffle()
            | "RunCommand" >> beam.ParDo(self._run)
        )
