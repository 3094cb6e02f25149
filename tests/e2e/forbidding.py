"""A server before the emulator that refuses what an account may not do: the emulator knows none."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from tests.web_server import QuietHandler, serving

Refusal = Callable[[str, str, bytes], str | None]
"""Of method, path and body: what is denied, None where nothing is."""


def forbidding(address: str, *names: str) -> AbstractContextManager[str]:
    """Address of a server that answers as the one at `address`, but 403 to what names one of these.

    As BigQuery documents it: of a query that reads a table, and of the dataset itself.
    """

    def refusal(method: str, path: str, body: bytes) -> str | None:
        asked = path + body.decode()
        return next((name for name in names if name in asked), None)

    return refusing(address, refusal)


@contextmanager
def refusing(address: str, refusal: Refusal) -> Iterator[str]:
    """The same, but 403 to what `refusal` says something is denied of."""

    class Handler(QuietHandler):
        def do_GET(self) -> None:
            self._pass_on(None)

        def do_POST(self) -> None:
            self._pass_on(self.body())

        def _pass_on(self, body: bytes | None) -> None:
            denied = refusal(self.command, self.path, body or b"")
            if denied is not None:
                return self.answer(403, json.dumps(_denied(denied)).encode())
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
