"""A scan by checkov's rules for Google Cloud finds nothing, and what is left out says why."""

from __future__ import annotations

import json
import re
import subprocess
from functools import cache
from typing import Any

import pytest

from deploy.environments import CHECKOV, python_of
from deploy.local.download import MissingTool
from tests.e2e.needs import need
from tests.terraform.configuration import TERRAFORM

# The first run makes an environment; pytest counts that to the first test.
pytestmark = pytest.mark.timeout(1800)


@cache
def _report() -> dict[str, Any]:
    try:
        python = python_of("checkov", CHECKOV)
    except MissingTool as missing:
        need(str(missing), "policy scan of Terraform's files")
        raise
    ended = subprocess.run(
        [python, "-m", "checkov.main", "--directory", str(TERRAFORM), "--framework", "terraform",
         "--skip-download", "--quiet", "--compact", "--output", "json"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ended.stdout, ended.stderr
    report: dict[str, Any] = json.loads(ended.stdout)
    return report


def test_a_policy_scan_finds_nothing():
    report = _report()
    failed = [
        f"{check['check_id']} {check['check_name']}: {check['resource']}"
        for check in report["results"]["failed_checks"]
    ]

    assert failed == []
    assert report["summary"]["parsing_errors"] == 0
    # Not because nothing was looked at.
    assert report["summary"]["passed"] >= 70
    assert report["summary"]["skipped"] == 9


def test_what_a_policy_scan_leaves_out_says_why():
    reasons = {
        match[1]: match[2]
        for path in TERRAFORM.rglob("*.tf")
        for match in re.finditer(r"#checkov:skip=(\w+):(.*)", path.read_text())
    }

    assert set(reasons) == {"CKV_GCP_62", "CKV_GCP_78", "CKV_GCP_80", "CKV_GCP_121"}
    assert all(len(reason) > 40 and reason.endswith(".") for reason in reasons.values())
