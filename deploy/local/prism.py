"""Prism, Beam's local streaming runner, built by Go once into ${MOMENT_CACHE:-~/.cache/moment}."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from deploy.local.download import MissingTool, made_once, run_tool

PRISM = "2.77.0"
"""The version of Beam's Python SDK: Prism and SDK are released together."""


def prism() -> Path:
    """Path of the prism binary, for --prism_location; built first where it is not in the cache.

    The build fetches Go's modules (about 1 GB, removed afterwards) and takes some minutes. Raises
    MissingTool where it must be built and Go is not there, or fails.
    """
    return made_once(f"prism-{PRISM}", "Beam's Prism", _install) / "bin" / "prism"


def missing_prism() -> str | None:
    """Why Prism cannot run on this machine, in a sentence; None where it can."""
    try:
        prism()
    except MissingTool as missing:
        return str(missing)
    return None


def _install(folder: Path) -> None:
    build = folder / "build"
    # Modules that Go makes read-only could not be removed; without cgo no C compiler is needed.
    settings = {
        "GOBIN": folder / "bin",
        "GOPATH": build,
        "GOCACHE": build / "cache",
        "GOMODCACHE": build / "modules",
        "GOFLAGS": f"{os.environ.get('GOFLAGS', '')} -modcacherw".strip(),
        "CGO_ENABLED": 0,
    }
    run_tool(
        ["env", *(f"{name}={value}" for name, value in settings.items()),
         _go(), "install", f"github.com/apache/beam/sdks/v2/go/cmd/prism@v{PRISM}"],
        "Go could not build Prism",
    )  # fmt: skip
    shutil.rmtree(build)


def _go() -> str:
    found = shutil.which("go")
    if not found:
        raise MissingTool("Go is needed to build Prism and none was found: install it (go.dev).")
    return found
