"""What a call of BigQuery's API needs, as Google documents it, and who has that by Terraform's grants.

A need is a permission and what it is needed on: `project`, a dataset (`data`, `restricted`, `views`),
or a table or view in one, as in `data.events`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache

import sqlglot
from sqlglot import exp

from pipelines.sinks.bigquery.destination import Destination
from pipelines.sinks.bigquery.sql import BIGQUERY_VIEWS, view_sql
from pipelines.sinks.table import Table
from pipelines.sinks.tables import BIGQUERY_TABLES
from pipelines.sinks.views import View
from tests.terraform.configuration import MODULES, locals_of
from tests.terraform.test_least_privilege import PERMISSIONS, granted

Need = tuple[str, str]

JOB = "bigquery.jobs.create"
SEE_DATASET, LIST = "bigquery.datasets.get", "bigquery.tables.list"
SEE, READ, WRITE = "bigquery.tables.get", "bigquery.tables.getData", "bigquery.tables.updateData"

ROLES = {
    "roles/bigquery.jobUser": {JOB},
    "roles/bigquery.dataViewer": {SEE, READ},
    "roles/bigquery.dataEditor": {SEE, READ, WRITE},
    "READER": {SEE_DATASET, LIST, SEE, READ},
    "OWNER": {SEE_DATASET, LIST, SEE, READ, WRITE},
    "custom appender": PERMISSIONS["appender"],
}
"""Of Google's roles, where they are granted here, what our calls may need."""

_ONES_OWN = {"jobs", "queries"}
"""Who asked for a job may look at it and at what it gave."""

_NAMES = Destination("a-project", "data", "restricted")


@cache
def rights(who: str) -> frozenset[Need]:
    """All that an account or a variable of groups may do, of what our calls may need."""
    # By the role that makes them owners, which no module grants.
    of_owners = frozenset({(JOB, "project")} if who == "projectOwners" else ())
    return of_owners | frozenset(
        (permission, resource)
        for each, role, place in granted()
        if each == who
        for permission in ROLES.get(role, ())
        for resource in _resources(place)
    )


def _resources(place: str) -> Iterator[str]:
    kind, _, name = place.partition(" ")
    known = {each.name: _known(each) for each in (*BIGQUERY_TABLES, *BIGQUERY_VIEWS)}
    if kind == "project":
        yield kind
    elif kind == "dataset":
        yield name
        yield from (each for each in known.values() if each.startswith(f"{name}."))
    elif name.startswith("table, "):
        restricted = not name.endswith("not restricted")
        yield from (_known(each) for each in BIGQUERY_TABLES if each.restricted is restricted)
    elif listed := locals_of(MODULES / "bigquery").get(name):
        # A local that lists names: [for name in [...] : name if ...].
        yield from (known[each] for each in re.findall(r'"(\w+)"', str(listed)))
    elif kind in ("table", "view"):
        yield known[name]


def _known(each: Table | View) -> str:
    _, dataset, name = _NAMES.name(each).split(".")
    return f"{'views' if dataset.endswith('_views') else dataset}.{name}"


def needs_of_request(method: str, path: str, body: bytes, to: Destination) -> set[Need]:
    """Of a request of the REST API. Raises ValueError where it is none that is known here."""
    kinds = {to.dataset: "data", to.restricted_dataset: "restricted", to.views_dataset: "views"}
    parts = path.partition("?")[0].partition("/projects/")[2].split("/")[1:]
    match method, parts:
        case "GET", ["datasets", dataset]:
            return {(SEE_DATASET, kinds[dataset])}
        case "GET", ["datasets", dataset, "tables"]:
            return {(LIST, kinds[dataset])}
        case "GET", ["datasets", dataset, "tables", table]:
            return {(SEE, f"{kinds[dataset]}.{table}")}
        case "GET", ["datasets", dataset, "tables", table, "data"]:
            return {(READ, f"{kinds[dataset]}.{table}")} if dataset in kinds else set()
        case "GET", [kind, _] if kind in _ONES_OWN:
            return set()
        case "POST", ["queries"]:
            return needs_of_query(json.loads(body), to)
        case "POST", ["jobs"]:
            return needs_of_query(json.loads(body)["configuration"]["query"], to)
    raise ValueError(f"{method} {path}")


def needs_of_query(asked: dict[str, object], to: Destination) -> set[Need]:
    """Of a query: its job, what it reads, and what it changes. Views beside the tables are not
    authorised on them: who asks one reads what it reads."""
    sql = str(asked["query"])
    default = asked.get("defaultDataset")
    told = str(default["datasetId"]) if isinstance(default, dict) else ""
    kinds = {to.dataset: "data", to.restricted_dataset: "restricted", to.views_dataset: "views"}
    listed = re.findall(r"`[\w-]+\.(\w+)`?\.INFORMATION_SCHEMA", sql)
    found = {(JOB, "project"), *((LIST, kinds[dataset]) for dataset in listed)}
    statement = sqlglot.parse_one(sql, read="bigquery")
    target = None
    if isinstance(statement, exp.Insert | exp.Merge | exp.Update | exp.Delete):
        target = statement.this.find(exp.Table)
    steps = {cte.alias for cte in statement.find_all(exp.CTE)}
    for table in statement.find_all(exp.Table):
        dataset = table.db or told
        if "INFORMATION_SCHEMA" in table.sql() or (not table.db and table.name in steps):
            continue
        resource = f"{kinds[dataset]}.{table.name}"
        if table is target:
            found.add((WRITE, resource))
        if table is not target or not isinstance(statement, exp.Insert):
            found.add((READ, resource))
        for view in BIGQUERY_VIEWS:
            if (view.name, dataset) == (table.name, to.dataset_of(view)) and dataset != (
                to.views_dataset
            ):
                found |= needs_of_query({"query": view_sql(view, to)}, to)
    return found


def needs_of_write(resource: str, to: Destination) -> set[Need]:
    """Of a call of Storage Write about `projects/…/datasets/…/tables/…`, or a stream below it."""
    _, _, _, dataset, _, table = resource.split("/")[:6]
    kind = "restricted" if dataset == to.restricted_dataset else "data"
    return {(WRITE, f"{kind}.{table}")}
