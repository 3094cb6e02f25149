"""The resource definitions of the Flink Kubernetes operator, as it publishes them on Maven."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]

from deploy.local.download import cache, java, made_once, maven, run_tool

OPERATOR = "1.10.0"
"""Of the versions that carry their definitions, the newest that was to be had."""

_COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.6.0:copy"


def operator_api() -> Path:
    """The jar of the operator's resource types, fetched once. Raises MissingTool."""

    def make(folder: Path) -> None:
        java()
        run_tool(
            [maven(), "--quiet", "--batch-mode", "-Dstyle.color=never", _COPY,
             f"-Dmaven.repo.local={cache() / 'maven'}", f"-DoutputDirectory={folder}",
             f"-Dartifact=org.apache.flink:flink-kubernetes-operator-api:{OPERATOR}"],
            "Maven could not fetch the Flink Kubernetes operator's definitions",
        )  # fmt: skip

    name = f"flink-kubernetes-operator-api-{OPERATOR}"
    return made_once(name, "the Flink operator's definitions", make) / f"{name}.jar"


def flink_deployment_schema() -> dict[str, Any]:
    """JSON schema of a FlinkDeployment, in which every field that is not defined is refused.

    The published schema lets unknown fields pass, and a cluster then drops them in silence.
    """
    with zipfile.ZipFile(operator_api()) as jar:
        text = jar.read("META-INF/fabric8/flinkdeployments.flink.apache.org-v1.yml")
    (version,) = yaml.safe_load(text)["spec"]["versions"]
    schema: dict[str, Any] = version["schema"]["openAPIV3Schema"]
    schema["properties"] |= {
        "apiVersion": {"const": f"flink.apache.org/{version['name']}"},
        "kind": {"const": "FlinkDeployment"},
        "metadata": {"type": "object", "required": ["name"]},
    }
    return _strict(schema)


def _strict(schema: dict[str, Any]) -> dict[str, Any]:
    for part in schema.get("properties", {}).values():
        _strict(part)
    for name in ("items", "additionalProperties"):
        if isinstance(schema.get(name), dict):
            _strict(schema[name])
    if "properties" in schema:
        schema.setdefault("additionalProperties", False)
    return schema
