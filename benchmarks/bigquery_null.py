"""BigQuery's doors with nothing behind them: `python -m benchmarks.bigquery_null`.

Prints the addresses of Storage Write and of insertAll as JSON, and when its input ends what it was
sent.
"""

from __future__ import annotations

import itertools
import json
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import grpc
import pyarrow as pa

from pipelines.sinks.bigquery.connection import METHOD
from pipelines.sinks.bigquery.requests import messages

SENT = {"appends": 0, "append_bytes": 0, "rows": 0, "inserts": 0, "insert_bytes": 0}


_SERVICE = METHOD.rpartition("/")[0]


class _StorageWrite(grpc.GenericRpcHandler):
    """Takes appends; of a stream of one's own it knows how many rows it was sent, by the last."""

    def __init__(self) -> None:
        from google.cloud.bigquery_storage_v1 import types

        self._types = types
        self._numbers = itertools.count()
        self._schema, self._last = b"", b""
        self._calls = {
            f"{_SERVICE}/CreateWriteStream": self._created,
            f"{_SERVICE}/FinalizeWriteStream": self._finalized,
            f"{_SERVICE}/BatchCommitWriteStreams": self._committed,
        }

    def service(self, details: Any) -> Any:
        if details.method == METHOD:
            return grpc.stream_stream_rpc_method_handler(self._taken)
        call = self._calls.get(details.method)
        return grpc.unary_unary_rpc_method_handler(call) if call else None

    def _taken(self, requests: Iterator[bytes], context: Any) -> Iterator[bytes]:
        reply = messages().AppendRowsResponse()
        reply.append_result.SetInParent()
        told = reply.SerializeToString()
        for number, request in enumerate(requests):
            SENT["appends"] += 1
            SENT["append_bytes"] += len(request)
            if number == 0:
                self._schema = request
            self._last = request
            yield told

    def _created(self, request: bytes, context: Any) -> bytes:
        types = self._types
        parent = types.CreateWriteStreamRequest.deserialize(request).parent
        made = types.WriteStream(name=f"{parent}/streams/{next(self._numbers)}")
        return bytes(types.WriteStream.serialize(made))

    def _finalized(self, request: bytes, context: Any) -> bytes:
        SENT["rows"] = self._rows()
        held = self._types.FinalizeWriteStreamResponse(row_count=SENT["rows"])
        return bytes(self._types.FinalizeWriteStreamResponse.serialize(held))

    def _committed(self, request: bytes, context: Any) -> bytes:
        done = self._types.BatchCommitWriteStreamsResponse()
        return bytes(self._types.BatchCommitWriteStreamsResponse.serialize(done))

    def _rows(self) -> int:
        first, last = (
            messages().AppendRowsRequest.FromString(each) for each in (self._schema, self._last)
        )
        schema = pa.ipc.read_schema(pa.py_buffer(first.arrow_rows.writer_schema.serialized_schema))
        rows = pa.py_buffer(last.arrow_rows.rows.serialized_record_batch)
        return int(last.offset.value + pa.ipc.read_record_batch(rows, schema).num_rows)


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
