"""A server of BigQuery's query jobs that gives the rows it was told to, and tells bytes.

It answers what the service documents: a dry run tells bytes and gives no rows, a job whose bytes
are above its `maximumBytesBilled` is refused before it is run.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from pipelines.sinks.tables import BIGQUERY_TABLES
from schemas.bigquery import bigquery_columns
from tests.web_server import QuietHandler, serving

Columns = dict[str, str]
"""BigQuery's type of each column by its name."""


@dataclass
class Asked:
    """A job that was asked for: its text, parameters by name, whether nothing was to be run."""

    sql: str
    parameters: dict[str, str]
    dry: bool
    most_bytes: int | None


@dataclass
class Queries:
    """What the server answers: of the first of `answers` whose words are in the text the columns and
    rows, and the bytes that `bytes` says of a text; a code and reason where words of `refused` are.
    """

    answers: list[tuple[str, Columns, list[list[Any]]]] = field(default_factory=list)
    bytes: Callable[[str], int] = lambda sql: 0
    refused: dict[str, tuple[int, str]] = field(default_factory=dict)
    location: str = "EU"
    asked: list[Asked] = field(default_factory=list)
    address: str = ""

    @property
    def run(self) -> list[str]:
        """The texts that were run, in order."""
        return [each.sql for each in self.asked if not each.dry]

    def insert(self, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        told = body["configuration"]
        query = told["query"]
        most = query.get("maximumBytesBilled")
        given = {
            each["name"]: each["parameterValue"].get("value")
            for each in query.get("queryParameters", ())
        }
        asked = Asked(
            query["query"], given, bool(told.get("dryRun")), None if most is None else int(most)
        )
        self.asked.append(asked)
        for words, (code, reason) in self.refused.items():
            if words in asked.sql:
                return code, _error(code, reason)
        bytes = self.bytes(asked.sql)
        if not asked.dry and asked.most_bytes is not None and bytes > asked.most_bytes:
            return 400, _error(400, "bytesBilledLimitExceeded")
        statistics = {"query": {"totalBytesProcessed": str(bytes)}}
        reference = body.get("jobReference", {}) | {"jobId": str(len(self.asked) - 1)}
        body |= {"jobReference": reference, "status": {"state": "DONE"}, "statistics": statistics}
        return 200, body

    def rows(self, job: str) -> dict[str, Any]:
        sql = self.asked[int(job)].sql
        columns, rows = next(
            ((columns, rows) for words, columns, rows in self.answers if words in sql), ({}, [])
        )
        return {
            "jobReference": {"projectId": "our-project", "jobId": job},
            "jobComplete": True,
            "totalRows": str(len(rows)),
            "schema": {"fields": [{"name": n, "type": t} for n, t in columns.items()]},
            "rows": [{"f": [{"v": value} for value in row]} for row in rows],
        }


def _error(code: int, reason: str) -> dict[str, Any]:
    told = {"reason": reason, "message": "no word of this for ada@example.com"}
    return {"error": {"code": code, "message": told["message"], "errors": [told]}}


def _dataset(name: str, location: str) -> dict[str, Any]:
    reference = {"projectId": "our-project", "datasetId": name}
    return {"datasetReference": reference, "location": location}


def _table(name: str) -> dict[str, Any]:
    """A table or view of ours, as the API tells of it."""
    fields = [bigquery_columns(each.schema) for each in BIGQUERY_TABLES if each.name == name]
    reference = {"projectId": "our-project", "datasetId": "live", "tableId": name}
    return {"tableReference": reference, "schema": {"fields": fields[0] if fields else []}}


@contextmanager
def query_jobs() -> Iterator[Queries]:
    """A running server, of a project in which all tables of ours are there."""
    held = Queries()

    class Handler(QuietHandler):
        def do_GET(self) -> None:
            path, _, last = self.path.partition("?")[0].rpartition("/")
            if path.endswith("/queries"):
                body = held.rows(last)
            else:
                is_table = path.endswith("/tables")
                body = _table(last) if is_table else _dataset(last, held.location)
            self.answer(200, json.dumps(body).encode())

        def do_POST(self) -> None:
            code, body = held.insert(json.loads(self.body()))
            self.answer(code, json.dumps(body).encode())

    with serving(Handler) as place:
        held.address = f"http://{place}"
        yield held
