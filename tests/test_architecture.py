"""The architecture as checks: what may import what, how long a file is, what a schema may hold."""

from __future__ import annotations

import ast
import importlib.util
import subprocess
import sys
from functools import cache
from pathlib import Path

import pyarrow as pa
import pytest

from schemas import balance, event, failure, metric, observation, partial, payload

ROOT = Path(__file__).parent.parent
PACKAGES = ("schemas", "transforms", "pipelines")
MODULES = sorted(p.relative_to(ROOT) for name in PACKAGES for p in (ROOT / name).rglob("*.py"))
SCHEMAS = {
    value.metadata[b"name"].decode(): value
    for module in (balance, event, failure, metric, observation, partial, payload)
    for value in vars(module).values()
    if isinstance(value, pa.Schema)
}
LONGEST_FILE = 400


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse((ROOT / path).read_text(), str(path))


@cache
def _imported(path: Path) -> frozenset[str]:
    """Every module a file imports, wherever in the file it does."""
    names: set[str] = set()
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: expected an absolute import"
            names |= {node.module or ""}
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return frozenset(names)


def _packages(path: Path) -> set[str]:
    return {name.split(".")[0] for name in _imported(path)}


def _of(package: str) -> list[Path]:
    return [path for path in MODULES if path.is_relative_to(package)]


def test_the_modules_are_found():
    assert Path("schemas/event.py") in MODULES
    assert Path("transforms/attend.py") in MODULES
    assert len(MODULES) > 40


@pytest.mark.parametrize("path", _of("schemas"), ids=str)
def test_schemas_import_neither_transforms_nor_pipelines(path):
    assert _packages(path) & {"transforms", "pipelines", "tests"} == set()


@pytest.mark.parametrize("path", _of("schemas"), ids=str)
def test_schemas_know_beam_in_the_coder_only(path):
    assert ("apache_beam" in _packages(path)) == (path == Path("schemas/coder.py"))


@pytest.mark.parametrize("module", ["pipelines.cli", "pipelines.check", "pipelines.metric_docs"])
def test_what_needs_no_graph_does_not_wait_for_beam(module):
    program = f"import sys, {module}; sys.exit('apache_beam' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", program], cwd=ROOT).returncode == 0


def test_numpy_starts_no_threads():
    """Its library for matrices reads when numpy is imported how many: nobody may import it before."""
    program = "import pipelines, os, sys; print('numpy' in sys.modules, os.environ['OPENBLAS_NUM_THREADS'])"
    told = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert told.stdout.split() == ["False", "1"]


def test_pandas_is_not_there_so_that_tests_see_what_a_user_has():
    """pyarrow imports it where it finds it: 0.3 s of each command; and some of its methods need it."""
    assert importlib.util.find_spec("pandas") is None


@pytest.mark.parametrize("path", _of("transforms"), ids=str)
def test_transforms_do_not_import_pipelines(path):
    assert _packages(path) & {"pipelines", "tests"} == set()


@pytest.mark.parametrize(
    "path", [*_of("transforms/statistics"), *_of("transforms/measures")], ids=str
)
def test_statistics_and_measures_know_neither_beam_nor_pipelines(path):
    assert _packages(path) & {"apache_beam", "pipelines"} == set()


@pytest.mark.parametrize("path", _of("transforms/statistics"), ids=str)
def test_statistics_know_nothing_of_this_project_but_each_other(path):
    ours = {name for name in _imported(path) if name.split(".")[0] in PACKAGES}

    assert {name for name in ours if not name.startswith("transforms.statistics")} == set()


@pytest.mark.parametrize("path", _of("pipelines"), ids=str)
def test_pipelines_do_not_import_tests(path):
    assert "tests" not in _packages(path)


@pytest.mark.parametrize("path", MODULES, ids=str)
def test_every_module_says_in_its_first_line_what_it_is(path):
    tree = _tree(path)
    if not tree.body:
        return
    first = (ast.get_docstring(tree) or "").split("\n")[0]

    assert first, "expected a docstring"
    assert len(first) <= 120


@pytest.mark.parametrize("path", MODULES, ids=str)
def test_no_file_is_longer_than_four_hundred_lines(path):
    lines = len((ROOT / path).read_text().splitlines())

    assert lines <= LONGEST_FILE, "one idea a file: part it"


@pytest.mark.parametrize("path", MODULES, ids=str)
def test_nobody_catches_everything_and_says_nothing(path):
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.ExceptHandler):
            assert node.type is not None, f"{path}:{node.lineno}: a bare except"
            silent = all(isinstance(statement, ast.Pass) for statement in node.body)
            broad = isinstance(node.type, ast.Name) and node.type.id in (
                "Exception",
                "BaseException",
            )
            assert not (silent and broad), f"{path}:{node.lineno}: a swallowed exception"


def test_there_are_at_most_eight_grouping_sets():
    assert len(partial.GROUPINGS) <= 8
    assert len(set(partial.GROUPINGS)) == len(partial.GROUPINGS)


def test_an_observation_is_at_most_sixteen_columns_of_fixed_width():
    assert len(observation.OBSERVATION) <= 16
    for field in observation.OBSERVATION:
        assert field.type.bit_width <= 128, field.name
        assert not field.nullable, field.name


def test_the_schemas_are_found():
    assert {"event", "native_event", "observation", "partial", "metric", "failed_event"} <= set(
        SCHEMAS
    )


@pytest.mark.parametrize("name", sorted(SCHEMAS))
def test_no_schema_holds_a_dictionary_or_anything_nested(name):
    for field in SCHEMAS[name]:
        assert not pa.types.is_dictionary(field.type), field.name
        assert not pa.types.is_nested(field.type), field.name
