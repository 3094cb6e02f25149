"""A server before the emulator that refuses what an account may not do: the emulator knows none."""

from __future__ import annotations

import json
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@contextmanager
def forbidding(address: str, *names: str) -> Iterator[str]:
    """Address of a server that answers as the one at `address`, but 403 to what names one of these.

    As BigQuery documents it: of a query that reads a table, and of the dataset itself.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._pass_on(None)

        def do_POST(self) -> None:
            self._pass_on(self.rfile.read(int(self.headers.get("Content-Length") or 0)))

        def _pass_on(self, body: bytes | None) -> None:
            asked = self.path + (body or b"").decode()
            for name in names:
                if name in asked:
                    return self._answer(403, json.dumps(_denied(name)).encode())
            sent = {k: v for k, v in self.headers.items() if k in ("Content-Type", "Accept")}
            request = urllib.request.Request(address + self.path, body, sent, method=self.command)
            try:
                with urllib.request.urlopen(request) as found:
                    return self._answer(found.status, found.read())
            except urllib.error.HTTPError as refused:
                return self._answer(refused.code, refused.read())

        def _answer(self, code: int, content: bytes) -> None:
            self.send_response(code)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Nothing on the terminal of the tests."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def _denied(name: str) -> dict[str, Any]:
    message = f"Access Denied: {name}: User does not have permission to query it"
    told = {"reason": "accessDenied", "message": message}
    return {"error": {"code": 403, "message": message, "errors": [told]}}
