"""Every resource and argument is one of the provider's, and every name that is used is declared.

What `terraform validate` says, where the provider itself cannot be had: against the schema that its
makers publish for it, with the version pinned.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from deploy.google_provider import PROVIDER, provider_schema
from deploy.local.download import MissingTool
from pipelines.cli import _parser
from tests.e2e.needs import need
from tests.terraform.configuration import (
    EXAMPLE,
    FOLDERS,
    META,
    MODULES,
    TERRAFORM,
    Resource,
    locals_of,
    named,
    parts,
    read,
    references,
    resources,
)

# The first run fetches; pytest counts that to the first test.
pytestmark = pytest.mark.timeout(1800)

RESOURCES = [resource for folder in FOLDERS for resource in resources(folder)]
EACH_RESOURCE = pytest.mark.parametrize("resource", RESOURCES, ids=str)
EACH_FOLDER = pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)

_ATTRIBUTE = r"(?<![\w.])(data\.)?(google_\w+)\.(\w+)(?:\[[^\]]*\])?(?:\.(\w+))?"


@cache
def _schema(provider: str) -> dict[str, dict[str, Any]]:
    try:
        return provider_schema(provider)
    except MissingTool as missing:
        need(str(missing), "checks of Terraform's resources")
        raise


def _described(resource: Resource) -> dict[str, Any] | None:
    """The provider's description of a resource, of the provider that it names."""
    beta = resource.body.get("provider") == "google-beta"
    return _schema("google-beta" if beta else "google")[resource.kind].get(resource.type)


def faults(body: dict[str, Any], block: dict[str, Any], meta: set[str] = META) -> list[str]:
    """What is wrong with a block, in sentences, against the provider's description of it."""
    arguments, blocks = parts(body)
    found = [
        f"{name} is missing"
        for name, described in block.items()
        if described["required"] and name not in arguments and name not in blocks
    ]
    for name, value in arguments.items():
        if name in meta:
            continue
        if name not in block:
            found.append(f"{name} is no argument")
        elif "block" in block[name]:
            found.append(f"{name} is a block, not an argument")
        elif not _fits(value, block[name]["type"]):
            found.append(f"{name} is no {block[name]['type']}")
    for name, inner in blocks.items():
        if name in meta:
            continue
        if "block" not in block.get(name, {}):
            found.append(f"{name} is no block")
            continue
        if block[name]["type"] == "block" and len(inner) > 1:
            found.append(f"{name} is given {len(inner)} times")
        for each in inner:
            found += [f"{name}: {fault}" for fault in faults(each, block[name]["block"], set())]
    return found


def _fits(value: Any, type: str) -> bool:
    """Whether a literal is of a type; what an expression gives is not known here."""
    if isinstance(value, str):
        return "${" in value or type in ("string", "any")
    if isinstance(value, bool):
        return type in ("boolean", "any")
    if isinstance(value, int | float):
        return type in ("number", "any")
    if isinstance(value, list):
        return type in ("list", "any")
    return not isinstance(value, dict) or type in ("map", "any")


@EACH_RESOURCE
def test_a_resource_is_what_the_provider_takes(resource):
    described = _described(resource)

    assert described is not None, f"there is no {resource.type} in provider {PROVIDER}"
    assert faults(resource.body, described["arguments"]) == []


@EACH_RESOURCE
def test_what_is_taken_of_a_resource_is_one_of_its_attributes(resource):
    there = {(each.type, each.name): each for each in resources(resource.folder)}
    everything = [each for blocks in read(resource.folder).values() for each in blocks]
    taken = {
        attribute
        for _, type, name, attribute in references(everything, _ATTRIBUTE)
        if (type, name) == (resource.type, resource.name) and attribute
    }
    described = _described(there[resource.type, resource.name])

    assert described is not None
    assert taken - set(described["attributes"]) == set()


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"kms_key": "key"}, "kms_key is no argument"),
        ({"name": None}, "name is missing"),
        ({"message_retention_duration": 604800}, "message_retention_duration is no string"),
        ({"message_storage_policy": {"allowed_persistence_regions": []}},
         "message_storage_policy is a block, not an argument"),
        ({"schema_settings": [{"encoding": "JSON", "__is_block__": True}]},
         "schema_settings: schema is missing"),
        ({"message_storage_policy": 2 * [{"allowed_persistence_regions": [], "__is_block__": True}]},
         "message_storage_policy is given 2 times"),
        ({"labels": [{"a": "b", "__is_block__": True}]}, "labels is no block"),
    ],
    ids=["unknown", "missing", "type", "argument", "inner", "twice", "block"],
)  # fmt: skip
def test_a_mistake_in_a_resource_is_found(change, fault):
    (topic,) = [r for r in RESOURCES if (r.type, r.name) == ("google_pubsub_topic", "input")]
    body = {k: v for k, v in {**topic.body, **change}.items() if v is not None}

    described = _described(topic)
    assert described is not None
    assert faults(body, described["arguments"]) == [fault]


@EACH_FOLDER
def test_every_name_that_is_used_is_declared_and_every_declared_one_is_used(folder):
    everything = [each for blocks in read(folder).values() for each in blocks]

    used = {name for (name,) in references(everything, r"(?<![\w.])var\.(\w+)")}
    assert used == set(named(folder, "variable"))
    used = {name for (name,) in references(everything, r"(?<![\w.])local\.(\w+)")}
    assert used == set(locals_of(folder))
    used = {(type, name) for _, type, name, _ in references(everything, _ATTRIBUTE)}
    assert used <= {(each.type, each.name) for each in resources(folder)}


@EACH_FOLDER
def test_every_variable_and_output_says_what_it_is(folder):
    for name, body in named(folder, "variable").items():
        assert body["description"].endswith((".", "?")), f"{folder.name}: {name}"
        assert "type" in body, f"{folder.name}: {name}"
        for validation in body.get("validation", []):
            assert validation["error_message"].startswith(f"{name}: expected "), folder.name
    for name, body in named(folder, "output").items():
        assert body["description"].endswith("."), f"{folder.name}: {name}"


def test_every_option_that_a_description_names_is_one_of_moment():
    def options(parser: argparse.ArgumentParser) -> set[str]:
        found = {name for action in parser._actions for name in action.option_strings}
        for action in parser._actions:
            if isinstance(action, argparse._SubParsersAction):
                found |= {name for each in action.choices.values() for name in options(each)}
        return found

    named_here = {
        option for folder in FOLDERS for (option,) in references(read(folder), r"(?<![\w-])(--[a-z][a-z-]*)")
    }  # fmt: skip

    assert {"--output", "--source"} <= named_here <= options(_parser())


@pytest.mark.parametrize("name", [path.name for path in sorted(MODULES.iterdir())])
def test_the_example_gives_a_module_what_it_asks_for(name):
    call = named(EXAMPLE, "module")[name]
    variables = named(MODULES / name, "variable")

    given = set(call) - {"source", "depends_on", "__is_block__"}
    assert call["source"] == f"../modules/{name}"
    assert given - set(variables) == set()
    assert {each for each, body in variables.items() if "default" not in body} - given == set()
    taken = references(list(read(EXAMPLE).values()), rf"module\.{name}\.(\w+)")
    assert {each for (each,) in taken} <= set(named(MODULES / name, "output"))


def test_the_example_calls_every_module():
    assert {path.name for path in MODULES.iterdir()} == set(named(EXAMPLE, "module"))


def test_the_values_of_the_example_are_those_it_has_no_default_for():
    import hcl2

    given = set(hcl2.loads((EXAMPLE / "example.tfvars").read_text())) - {"__comments__"}
    variables = named(EXAMPLE, "variable")

    assert given <= set(variables)
    assert {name for name, body in variables.items() if "default" not in body} <= given


def test_files_are_formatted_as_terraform_formats_them():
    terraform = shutil.which("terraform")
    if terraform is None:
        need("terraform is needed and was not found: install it.", "format of Terraform's files")
        return
    ended = subprocess.run(
        [terraform, "fmt", "-check", "-recursive", "-diff", str(TERRAFORM)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert (ended.returncode, ended.stdout) == (0, ""), ended.stderr


def test_folders_have_the_files_that_readers_look_for():
    for folder in FOLDERS:
        names = {path.name for path in Path(folder).glob("*.tf")}
        assert names == {"main.tf", "variables.tf", "outputs.tf"}, folder.name
