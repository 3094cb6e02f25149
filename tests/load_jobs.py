"""A server of BigQuery's jobs API that keeps jobs in memory and answers as it is told to.

It answers what the service documents: an id that is there already is a conflict, a job that failed
says so in its status and has loaded nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.web_server import QuietHandler, serving


@dataclass
class Refusal:
    """An answer that is no success: HTTP code and reason. `takes`: the job is begun all the same."""

    code: int
    reason: str
    takes: bool = False


@dataclass
class Jobs:
    """What the server holds, and what it will answer.

    `fields` of the one table there is. `refusals` of the next requests for a job, in order; None: it
    is taken. `outcomes`: reasons for which the next jobs fail, in order; None: they load.
    """

    fields: list[dict[str, Any]]
    refusals: list[Refusal | None] = field(default_factory=list)
    outcomes: list[str | None] = field(default_factory=list)
    asked: list[dict[str, Any]] = field(default_factory=list)
    jobs: dict[str, dict[str, Any]] = field(default_factory=dict)
    loaded: list[str] = field(default_factory=list)
    address: str = ""

    def insert(self, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        self.asked.append(body)
        id = body["jobReference"]["jobId"]
        refusal = self.refusals.pop(0) if self.refusals else None
        if refusal is not None and not refusal.takes:
            return refusal.code, _error(refusal.code, refusal.reason)
        if id in self.jobs:
            return 409, _error(409, "duplicate")
        self.jobs[id] = self._run(body)
        if refusal is not None:
            return refusal.code, _error(refusal.code, refusal.reason)
        return 200, self.jobs[id]

    def _run(self, body: dict[str, Any]) -> dict[str, Any]:
        reason = self.outcomes.pop(0) if self.outcomes else None
        status: dict[str, Any] = {"state": "DONE"}
        if reason is None:
            self.loaded += body["configuration"]["load"]["sourceUris"]
        else:
            told = {"reason": reason, "message": "cannot read 'ada@example.com'"}
            status |= {"errorResult": told, "errors": [told]}
        statistics = {"load": {"outputRows": "12"}}
        return {**body, "status": status, "statistics": statistics}


def _error(code: int, reason: str) -> dict[str, Any]:
    told = {"reason": reason, "message": "no word of this for ada@example.com"}
    return {"error": {"code": code, "message": told["message"], "errors": [told]}}


@contextmanager
def load_jobs(fields: list[dict[str, Any]]) -> Iterator[Jobs]:
    """A running server of one table, `events`, in the EU."""
    held = Jobs(fields)

    class Handler(QuietHandler):
        def do_GET(self) -> None:
            last = self.path.partition("?")[0].rpartition("/")[2]
            if "/tables/" in self.path:
                found = last == "events"
                self._tell(
                    200 if found else 404, _table(held) if found else _error(404, "notFound")
                )
            else:
                self._tell(200, held.jobs[last])

        def do_POST(self) -> None:
            self._tell(*held.insert(json.loads(self.body())))

        def _tell(self, code: int, body: dict[str, Any]) -> None:
            self.answer(code, json.dumps(body).encode())

    with serving(Handler) as place:
        held.address = f"http://{place}"
        yield held


def _table(held: Jobs) -> dict[str, Any]:
    reference = {"projectId": "a-project", "datasetId": "figures", "tableId": "events"}
    return {"tableReference": reference, "location": "EU", "schema": {"fields": held.fields}}
