"""Append Arrow batches to a write stream of BigQuery: near the request limit, several in flight.

What is promised: after `flush` every row has been acknowledged or is given back with a reason, or
an error was raised. On the default stream a row may be there twice (a reply was lost), on a stream
of our own it is there once, for offsets say where each request belongs.
"""

from __future__ import annotations

import random
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pyarrow as pa

from pipelines.sinks.bigquery.connection import Connection
from pipelines.sinks.bigquery.faults import CASCADES, Action, Fault, RowFault, Rule, sink_error
from pipelines.sinks.bigquery.requests import MOST_BYTES, Gatherer, request

MINUTE = 60.0


@dataclass(frozen=True)
class Patience:
    """How much is in flight, and for how long each kind of fault is tried again.

    Bounds begin with the first fault and start anew when rows are taken. BigQuery says that a new
    column is known everywhere within minutes; ten are waited for.
    """

    most_bytes: int = MOST_BYTES
    in_flight: int = 4
    reply_seconds: float = MINUTE
    reconnect_seconds: float = 5 * MINUTE
    back_off_seconds: float = 10 * MINUTE
    propagate_seconds: float = 10 * MINUTE
    first_pause: float = 0.25
    longest_pause: float = 20.0

    def bound(self, action: Action) -> float:
        return {
            Action.RECONNECT: self.reconnect_seconds,
            Action.BACK_OFF: self.back_off_seconds,
            Action.PROPAGATE: self.propagate_seconds,
        }[action]


USUAL = Patience()

_SEVERITY = {
    Action.DONE: 0,
    Action.SPLIT: 1,
    Action.RECONNECT: 2,
    Action.BACK_OFF: 3,
    Action.PROPAGATE: 4,
    Action.FAIL: 5,
}


@dataclass(frozen=True)
class Refused:
    """A row that BigQuery will never take, why, and in which column, if it said so."""

    row: pa.RecordBatch
    code: str
    path: str | None


@dataclass
class Counts:
    """What was sent so far, again included."""

    rows: int = 0
    requests: int = 0
    bytes: int = 0
    retries: int = 0


class Appender:
    """Rows of one table to one stream. For one thread at a time; time is given from outside."""

    def __init__(
        self,
        stream: str,
        schema: pa.Schema,
        connect: Callable[[], Connection],
        patience: Patience = USUAL,
        has_offsets: bool = False,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._stream, self._schema, self._connect = stream, schema, connect
        self._patience, self._has_offsets = patience, has_offsets
        self._now, self._sleep, self._chance = now, sleep, chance
        self._gatherer = Gatherer(patience.most_bytes)
        self._waiting: deque[pa.RecordBatch] = deque()
        self._sent: deque[pa.RecordBatch] = deque()
        self._refused: list[Refused] = []
        self._connection: Connection | None = None
        self._first = True
        self._acknowledged = 0
        self._next_offset = 0
        self._attempts = 0
        self._since: dict[Action, float] = {}
        self.counts = Counts()

    @property
    def acknowledged(self) -> int:
        """Rows that BigQuery said it has."""
        return self._acknowledged

    def append(self, batch: pa.RecordBatch) -> None:
        """Take rows of the stream's schema; returns when they wait, are in flight or are written.

        Raises SinkError as `flush` does.
        """
        self._waiting.extend(self._gatherer.add(batch))
        self._pump(self._patience.in_flight)

    def flush(self) -> list[Refused]:
        """Send what is left and wait for every reply; the rows that were refused since the last.

        Raises SinkError where a fault outlasts its bound or cannot be mended; then nothing that
        was appended since the last `flush` may be taken for written.
        """
        self._waiting.extend(self._gatherer.rest())
        self._pump(0)
        refused, self._refused = self._refused, []
        return refused

    def take_counts(self) -> Counts:
        """What was sent since they were last taken."""
        counts, self.counts = self.counts, Counts()
        return counts

    def close(self) -> None:
        """End the connection; what was not flushed may be written or not."""
        self._disconnect()
        self._gatherer.rest()
        self._waiting.clear()
        self._sent.clear()

    def _pump(self, most_in_flight: int) -> None:
        """Send all that waits, and receive until so few are in flight."""
        while self._waiting or len(self._sent) > most_in_flight:
            if self._waiting and len(self._sent) < self._patience.in_flight:
                self._send(self._waiting.popleft())
            else:
                self._receive()

    def _send(self, rows: pa.RecordBatch) -> None:
        if rows.num_rows == 1 and pa.ipc.get_record_batch_size(rows) > self._patience.most_bytes:
            self._refused.append(Refused(rows, "ROW_TOO_LARGE", None))
            return
        if self._connection is not None and self._connection.ended and not self._sent:
            # BigQuery ends connections that are idle for long: nothing was lost by it.
            self._disconnect()
        if self._connection is None:
            self._connection, self._first = self._connect(), True
        serialized = request(
            rows,
            self._stream,
            self._schema if self._first else None,
            self._next_offset if self._has_offsets else None,
        )
        self._first = False
        self._connection.send(serialized)
        self._sent.append(rows)
        self._next_offset += rows.num_rows
        self.counts.requests += 1
        self.counts.bytes += len(serialized)

    def _receive(self) -> None:
        """One reply. After a fault those of all others in flight are awaited too, then it is met.

        So no request is sent again that was taken, and none meets the remains of an earlier try.
        """
        fault = self._reply()
        faults: list[Fault] = []
        again: list[pa.RecordBatch] = []
        while True:
            if fault is None:
                self._taken()
            else:
                faults.append(fault)
                again += self._put_back(fault)
            broken = fault is not None and fault.broken
            if not faults or broken or not self._sent:
                break
            fault = self._reply()
        if faults:
            again += self._sent
            self._sent.clear()
            self._waiting.extendleft(reversed(again))
            self._next_offset = self._acknowledged
            self._meet(self._worst(faults))

    def _reply(self) -> Fault | None:
        assert self._connection is not None, "a reply is awaited of what was sent"
        fault = self._connection.receive(self._patience.reply_seconds)
        if fault is not None and fault.broken:
            self._disconnect()
        return fault

    def _taken(self) -> None:
        rows = self._sent.popleft().num_rows
        self._acknowledged += rows
        self.counts.rows += rows
        self._attempts = 0
        self._since.clear()

    def _put_back(self, fault: Fault) -> list[pa.RecordBatch]:
        """The request of this fault, to be sent again without the rows that are at fault."""
        action = fault.rule(self._has_offsets).action
        if action is Action.DONE and self._sent:
            self._taken()
            return []
        if fault.broken:
            # It tells of the connection: all that is in flight is sent again.
            return []
        rows = self._sent.popleft()
        if action is Action.SPLIT:
            rows = self._without(rows, fault.rows)
        return [rows] if rows.num_rows else []

    def _without(self, rows: pa.RecordBatch, faults: Sequence[RowFault]) -> pa.RecordBatch:
        bad = {fault.row: fault for fault in faults if 0 <= fault.row < rows.num_rows}
        if not bad:
            raise self._error(Fault("INVALID_ARGUMENT"), Rule(Action.FAIL, "no row was named"))
        for index, fault in sorted(bad.items()):
            self._refused.append(Refused(rows.slice(index, 1), fault.code, fault.path))
        good = [index not in bad for index in range(rows.num_rows)]
        return rows.filter(pa.array(good))

    def _worst(self, faults: Sequence[Fault]) -> Fault:
        """The fault to act on. What only follows from the first is not one."""
        first, *others = faults
        own = [fault for fault in others if not (self._has_offsets and fault.name in CASCADES)]
        return max((first, *own), key=lambda fault: _SEVERITY[fault.rule(self._has_offsets).action])

    def _meet(self, fault: Fault) -> None:
        """Pause, reconnect or raise, as the rule of the fault says."""
        rule = fault.rule(self._has_offsets)
        if rule.action is Action.FAIL:
            raise self._error(fault, rule)
        if rule.action in (Action.DONE, Action.SPLIT):
            return
        self.counts.retries += 1
        since = self._since.setdefault(rule.action, self._now())
        lasting = self._now() - since
        if lasting >= self._patience.bound(rule.action):
            raise self._error(fault, rule, lasting)
        if rule.action is Action.BACK_OFF:
            # Who refused the first request may not have seen the schema that came with it.
            self._first = True
        else:
            self._disconnect()
        self._sleep(self._pause(rule.action))
        self._attempts += 1

    def _pause(self, action: Action) -> float:
        """Full jitter under a doubling bound; the first new connection is tried at once."""
        if action is Action.RECONNECT and self._attempts == 0:
            return 0.0
        bound = min(self._patience.first_pause * 2**self._attempts, self._patience.longest_pause)
        return bound * (0.5 + self._chance() / 2)

    def _error(self, fault: Fault, rule: Rule, lasting: float | None = None) -> Exception:
        self.close()
        table = ".".join(self._stream.split("/")[1:6:2])
        return sink_error(fault, table, rule.advice, lasting)

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
