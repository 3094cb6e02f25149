"""One connection of Storage Write: requests go out, replies come back in the same order."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Protocol

from pipelines.sinks.bigquery.faults import Fault, RowFault, column_named
from pipelines.sinks.bigquery.requests import messages

METHOD = "/google.cloud.bigquery.storage.v1.BigQueryWrite/AppendRows"


class Call(Protocol):
    """What gRPC gives for a call in both directions."""

    def __iter__(self) -> Iterator[Any]: ...

    def cancel(self) -> Any: ...


Start = Callable[[Iterable[bytes]], Call]
"""Begin the call that is given these requests."""


class Connection:
    """A call and the thread that reads its replies, so that waiting for one can have an end."""

    def __init__(self, start: Start, columns: Sequence[str]) -> None:
        self._requests: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._replies: queue.SimpleQueue[Fault | None] = queue.SimpleQueue()
        self._columns = columns
        self.ended = False
        self._call = start(iter(self._requests.get, None))
        threading.Thread(target=self._read, name="append-replies", daemon=True).start()

    def send(self, request: bytes) -> None:
        """Hand over a request; it waits here until the network takes it."""
        self._requests.put(request)

    def receive(self, seconds: float) -> Fault | None:
        """The next reply: None for rows that were taken, else why they were not.

        A reply that does not come in `seconds` ends the connection as a broken one would.
        """
        try:
            return self._replies.get(timeout=seconds)
        except queue.Empty:
            return Fault("DEADLINE_EXCEEDED", broken=True)

    def close(self) -> None:
        """End it now; what had no reply may have been written or not."""
        self._requests.put(None)
        self._call.cancel()

    def _read(self) -> None:
        import grpc

        end = Fault("UNAVAILABLE", broken=True)
        try:
            for reply in self._call:
                self._replies.put(fault_of_reply(reply, self._columns))
        except grpc.RpcError as error:
            end = fault_of_error(error)
        finally:
            self.ended = True
            self._replies.put(end)
            # gRPC's own thread waits for the next request, and would for ever.
            self._requests.put(None)


def fault_of_reply(reply: Any, columns: Sequence[str]) -> Fault | None:
    """What an AppendRowsResponse says is wrong; None where it says that rows were taken."""
    if not reply.HasField("error"):
        return None
    names = messages().RowErrorCode
    rows = [
        RowFault(row.index, names(row.code).name, column_named(row.message, columns))
        for row in reply.row_errors
    ]
    return Fault(_code_name(reply.error.code), _storage_code(reply.error.details), rows)


def fault_of_error(error: Any) -> Fault:
    """The fault of a call that ended with a gRPC error, with what its trailers tell of it."""
    details: Sequence[Any] = ()
    for key, value in error.trailing_metadata() or ():
        if key == "grpc-status-details-bin":
            from google.rpc import status_pb2

            details = status_pb2.Status.FromString(value).details
    return Fault(error.code().name, _storage_code(details), broken=True)


def _code_name(number: int) -> str:
    import grpc

    return next((code.name for code in grpc.StatusCode if code.value[0] == number), "UNKNOWN")


def _storage_code(details: Iterable[Any]) -> str | None:
    """The code of the StorageError among the details of a status."""
    for detail in details:
        if detail.type_url.endswith("google.cloud.bigquery.storage.v1.StorageError"):
            code = messages().StorageError.FromString(detail.value).code
            return str(messages().StorageErrorCode(code).name) if code else None
    return None
