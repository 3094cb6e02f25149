"""The example applied without Google: each resource becomes one that Terraform itself has.

`terraform validate` and `plan` want the provider. Here a resource is a `terraform_data` with the same
arguments, so that Terraform evaluates every expression, validation, loop and reference of the example
and its modules, and says what each argument comes to. What Google would say to it stays unknown.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

from deploy.local.services import ROOT
from tests.terraform.configuration import EXAMPLE, FOLDERS, locals_of, named, read, resources

_RESOURCE = re.compile(r"(?<![\w.])(?:data\.)?(google_\w+)\.(\w+)")
_P = "projects/${var.project}"

# What a resource says of itself once it is made, from the texts of its arguments.
_MADE: dict[str, dict[str, str]] = {
    "google_service_account": {
        "email": "{account_id}@example.iam.gserviceaccount.com",
        "member": "serviceAccount:{account_id}@example.iam.gserviceaccount.com",
        "name": f"{_P}/serviceAccounts/{{account_id}}@example.iam.gserviceaccount.com",
    },
    "google_project": {"number": "123456789"},
    "google_project_iam_custom_role": {"name": f"{_P}/roles/{{role_id}}"},
    "google_pubsub_topic": {"id": f"{_P}/topics/{{name}}"},
    "google_pubsub_subscription": {"id": f"{_P}/subscriptions/{{name}}"},
    "google_secret_manager_secret": {"id": f"{_P}/secrets/{{secret_id}}"},
    "google_artifact_registry_repository": {"name": "{repository_id}"},
    "google_bigquery_data_transfer_config": {"name": f"{_P}/locations/here/transferConfigs/7"},
    "google_dataflow_flex_template_job": {"job_id": "job"},
}


def rehearse(folder: Path, variables: Path, also: Path | None = None) -> dict[str, Any]:
    """Arguments of every resource by module, type and name; by key where there are several.

    `also`: values that come before those of `variables`. Raises AssertionError with what Terraform says, where it does not evaluate.
    """
    terraform = folder / "terraform"
    for each in FOLDERS:
        _write(each, terraform / each.relative_to(ROOT / "terraform"))
    for generated in ("schemas", "views"):
        shutil.copytree(ROOT / "terraform" / generated, terraform / generated)
    (folder / "deploy").symlink_to(ROOT / "deploy")
    place = terraform / EXAMPLE.name
    more = [f"-var-file={also}"] if also else []
    for command in (
        ["init", "-input=false"],
        [
            "apply",
            "-input=false",
            "-auto-approve",
            f"-var-file={variables}",
            "-var=run=true",
            *more,
        ],
    ):
        _run(place, *command)
    state = json.loads((place / "terraform.tfstate").read_text())
    found: dict[str, Any] = {}
    for resource in state["resources"]:
        type, _, name = resource["name"].partition("__")
        module = resource.get("module", "").removeprefix("module.")
        values = {
            each.get("index_key"): each["attributes"]["output"]["value"]
            for each in resource["instances"]
        }
        found[f"{module}/{type}.{name}"] = values.get(None, values)
    return found


def _run(place: Path, *command: str) -> None:
    ended = subprocess.run(
        ["terraform", f"-chdir={place}", *command, "-no-color"],
        capture_output=True, text=True, check=False,
        # Nothing is asked of anybody, also not whether there is a newer Terraform.
        env={**os.environ, "CHECKPOINT_DISABLE": "1", "TF_IN_AUTOMATION": "1"},
    )  # fmt: skip
    assert ended.returncode == 0, ended.stdout[-2000:] + ended.stderr[-3000:]


def _write(source: Path, target: Path) -> None:
    """A folder as Terraform's JSON, its resources and references exchanged."""
    target.mkdir(parents=True)
    held: dict[str, Any] = {}
    given: dict[str, Any] = {}
    for resource in resources(source):
        body = _json(resource.body)
        name = f"{resource.type}__{resource.name}"
        meta = {
            each: body.pop(each) for each in ("for_each", "count", "depends_on") if each in body
        }
        if "depends_on" in meta:
            meta["depends_on"] = [f"terraform_data.{_flat(each)}" for each in meta["depends_on"]]
        for each in ("lifecycle", "provider"):
            body.pop(each, None)
        made = {"id": f"{resource.type}/{resource.name}"} | _MADE.get(resource.type, {})
        texts = {k: v for k, v in body.items() if isinstance(v, str)}
        body |= {k: _filled(v, texts) for k, v in made.items()}
        held[name] = {**meta, "input": body}
        several = "for_each" in meta
        given[name] = (
            f"${{{{for k, r in terraform_data.{name} : k => r.output}}}}"
            if several
            else f"${{terraform_data.{name}[*].output}}"
            if "count" in meta
            else f"${{terraform_data.{name}.output}}"
        )
    written: dict[str, Any] = {"locals": {**_json(locals_of(source)), **given}}
    if held:
        written["resource"] = {"terraform_data": held}
    for keyword in ("variable", "output", "module"):
        if blocks := named(source, keyword):
            written[keyword] = {name: _block(keyword, body) for name, body in blocks.items()}
    (target / "main.tf.json").write_text(json.dumps(written, indent=1))
    for path in source.rglob("*"):
        if path.is_file() and path.suffix in (".sql", ".json"):
            copied = target / path.relative_to(source)
            copied.parent.mkdir(exist_ok=True)
            shutil.copy(path, copied)
    assert read(source)


def _filled(text: str, texts: dict[str, str]) -> str:
    return re.sub(r"(?<!\$)\{(\w+)\}", lambda m: texts[m[1]], text)


def _block(keyword: str, body: dict[str, Any]) -> dict[str, Any]:
    block = _json(body)
    if keyword == "variable":
        block["type"] = re.sub(r"^\$\{(.*)\}$", r"\1", block["type"], flags=re.DOTALL)
        block["description"] = "A variable."
    if "depends_on" in block:
        block["depends_on"] = [
            f"terraform_data.{_flat(each)}" if "google_" in each else each.strip("${}")
            for each in block["depends_on"]
        ]
    return block


def _flat(reference: str) -> str:
    """google_a.b, or where it was exchanged already, local.google_a__b, as google_a__b."""
    return reference.strip("${}").removeprefix("local.").replace(".", "__")


def _json(value: Any) -> Any:
    """Without marks of the parser, and with references to what resources became."""
    if isinstance(value, dict):
        return {
            name: _json(each)
            for name, each in value.items()
            if name not in ("__is_block__", "dynamic")
        }
    if isinstance(value, list):
        return [_json(each) for each in value]
    if isinstance(value, str) and "${" in value:
        return _RESOURCE.sub(lambda match: f"local.{match[1]}__{match[2]}", value)
    return value
