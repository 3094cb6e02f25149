"""BigQuery's doors with nothing behind them: `python -m benchmarks.bigquery_null`.

Prints the addresses of Storage Write and of insertAll as JSON, and when its input ends what it was
sent.
"""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import grpc

from pipelines.sinks.bigquery.connection import METHOD
from pipelines.sinks.bigquery.requests import messages

SENT = {"appends": 0, "append_bytes": 0, "inserts": 0, "insert_bytes": 0}


class _StorageWrite(grpc.GenericRpcHandler):
    def service(self, details: Any) -> Any:
        return grpc.stream_stream_rpc_method_handler(_taken) if details.method == METHOD else None


def _taken(requests: Iterator[bytes], context: Any) -> Iterator[bytes]:
    reply = messages().AppendRowsResponse()
    reply.append_result.SetInParent()
    told = reply.SerializeToString()
    for request in requests:
        SENT["appends"] += 1
        SENT["append_bytes"] += len(request)
        yield told


class _InsertAll(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        SENT["inserts"] += 1
        SENT["insert_bytes"] += len(body)
        told = b'{"kind": "bigquery#tableDataInsertAllResponse"}'
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(told)))
        self.end_headers()
        self.wfile.write(told)

    def log_message(self, format: str, *arguments: Any) -> None:
        """Nothing is told of each request."""


def main() -> None:
    server = grpc.server(
        ThreadPoolExecutor(8),
        handlers=[_StorageWrite()],
        options=[("grpc.max_receive_message_length", -1)],
    )
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    web = ThreadingHTTPServer(("127.0.0.1", 0), _InsertAll)
    threading.Thread(target=web.serve_forever, daemon=True).start()
    addresses = {"write": f"127.0.0.1:{port}", "rest": f"http://127.0.0.1:{web.server_port}"}
    print(json.dumps(addresses), flush=True)
    sys.stdin.read()
    print(json.dumps(SENT), flush=True)
    server.stop(0)


if __name__ == "__main__":
    main()
