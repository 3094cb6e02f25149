"""The configurations under terraform/, read: their blocks, what they are given, what they refer to."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import hcl2

from deploy.local.services import ROOT

TERRAFORM = ROOT / "terraform"
MODULES = TERRAFORM / "modules"
EXAMPLE = TERRAFORM / "example"
FOLDERS = [*sorted(path for path in MODULES.iterdir() if path.is_dir()), EXAMPLE]

META = {"for_each", "count", "provider", "depends_on", "lifecycle"}
"""What every resource may have, of Terraform itself."""


@dataclass(frozen=True)
class Resource:
    """A resource or a data source of a folder."""

    folder: Path
    kind: str
    type: str
    name: str
    body: dict[str, Any]

    def __str__(self) -> str:
        return f"{self.folder.name}: {self.type}.{self.name}"


@cache
def read(folder: Path) -> dict[str, list[Any]]:
    """The top-level blocks of a folder by their kind, each file's one after another."""
    found: dict[str, list[Any]] = {}
    for path in sorted(folder.glob("*.tf")):
        for kind, blocks in plain(hcl2.loads(path.read_text())).items():
            found.setdefault(kind, []).extend(blocks)
    return found


def plain(value: Any) -> Any:
    """Without comments and without the quotes that the parser leaves around literal texts.

    References stay as the parser writes them, `${…}`, and so are told from texts.
    """
    if isinstance(value, dict):
        return {unquoted(k): plain(v) for k, v in value.items() if k != "__comments__"}
    if isinstance(value, list):
        return [plain(each) for each in value]
    return unquoted(value) if isinstance(value, str) else value


def unquoted(text: str) -> str:
    if len(text) > 1 and text[0] == text[-1] == '"':
        return text[1:-1].replace('\\"', '"')
    return text


def resources(folder: Path) -> Iterator[Resource]:
    for keyword, kind in (("resource", "resources"), ("data", "data-sources")):
        for block in read(folder).get(keyword, []):
            for type, named in block.items():
                for name, body in named.items():
                    yield Resource(folder, kind, type, name, body)


def named(folder: Path, keyword: str) -> dict[str, Any]:
    """Blocks with one label, such as `variable`, by it."""
    return {name: body for block in read(folder).get(keyword, []) for name, body in block.items()}


def locals_of(folder: Path) -> dict[str, Any]:
    return {
        name: value
        for block in read(folder).get("locals", [])
        for name, value in block.items()
        if name != "__is_block__"
    }


def parts(body: dict[str, Any]) -> tuple[dict[str, Any], dict[str, list[dict[str, Any]]]]:
    """Arguments of a block, and blocks in it, dynamic ones as if they were written once."""
    arguments: dict[str, Any] = {}
    blocks: dict[str, list[dict[str, Any]]] = {}
    for name, value in body.items():
        if name == "__is_block__":
            continue
        if name == "dynamic":
            for each in value:
                for label, inner in each.items():
                    if label != "__is_block__":
                        blocks.setdefault(label, []).extend(inner["content"])
        elif isinstance(value, list) and any(_is_block(each) for each in value):
            blocks.setdefault(name, []).extend(value)
        else:
            arguments[name] = value
    return arguments, blocks


def _is_block(value: Any) -> bool:
    return isinstance(value, dict) and value.get("__is_block__") is True


def texts(value: Any) -> Iterator[str]:
    """Every text in a value."""
    if isinstance(value, dict):
        for name, each in value.items():
            yield name
            yield from texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from texts(each)
    elif isinstance(value, str):
        yield value


def references(value: Any, pattern: str) -> set[tuple[str, ...]]:
    """Groups of every match of a pattern in the expressions of a value."""
    found: set[tuple[str, ...]] = set()
    for text in texts(value):
        for match in re.finditer(pattern, text):
            found.add(match.groups())
    return found
