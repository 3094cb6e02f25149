"""Beam's pool of Python workers: the cluster asks it for a worker per slot and job."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from deploy.local.ports import Ports, answers
from deploy.local.processes import Program


def worker_pool(
    folder: Path, ports: Ports, code: Path, known: Mapping[str, str] | None = None
) -> Program:
    """The pool, in this Python's environment, ready when it accepts connections.

    Workers find modules in `code`, the folder of the checkout, also those that are not installed.
    `known`: variables of theirs besides.
    """
    # The pool starts `python` from PATH, which must be the environment that holds Beam.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    modules = os.pathsep.join([str(code), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
    return Program(
        name="worker_pool",
        command=[
            sys.executable,
            "-m",
            "apache_beam.runners.worker.worker_pool_main",
            f"--service_port={ports.worker_pool}",
        ],
        environment={
            "PATH": path,
            "PYTHONPATH": modules,
            "TMPDIR": str(folder / "tmp"),
            **(known or {}),
        },
        directory=code,
        ready=lambda said: answers(ports.worker_pool),
    )
