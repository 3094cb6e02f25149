"""`terraform validate`, where the providers can be had: in a mirror, in a cache, or quickly."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

MOST_SECONDS = 8
"""For fetching the providers: who has neither mirror nor cache waits no longer."""


def why_not_validated(folder: Path) -> str | None:
    """None where Terraform itself found a configuration valid, else why it could not look at it.

    Raises AssertionError with what Terraform says, where it is not valid.
    """
    if shutil.which("terraform") is None:
        return "terraform is needed and was not found: install it."
    # Who cannot be reached is asked once.
    told = {"TF_REGISTRY_DISCOVERY_RETRY": "0", "TF_REGISTRY_CLIENT_TIMEOUT": "3",
            "CHECKPOINT_DISABLE": "1", "TF_IN_AUTOMATION": "1"}  # fmt: skip
    environment = {**os.environ, **told, "TF_DATA_DIR": str(folder / ".terraform")}
    try:
        begun = subprocess.run(
            ["terraform", f"-chdir={folder}", "init", "-backend=false", "-input=false", "-no-color"],
            capture_output=True, text=True, check=False, env=environment, timeout=MOST_SECONDS,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return f"the providers could not be had in {MOST_SECONDS} s: set TF_PLUGIN_CACHE_DIR."
    if begun.returncode != 0 and _of_providers(begun.stderr):
        return "the providers could not be had: no mirror, no cache and no registry has them."
    assert begun.returncode == 0, begun.stderr
    ended = subprocess.run(
        ["terraform", f"-chdir={folder}", "validate", "-json"],
        capture_output=True, text=True, check=False, env=environment,
    )  # fmt: skip
    found = json.loads(ended.stdout)
    assert found["valid"], json.dumps(found["diagnostics"], indent=1)
    return None


def _of_providers(said: str) -> bool:
    return "Failed to query available provider packages" in said or (
        "Failed to install provider" in said
    )
