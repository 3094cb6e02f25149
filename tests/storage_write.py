"""A server of the Storage Write API that keeps rows in memory and breaks as it is told to.

It checks what the service documents: a schema once a connection, an offset on streams of one's own
and none on the default stream, nothing above the limit, nothing seen before it is committed.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
import pyarrow as pa
from google.cloud.bigquery_storage_v1 import types
from google.protobuf import any_pb2
from google.rpc import status_pb2

from pipelines.sinks.bigquery.connection import METHOD
from pipelines.sinks.bigquery.requests import messages

SERVICE = METHOD.rpartition("/")[0]
MOST_REQUEST_BYTES = 10_000_000
Plan = Callable[["Request"], "Answer | None"]


@dataclass
class Request:
    """What a plan may look at: the number of the request among all (from 0), and its rows."""

    number: int
    connection: int
    stream: str
    rows: pa.RecordBatch
    offset: int | None
    bytes: int
    has_schema: bool


@dataclass
class Answer:
    """Instead of taking the rows and saying so.

    `code`: the gRPC code answered; `ends`: as the end of the connection. `takes`: the rows are taken
    before the answer, or before the silence where `silent`. `seconds`: how long it takes.
    """

    code: str | None = None
    storage_code: str | None = None
    row_errors: dict[int, str] = field(default_factory=dict)
    ends: bool = False
    takes: bool = False
    silent: bool = False
    seconds: float = 0.0


@dataclass
class Stream:
    name: str
    batches: list[pa.RecordBatch] = field(default_factory=list)
    rows: int = 0
    state: str = "open"


class StorageWrite(grpc.GenericRpcHandler):
    """The handler and what it holds. `plan` decides about each request, `unary` about each call."""

    def __init__(self) -> None:
        self.plan: Plan = lambda request: None
        self.unary: Callable[[str], str | None] = lambda method: None
        self.requests: list[Request] = []
        self.calls: list[str] = []
        self.streams: dict[str, Stream] = {}
        self.seen: dict[str, list[pa.RecordBatch]] = {}
        self.connections = 0
        self.open = 0
        self._lock = threading.Lock()
        self.port = 0

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def table(self, path: str) -> pa.Table:
        """What a reader of the table sees."""
        batches = self.seen.get(path, [])
        return pa.Table.from_batches(batches) if batches else pa.table({})

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
        if details.method == METHOD:
            return grpc.stream_stream_rpc_method_handler(self._append)
        name = details.method.removeprefix(f"{SERVICE}/")
        calls = {
            "CreateWriteStream": (types.CreateWriteStreamRequest, self._create),
            "FinalizeWriteStream": (types.FinalizeWriteStreamRequest, self._finalize),
            "BatchCommitWriteStreams": (types.BatchCommitWriteStreamsRequest, self._commit),
        }
        if name not in calls:
            return None
        kind, run = calls[name]

        def answer(request: Any, context: grpc.ServicerContext) -> Any:
            self.calls.append(name)
            told = self.unary(name)
            if told and not told.startswith("after "):
                context.abort(grpc.StatusCode[told], "as planned")
            answered = run(request, context)
            if told:
                context.abort(grpc.StatusCode[told.removeprefix("after ")], "as planned")
            return answered

        return grpc.unary_unary_rpc_method_handler(
            answer,
            request_deserializer=kind.deserialize,
            response_serializer=lambda message: type(message).serialize(message),
        )

    def _append(self, requests: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[bytes]:
        with self._lock:
            connection, self.connections = self.connections, self.connections + 1
            self.open += 1
        stream, schema = "", None
        try:
            for raw in requests:
                message = messages().AppendRowsRequest.FromString(raw)
                stream = message.write_stream or stream
                told = message.arrow_rows.writer_schema.serialized_schema
                schema = pa.ipc.read_schema(pa.py_buffer(told)) if told else schema
                if schema is None:
                    context.abort(grpc.StatusCode.INVALID_ARGUMENT, "no schema")
                rows = pa.ipc.read_record_batch(
                    pa.py_buffer(message.arrow_rows.rows.serialized_record_batch), schema
                )
                offset = message.offset.value if message.HasField("offset") else None
                with self._lock:
                    request = Request(
                        len(self.requests), connection, stream, rows, offset, len(raw), bool(told)
                    )
                    self.requests.append(request)
                    plan = self.plan(request) or Answer()
                if plan.seconds:
                    time.sleep(plan.seconds)
                code = plan.code
                if code is None or plan.takes:
                    with self._lock:
                        code = self._take(request) or code
                if plan.silent:
                    continue
                if plan.ends:
                    context.abort(grpc.StatusCode[code or "UNAVAILABLE"], "as planned")
                yield self._reply(request, plan, code)
        finally:
            with self._lock:
                self.open -= 1

    def _take(self, request: Request) -> str | None:
        """Keep the rows, or the code of why not."""
        if request.bytes > MOST_REQUEST_BYTES:
            return "INVALID_ARGUMENT"
        table, _, name = request.stream.partition("/streams/")
        if name == "_default":
            if request.offset is not None:
                return "INVALID_ARGUMENT"
            self.seen.setdefault(table, []).append(request.rows)
            return None
        stream = self.streams.get(request.stream)
        if stream is None:
            return "NOT_FOUND"
        if stream.state != "open":
            return "FAILED_PRECONDITION"
        offset = stream.rows if request.offset is None else request.offset
        if offset != stream.rows:
            return "ALREADY_EXISTS" if offset < stream.rows else "OUT_OF_RANGE"
        stream.batches.append(request.rows)
        stream.rows += request.rows.num_rows
        return None

    def _reply(self, request: Request, plan: Answer, code: str | None) -> bytes:
        reply = messages().AppendRowsResponse(write_stream=request.stream)
        if code is None:
            reply.append_result.SetInParent()
            return bytes(reply.SerializeToString())
        status = status_pb2.Status(code=grpc.StatusCode[code].value[0], message="a secret value")
        if plan.storage_code:
            error = messages().StorageError(
                code=getattr(types.StorageError.StorageErrorCode, plan.storage_code)
            )
            detail = any_pb2.Any()
            detail.Pack(error)
            status.details.append(detail)
        reply.error.CopyFrom(status)
        for index, message in plan.row_errors.items():
            reply.row_errors.add(index=index, code=1, message=message)
        return bytes(reply.SerializeToString())

    def _create(self, request: Any, context: Any) -> Any:
        with self._lock:
            name = f"{request.parent}/streams/{len(self.streams):016x}"
            self.streams[name] = Stream(name)
        return types.WriteStream(name=name, type_=request.write_stream.type_)

    def _finalize(self, request: Any, context: Any) -> Any:
        stream = self.streams.get(request.name)
        if stream is None:
            context.abort(grpc.StatusCode.NOT_FOUND, "no such stream")
        if stream.state == "open":
            stream.state = "finalized"
        return types.FinalizeWriteStreamResponse(row_count=stream.rows)

    def _commit(self, request: Any, context: Any) -> Any:
        codes = types.StorageError.StorageErrorCode
        wrong = {
            "committed": codes.STREAM_ALREADY_COMMITTED,
            "open": codes.INVALID_STREAM_STATE,
            "missing": codes.STREAM_NOT_FOUND,
        }
        states = {
            name: self.streams[name].state if name in self.streams else "missing"
            for name in request.write_streams
        }
        errors = [
            types.StorageError(code=wrong[state], entity=name)
            for name, state in states.items()
            if state in wrong
        ]
        if not errors:
            for name in states:
                self.streams[name].state = "committed"
                self.seen.setdefault(request.parent, []).extend(self.streams[name].batches)
        return types.BatchCommitWriteStreamsResponse(stream_errors=errors)


@contextmanager
def storage_write() -> Iterator[StorageWrite]:
    """A running server on a free port."""
    handler = StorageWrite()
    server = grpc.server(
        ThreadPoolExecutor(16),
        handlers=[handler],
        options=[("grpc.max_receive_message_length", -1)],
    )
    handler.port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield handler
    finally:
        server.stop(0)
