"""Streams of a bounded job: each bundle writes one that nobody sees, one step commits them all."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

from pipelines.sinks.bigquery.append import USUAL, Patience
from pipelines.sinks.bigquery.faults import (
    CREATE_RULES,
    RULES,
    Action,
    Fault,
    Rule,
    SinkError,
    sink_error,
)

T = TypeVar("T")

_COMMITTED = "STREAM_ALREADY_COMMITTED"
_CALL_SECONDS = 60.0


class Streams:
    """Pending streams of one table, `projects/…/tables/…`. Calls are tried again as appends are."""

    def __init__(
        self,
        client: Any,
        table: str,
        patience: Patience = USUAL,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._client, self._table, self._patience = client, table, patience
        self._now, self._sleep = now, sleep

    def create(self) -> str:
        """The name of a new pending stream. One whose reply was lost is left behind, empty."""
        from google.cloud.bigquery_storage_v1 import types

        pending = types.WriteStream(type_=types.WriteStream.Type.PENDING)
        created = self._call(
            lambda: self._client.create_write_stream(
                parent=self._table, write_stream=pending, retry=None, timeout=_CALL_SECONDS
            ),
            CREATE_RULES,
        )
        return str(created.name)

    def finalize(self, stream: str, rows: int) -> None:
        """Close the stream to appends. SinkError where it does not hold exactly `rows`."""
        held = self._call(
            lambda: self._client.finalize_write_stream(
                name=stream, retry=None, timeout=_CALL_SECONDS
            )
        ).row_count
        if held != rows:
            raise SinkError(
                f"expected {rows} rows in a stream of the BigQuery table {_dotted(self._table)},"
                f" found {held}: the bundle is to be written again"
            )

    def commit(self, names: Sequence[str]) -> None:
        """Make the rows of all these streams seen, at once, or raise SinkError.

        Committing again what is committed changes nothing: the call before may have lost its reply.
        """
        from google.cloud.bigquery_storage_v1 import types

        left = sorted(set(names))
        while left:
            request = types.BatchCommitWriteStreamsRequest(parent=self._table, write_streams=left)
            commit = partial(
                self._client.batch_commit_write_streams,
                request=request,
                retry=None,
                timeout=_CALL_SECONDS,
            )
            errors = self._call(commit).stream_errors
            if not errors:
                return
            committed = {error.entity for error in errors if _is_committed(error)}
            others = [error for error in errors if error.entity not in committed]
            if others or not committed & set(left):
                fault = Fault("FAILED_PRECONDITION", (others or errors)[0].code.name)
                advice = "nothing was committed: run the job again"
                raise sink_error(fault, _dotted(self._table), advice)
            left = [name for name in left if name not in committed]

    def _call(self, call: Callable[[], T], rules: Mapping[str, Rule] = RULES) -> T:
        from google.api_core.exceptions import GoogleAPICallError

        began, attempt = self._now(), 0
        while True:
            try:
                return call()
            except GoogleAPICallError as error:
                code = error.grpc_status_code.name if error.grpc_status_code else "UNKNOWN"
                rule = rules.get(code, Rule(Action.FAIL, "this is not mended by trying again"))
                lasting = self._now() - began
                bounded = rule.action in (Action.RECONNECT, Action.BACK_OFF)
                if not bounded or lasting >= self._patience.bound(rule.action):
                    table = _dotted(self._table)
                    seconds = lasting if bounded else None
                    raise sink_error(Fault(code), table, rule.advice, seconds) from None
            bound = min(self._patience.first_pause * 2**attempt, self._patience.longest_pause)
            self._sleep(bound * (0.5 + random.random() / 2))
            attempt += 1


def _is_committed(error: Any) -> bool:
    # The emulator tells the state in words, where the service has a code.
    told = str(error.error_message).endswith("state=COMMITTED")
    return error.code.name == _COMMITTED or (error.code.name == "INVALID_STREAM_STATE" and told)


def _dotted(table: str) -> str:
    return ".".join(table.split("/")[1::2])
