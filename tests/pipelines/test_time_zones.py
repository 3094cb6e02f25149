"""Civil time zones: which are known, and a machine that has none."""

from __future__ import annotations

import shlex
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

from pipelines import time_zones
from pipelines.cli import main
from pipelines.time_zones import is_time_zone

ROOT = Path(__file__).parents[2]
HIDDEN = ["unshare", "--mount", "--map-root-user", "sh", "-c"]
COVER = "mount -t tmpfs none /usr/share/zoneinfo && "


@pytest.mark.parametrize("name", ["UTC", "Europe/Paris", "CET", "Etc/GMT+5"])
def test_names_of_the_iana_database_are_zones(name: str) -> None:
    assert is_time_zone(name)


@pytest.mark.parametrize(
    "name", ["Europe/Lutece", "../../etc/passwd", "", "Factory", "posix/Europe/Paris", "+01:00"]
)
def test_what_python_or_arrow_does_not_know_is_none(name: str) -> None:
    assert not is_time_zone(name)


def _may_hide() -> bool:
    try:
        hidden = subprocess.run([*HIDDEN, COVER + "true"], capture_output=True)
    except OSError:
        return False
    return hidden.returncode == 0


def test_a_machine_without_zones_is_told_which_package_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """In a process that has none; where a machine lets nobody hide them, as if Arrow found none."""
    line = ["measure", "tests/fixtures/survey.ndjson", "--output", f"{tmp_path}/out"]
    line += ["--time-zone", "UTC"]
    monkeypatch.chdir(ROOT)
    if _may_hide():
        command = COVER + shlex.join([sys.executable, "-m", "pipelines", *line])
        code = subprocess.run([*HIDDEN, command]).returncode
    else:
        warnings.warn("this machine lets nobody hide /usr/share/zoneinfo", stacklevel=1)
        monkeypatch.setattr(time_zones, "_in_arrow", lambda name: False)
        code = main(line)

    assert (code, *capfd.readouterr()) == (
        2,
        "",
        "moment: time zones: expected the operating system's database in /usr/share/zoneinfo,"
        " found none; install its package tzdata (apt-get, apk or dnf install tzdata)\n",
    )
    assert not (tmp_path / "out").exists()
