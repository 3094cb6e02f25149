"""Environments of their own, in the cache, for tools that cannot share one with Beam."""

from __future__ import annotations

import sys
from pathlib import Path

from deploy.local.download import _made, _run

CHECKOV = ("checkov==3.3.30",)
AIRFLOW = (
    "apache-airflow==3.3.2",
    "apache-airflow-providers-google==22.8.0",
)


def environment(name: str, packages: tuple[str, ...]) -> Path:
    """The folder of an environment with these packages, made once. Raises MissingTool."""

    def make(folder: Path) -> None:
        made = folder / "environment"
        _run([sys.executable, "-m", "venv", str(made)], "Python could not make an environment")
        _run(
            [str(made / "bin" / "python"), "-m", "pip", "install", "--quiet",
             "--disable-pip-version-check", *packages],
            f"pip could not install {', '.join(packages)}",
        )  # fmt: skip

    version = packages[0].partition("==")[2]
    return _made(f"{name}-{version}", f"{name}, for its checks", make) / "environment"


def python_of(name: str, packages: tuple[str, ...]) -> str:
    """The Python of such an environment: its scripts name the folder that it was made in."""
    return str(environment(name, packages) / "bin" / "python")
