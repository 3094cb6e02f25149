"""Civil time zones: which are known, and a machine that has none."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

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


def test_a_machine_without_zones_is_told_which_package_to_install(tmp_path: Path) -> None:
    try:
        subprocess.run([*HIDDEN, COVER + "true"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("this machine lets nobody hide /usr/share/zoneinfo from a process")
    command = f"{sys.executable} -m pipelines measure tests/fixtures/survey.ndjson --output "
    done = subprocess.run(
        [*HIDDEN, f"{COVER}{command}{tmp_path}/out --time-zone UTC"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "moment: time zones: expected the operating system's database in /usr/share/zoneinfo,"
        " found none; install its package tzdata (apt-get, apk or dnf install tzdata)\n"
    )
    assert not (tmp_path / "out").exists()
