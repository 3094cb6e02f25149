"""Environments of their own, in the cache, for tools that cannot share one with Beam.

`python -m deploy.environments` makes both: some minutes, once. The tests make them only where all
must run.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from deploy.local.download import MissingTool, cache, made_once, run_tool

CHECKOV = ("checkov==3.3.30",)
AIRFLOW = (
    "apache-airflow==3.3.2",
    "apache-airflow-providers-google==22.8.0",
    # Without it Google's operator of Flex Templates cannot be imported, which only an import tells.
    "apache-airflow-providers-apache-beam==6.3.1",
)


def make_environment(name: str, packages: tuple[str, ...]) -> str:
    """The Python of an environment with these packages, made once. Raises MissingTool.

    Tools are run as its modules: its scripts name the folder that it was made in.
    """

    def make(folder: Path) -> None:
        made = folder / "environment"
        run_tool([sys.executable, "-m", "venv", str(made)], "Python could not make an environment")
        run_tool(
            [str(made / "bin" / "python"), "-m", "pip", "install", "--quiet",
             "--disable-pip-version-check", *packages],
            f"pip could not install {', '.join(packages)}",
        )  # fmt: skip

    made_once(_folder(name, packages), f"{name}, for its checks", make)
    return str(cache() / _folder(name, packages) / "environment" / "bin" / "python")


def python_of(name: str, packages: tuple[str, ...]) -> str:
    """The same for a test. Raises MissingTool also where it is not made, and may be left out."""
    if not os.environ.get("MOMENT_EVERYTHING") and not (cache() / _folder(name, packages)).is_dir():
        raise MissingTool(f"{name} is not installed: `python -m deploy.environments` does it.")
    return make_environment(name, packages)


def _folder(name: str, packages: tuple[str, ...]) -> str:
    return f"{name}-{packages[0].partition('==')[2]}"


if __name__ == "__main__":
    make_environment("checkov", CHECKOV)
    make_environment("apache-airflow", AIRFLOW)
