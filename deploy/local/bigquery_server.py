"""Runs bqemulator with two changes; a script of the emulator's environment, with its flags.

It has one connection to DuckDB. Append connections use it on threads of their own, everything else
on the event loop: when two meet, each waits for the other for ever. Here appends are on the loop as
well. And it copies the whole table after each append, so that one may ask what was there before,
which nobody does here: an append would take longer with each one before it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator
from typing import Any

import grpc
from bqemulator.cli import main
from bqemulator.grpc_api.write_servicer import BigQueryWriteHandler
from bqemulator.versioning.snapshots import SnapshotManager

APPEND_ROWS = "/google.cloud.bigquery.storage.v1.BigQueryWrite/AppendRows"


class OnTheLoop(BigQueryWriteHandler):
    """The emulator's handler of Storage Write, that takes appends on the event loop."""

    def service(self, handler_call_details: Any) -> Any:
        if handler_call_details.method == APPEND_ROWS:
            return grpc.stream_stream_rpc_method_handler(self._append)
        return super().service(handler_call_details)

    async def _append(self, requests: AsyncIterator[bytes], context: Any) -> AsyncIterator[bytes]:
        """An answer a request: what the emulator yields when it is given one and no more."""
        given: deque[bytes] = deque()
        answers = self._handle_append_rows(iter(given.popleft, None), context)
        async for request in requests:
            given.append(request)
            try:
                answer = next(answers)
            except StopIteration:
                return
            yield answer


if __name__ == "__main__":
    import bqemulator.grpc_api.write_servicer as writing

    writing.BigQueryWriteHandler = OnTheLoop
    SnapshotManager.capture = lambda *table, **kind: None
    main()
