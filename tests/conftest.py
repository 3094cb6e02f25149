"""What every test may count on: no key of this machine's user, and the job run in process.

Laws are tried on other examples each time `make test` runs, and on the same ones in CI: what it says
of a change is then said of the change. No example has a deadline, for tests share their cores.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from pipelines.arguments import add_measure_arguments
from pipelines.keys import KEY_VARIABLE
from pipelines.measure import Measured, measure
from pipelines.options import measure_options
from tests.beam import remembering
from tests.laws import USUAL, examples

KEY = "a key that tests alone may use"

settings.register_profile("explore", examples(USUAL), deadline=None)
settings.register_profile("repeat", examples(USUAL), deadline=None, derandomize=True)
settings.load_profile("repeat" if os.environ.get("MOMENT_EVERYTHING") else "explore")


@pytest.fixture(scope="session", autouse=True)
def _beam_remembers() -> Iterator[None]:
    with remembering():
        yield


@pytest.fixture(scope="session", autouse=True)
def _own_key(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Pseudonyms are the same on every machine, and nobody's key file is read or made."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(KEY_VARIABLE, KEY)
        patch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.mktemp("config")))
        yield


@pytest.fixture
def hasty() -> Iterator[None]:
    """Threads that take turns as often as they can, so that one comes between any two lines."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.fixture
def anonymous(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beam connects to Google's services, or what stands for them, without credentials; it asks a
    machine that has none for half a minute."""
    from apache_beam.internal.gcp import auth

    monkeypatch.setattr(auth._Credentials, "_credentials_init", True)


@pytest.fixture(scope="session")
def measured() -> Callable[..., Measured]:
    """`moment measure INPUT... --output DIR ARGUMENT...` without the command line around it."""

    def run(inputs: list[Path] | list[str], output: Path, *arguments: str) -> Measured:
        parser = argparse.ArgumentParser()
        add_measure_arguments(parser)
        given = [*map(str, inputs), "--output", str(output), *arguments]
        return measure(measure_options(parser.parse_args(given), ()))

    return run
