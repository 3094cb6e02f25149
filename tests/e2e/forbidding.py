"""A server before the emulator that refuses what an account may not do: the emulator knows none."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.web_server import QuietHandler, serving


@contextmanager
def forbidding(address: str, *names: str) -> Iterator[str]:
    """Address of a server that answers as the one at `address`, but 403 to what names one of these.

    As BigQuery documents it: of a query that reads a table, and of the dataset itself.
    """

    class Handler(QuietHandler):
        def do_GET(self) -> None:
            self._pass_on(None)

        def do_POST(self) -> None:
            self._pass_on(self.body())

        def _pass_on(self, body: bytes | None) -> None:
            asked = self.path + (body or b"").decode()
            for name in names:
                if name in asked:
                    return self.answer(403, json.dumps(_denied(name)).encode())
            sent = {k: v for k, v in self.headers.items() if k in ("Content-Type", "Accept")}
            request = urllib.request.Request(address + self.path, body, sent, method=self.command)
            try:
                with urllib.request.urlopen(request) as found:
                    return self.answer(found.status, found.read())
            except urllib.error.HTTPError as refused:
                return self.answer(refused.code, refused.read())

    with serving(Handler) as place:
        yield f"http://{place}"


def _denied(name: str) -> dict[str, Any]:
    message = f"Access Denied: {name}: User does not have permission to query it"
    told = {"reason": "accessDenied", "message": message}
    return {"error": {"code": 403, "message": message, "errors": [told]}}
