"""What Terraform's google provider takes: every resource, block and argument, as it publishes them.

The provider itself comes from Terraform's registry only. Its schema is also in the npm package of
HashiCorp's constructs for it, which is fetched once and reduced to what a configuration can name.
"""

from __future__ import annotations

import json
import re
import shutil
import tarfile
from pathlib import Path
from typing import Any

from deploy.local.download import MissingTool, made_once, run_tool

PACKAGES = {
    "google": "@cdktf/provider-google@16.12.1",
    # Jobs of a Flex Template are in the beta provider only.
    "google-beta": "@cdktf/provider-google-beta@16.12.1",
}
PROVIDER = "6.50.0"
"""The version of both providers that these versions of the packages describe."""

Block = dict[str, Any]
"""Arguments of a resource or block by name: `required`, and `type` (text, or `block`: a Block)."""

_PAGE = rf"/google(?:-beta)?/{re.escape(PROVIDER)}/docs/(resources|data-sources)/"
_ARGUMENT = re.compile(rf"{_PAGE}\w+#(\w+) ")
_OF = re.compile(rf"{_PAGE}\w+ (google_\w+)}}")


def provider_schema(provider: str = "google") -> dict[str, dict[str, Any]]:
    """`resources` and `data-sources` by name: `arguments` (a Block) and names of `attributes`.

    Raises MissingTool where npm is not there or the package cannot be had.
    """

    package = PACKAGES[provider]

    def make(folder: Path) -> None:
        npm = shutil.which("npm")
        if not npm:
            raise MissingTool("npm is needed and was not found: install it (Debian: npm).")
        run_tool(
            [npm, "pack", "--silent", package, "--pack-destination", str(folder)],
            f"npm could not fetch {package}",
        )  # fmt: skip
        (archive,) = folder.glob("*.tgz")
        with tarfile.open(archive) as source:
            content = source.extractfile("package/.jsii")
            assert content is not None
            types = json.load(content)["types"]
        (folder / "schema.json").write_text(json.dumps(_reduced(types, package)))
        archive.unlink()

    name = f"terraform-{provider}-{PROVIDER}"
    folder = made_once(name, f"the schema of Terraform's provider {provider} (31 MB)", make)
    schema: dict[str, dict[str, Any]] = json.loads((folder / "schema.json").read_text())
    return schema


def _reduced(types: dict[str, Any], package: str) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {"resources": {}, "data-sources": {}}
    for name, described in types.items():
        config = types.get(f"{name}Config")
        of = _OF.search(described.get("docs", {}).get("summary", ""))
        if config is None or of is None:
            continue
        found[of[1]][of[2]] = {
            "arguments": _block(config, types),
            "attributes": sorted(_snake(each["name"]) for each in described["properties"]),
        }
    if "google_storage_bucket" not in found["resources"]:
        raise MissingTool(f"{package} does not describe version {PROVIDER}.")
    return found


def _block(described: dict[str, Any], types: dict[str, Any]) -> Block:
    arguments: Block = {}
    for each in described.get("properties", ()):
        # Where an argument has no description, the link to it stands in its place.
        docs = each.get("docs", {})
        link = _ARGUMENT.search(docs.get("remarks", "")) or _ARGUMENT.search(
            docs.get("summary", "")
        )
        if link:
            arguments[link[2]] = {"required": not each.get("optional", False)} | _type(
                each["type"], types
            )
    return arguments


def _type(type: dict[str, Any], types: dict[str, Any]) -> dict[str, Any]:
    """`type`, and of a block also `block`; references that are resolved later say nothing."""
    if "primitive" in type:
        return {"type": type["primitive"]}
    if "collection" in type:
        inner = _type(type["collection"]["elementtype"], types)
        if "block" in inner:
            return inner | {"type": "blocks"}
        return {"type": "map" if type["collection"]["kind"] == "map" else "list"}
    if "union" in type:
        kinds = [_type(each, types) for each in type["union"]["types"]]
        return next((kind for kind in kinds if kind["type"] != "any"), {"type": "any"})
    described = types.get(type.get("fqn", ""))
    if described is None or described.get("kind") != "interface":
        return {"type": "boolean" if "IResolvable" not in type.get("fqn", "") else "any"}
    return {"type": "block", "block": _block(described, types)}


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
