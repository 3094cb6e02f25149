"""The example is valid: by the providers themselves, or else by the schema that they publish.

Without them `terraform validate` cannot be run. Then every resource is compared with the published
schema, here and not only in tests that may be left out: one of the two has looked.
"""

from __future__ import annotations

import shutil
import warnings
from pathlib import Path

import pytest

from deploy.google_provider import PROVIDER
from deploy.local.services import ROOT
from tests.e2e.needs import need
from tests.terraform import validation
from tests.terraform.configuration import EXAMPLE, TERRAFORM
from tests.terraform.test_provider import RESOURCES, _described, faults
from tests.terraform.validation import why_not_validated

# The first run fetches the schema; pytest counts that to the first test.
pytestmark = pytest.mark.timeout(1800)


def test_the_example_is_valid_by_its_providers_or_by_their_published_schema(tmp_path):
    shutil.copytree(TERRAFORM, tmp_path / "terraform", ignore=shutil.ignore_patterns(".terraform*"))
    (tmp_path / "deploy").symlink_to(ROOT / "deploy")
    reason = why_not_validated(tmp_path / "terraform" / EXAMPLE.name)
    if reason is None:
        return
    warnings.warn(
        f"terraform validate is not run: {reason} Compared with the published schema of"
        f" {PROVIDER} instead.",
        stacklevel=1,
    )
    for resource in RESOURCES:
        described = _described(resource)
        assert described is not None, resource
        assert faults(resource.body, described["arguments"]) == [], resource
    assert len(RESOURCES) > 50


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    if shutil.which("terraform") is None:
        need("terraform is needed and was not found: install it.", "terraform validate")
    return tmp_path


def write(folder: Path, text: str) -> Path:
    (folder / "main.tf").write_text(text)
    return folder


def test_what_needs_no_provider_is_validated_by_terraform(folder):
    written = write(folder, 'resource "terraform_data" "it" {\n  input = "a text"\n}\n')

    assert why_not_validated(written) is None


def test_what_terraform_finds_invalid_is_an_error_that_says_why(folder):
    written = write(folder, 'resource "terraform_data" "it" {\n  inputs = "a text"\n}\n')

    with pytest.raises(AssertionError, match="Unsupported argument"):
        why_not_validated(written)


def test_a_provider_that_cannot_be_had_is_a_reason_and_no_error(folder, monkeypatch):
    nowhere = folder / "mirror.tfrc"
    nowhere.write_text(
        f'provider_installation {{\n  filesystem_mirror {{\n    path = "{folder}"\n  }}\n}}\n'
    )
    monkeypatch.setenv("TF_CLI_CONFIG_FILE", str(nowhere))
    written = write(
        folder,
        'terraform {\n  required_providers {\n    google = { source = "hashicorp/google" }\n  }\n}\n',
    )

    assert why_not_validated(written) == (
        "the providers could not be had: no mirror, no cache and no registry has them."
    )


def test_providers_are_not_waited_for_longer_than_a_moment(folder, monkeypatch):
    monkeypatch.setattr(validation, "MOST_SECONDS", 0.001)

    told = why_not_validated(write(folder, 'resource "terraform_data" "it" {}\n'))
    assert told is not None
    assert "could not be had in 0.001 s" in told
