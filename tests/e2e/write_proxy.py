"""A proxy before a server of the Storage Write API, that breaks what passes as a seed says.

Requests and replies are passed on as the bytes they are, one after the other on a connection. What
a client may meet between itself and BigQuery happens here, and is counted when it has happened.
"""

from __future__ import annotations

import queue
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from enum import Enum
from functools import partial
from typing import NoReturn

import grpc
from google.rpc import status_pb2

from pipelines.sinks.bigquery.clients import CHANNEL_OPTIONS
from pipelines.sinks.bigquery.connection import METHOD
from pipelines.sinks.bigquery.requests import messages

CONNECTIONS = 128
"""Each open one holds a thread; a job of two slots keeps some dozen."""
SLOW_SECONDS = 0.5
ROUTING = "x-goog-request-params"


class Fault(Enum):
    """What becomes of a request or of its reply. All but the last two end the connection."""

    REFUSED = "UNAVAILABLE: the server never saw the request"
    REPLY_LOST = "UNAVAILABLE: the server has done what was asked"
    BROKEN = "the stream is reset while the request is on its way"
    EXHAUSTED = "RESOURCE_EXHAUSTED: the server never saw the request"
    SLOW = "the reply comes late"


OF_CALLS = (Fault.REFUSED, Fault.REPLY_LOST, Fault.EXHAUSTED, Fault.SLOW)


class Schedule:
    """Of so many requests each kind of fault happens to one; which ones, the seed says."""

    def __init__(self, faults: Sequence[Fault], requests: int, seed: int) -> None:
        self._dealt = [*faults, *[None] * (requests - len(faults))]
        self._left: list[Fault | None] = []
        self._chance = random.Random(seed)
        self._lock = threading.Lock()

    def next(self) -> Fault | None:
        """What the next request meets; None where it is left alone."""
        with self._lock:
            if not self._left:
                self._left = self._chance.sample(self._dealt, len(self._dealt))
            return self._left.pop()


class WriteProxy(grpc.GenericRpcHandler):
    """The handler, and what has happened: how often each fault, by the name of the method."""

    def __init__(self, server: grpc.Channel, requests: int, seed: int) -> None:
        self._server = server
        self._appends = Schedule(tuple(Fault), requests, seed)
        self._calls = Schedule(OF_CALLS, requests, seed)
        self._lock = threading.Lock()
        self.happened: Counter[tuple[str, Fault]] = Counter()
        self.port = 0

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def of_appends(self) -> set[Fault]:
        """The kinds of fault that appends have met."""
        return {fault for name, fault in self.happened if name == _name(METHOD)}

    def of_calls(self) -> set[Fault]:
        """The kinds that all else has met: streams made, finalized and committed."""
        return {fault for name, fault in self.happened if name != _name(METHOD)}

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler:
        if details.method == METHOD:
            return grpc.stream_stream_rpc_method_handler(self._append)
        return grpc.unary_unary_rpc_method_handler(partial(self._call, details.method))

    def _append(self, requests: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[bytes]:
        passed: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        start = self._server.stream_stream(METHOD)
        replies = start(iter(passed.get, None), metadata=_routing(context))
        try:
            for request in requests:
                fault = self._appends.next()
                if fault is Fault.EXHAUSTED:
                    self._count(METHOD, fault)
                    yield _exhausted()
                    continue
                if fault is Fault.REFUSED:
                    self._abort(METHOD, fault, context)
                passed.put(request)
                if fault is Fault.BROKEN:
                    self._count(METHOD, fault)
                    context.cancel()
                    return
                reply = _next(replies, context)
                self._after(METHOD, fault, context)
                yield reply
        finally:
            passed.put(None)
            replies.cancel()

    def _call(self, method: str, request: bytes, context: grpc.ServicerContext) -> bytes:
        fault = self._calls.next()
        if fault in (Fault.REFUSED, Fault.EXHAUSTED):
            self._abort(method, fault, context)
        try:
            reply: bytes = self._server.unary_unary(method)(request, metadata=_routing(context))
        except grpc.RpcError as error:
            context.abort(error.code(), error.details())
        self._after(method, fault, context)
        return reply

    def _after(self, method: str, fault: Fault | None, context: grpc.ServicerContext) -> None:
        """What happens to a reply that the server gave."""
        if fault is Fault.REPLY_LOST:
            self._abort(method, fault, context)
        if fault is Fault.SLOW:
            time.sleep(SLOW_SECONDS)
            self._count(method, fault)

    def _abort(self, method: str, fault: Fault, context: grpc.ServicerContext) -> NoReturn:
        self._count(method, fault)
        exhausted = fault is Fault.EXHAUSTED
        code = grpc.StatusCode.RESOURCE_EXHAUSTED if exhausted else grpc.StatusCode.UNAVAILABLE
        context.abort(code, "as scheduled")

    def _count(self, method: str, fault: Fault) -> None:
        with self._lock:
            self.happened[_name(method), fault] += 1


@contextmanager
def write_proxy(server: str, requests: int, seed: int) -> Iterator[WriteProxy]:
    """A running proxy on a free port, before the server at an address.

    Of so many requests each kind of fault happens to one; which ones, the seed says.
    """
    with grpc.insecure_channel(server, options=CHANNEL_OPTIONS) as channel:
        proxy = WriteProxy(channel, requests, seed)
        running = grpc.server(
            ThreadPoolExecutor(CONNECTIONS),
            handlers=[proxy],
            options=[("grpc.max_receive_message_length", -1)],
        )
        proxy.port = running.add_insecure_port("127.0.0.1:0")
        running.start()
        try:
            yield proxy
        finally:
            running.stop(0)


def _next(replies: Iterator[bytes], context: grpc.ServicerContext) -> bytes:
    """The server's next reply. Where it ends the connection, so does the proxy."""
    try:
        return next(replies)
    except grpc.RpcError as error:
        context.abort(error.code(), error.details())


def _exhausted() -> bytes:
    """A reply that says so and leaves the connection open, as BigQuery answers for one request."""
    code, _ = grpc.StatusCode.RESOURCE_EXHAUSTED.value
    status = status_pb2.Status(code=code, message="as scheduled")
    return bytes(messages().AppendRowsResponse(error=status).SerializeToString())


def _routing(context: grpc.ServicerContext) -> list[tuple[str, str]]:
    return [(key, value) for key, value in context.invocation_metadata() if key == ROUTING]


def _name(method: str) -> str:
    return method.rpartition("/")[2]
