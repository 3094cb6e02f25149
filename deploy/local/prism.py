"""Prism, Beam's local streaming runner, built by Go once into ${MOMENT_CACHE:-~/.cache/moment}."""

from __future__ import annotations

from pathlib import Path

from deploy.local.download import MissingTool, go_install, made_once

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
    go_install(f"github.com/apache/beam/sdks/v2/go/cmd/prism@v{PRISM}", folder)
