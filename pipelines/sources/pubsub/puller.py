"""Puller: the part of a Pub/Sub source that outlives its bundles; one a process and element.

It owns the client, the pull that is on its way, the leases and the messages not yet acknowledged.
While a bundle waits to become final the runner builds new DoFns, so nothing of this may be theirs.

A pull is never cut short: the service may have sent messages into a call that its client has just
given up, and nobody has these until their lease ends. Pulling therefore goes on between the calls
of the runner, up to a bound, and whoever calls next takes what it brought. Where nobody calls, as
in a worker that outlives its runner, it is given back.
"""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable
from typing import Any, NamedTuple

from pipelines.sources.pubsub.acknowledgements import Acknowledgements, Delivery
from pipelines.sources.pubsub.client import call_errors, explain, is_refusal, is_timeout
from pipelines.sources.pubsub.leases import Leases
from pipelines.sources.pubsub.messages import Messages, messages_of
from pipelines.sources.pubsub.settings import PullSettings
from pipelines.sources.pubsub.watermark import MICROSECONDS, PublishTimeWatermark, Watermark
from pipelines.sources.streaming import StreamSettings

_LOG = logging.getLogger(__name__)
_PULL_SECONDS = 30.0
_PROBE_SECONDS = 5.0
_LONGEST_PAUSE = 10.0
FIRST_LEASE = 10 * MICROSECONDS
"""A subscription's own acknowledgement deadline is at least this; what it is need not be known."""
FIRST_TICKET = "first"
"""Of a call that nothing went before."""


def now_microseconds() -> int:
    """This machine's clock."""
    return time.time_ns() // 1000


class Call(NamedTuple):
    """One call of the runner: in which run of calls, its number there, and the ticket after it."""

    run: int
    number: int
    following: str


class Puller:
    """Pulls, holds and acknowledges the messages of one subscription, in a few threads of its own.

    Calls are chained by tickets: a call shows the ticket that its predecessor was given. The runner
    keeps that ticket with its state, so only a call whose history holds all that this object has
    emitted can show it. Any other one means that the runner went back to a checkpoint, or moved
    the element: what was emitted and not acknowledged is then given back to the broker.
    """

    def __init__(
        self,
        client: Any,
        path: str,
        where: str,
        stream: StreamSettings,
        pulls: PullSettings,
    ) -> None:
        self._client, self._path, self._where = client, path, where
        self._stream, self._pulls = stream, pulls
        self._changed = threading.Condition()
        self._run = 0
        self._ticket = ""
        self._arrived: deque[tuple[Delivery, Messages]] = deque()
        self._bytes_ahead = 0
        self._pulling = False
        self._closed = False
        self._failure: str | None = None
        self._failing_since: float | None = None
        self._failures = 0
        self.read = 0
        self._deadline: int | None = None
        self._gave_back = False
        self._start_run()
        self._leases = Leases(client, path, pulls, now_microseconds)
        for work in (self._pull_for_ever, self._keep_for_ever):
            threading.Thread(target=work, name=f"pubsub {path}", daemon=True).start()

    def begin(self, ticket: str) -> Call:
        """A call of the runner begins, with the ticket that its restriction holds."""
        with self._changed:
            if ticket != self._ticket:
                self._leases.give_back(list(self._acknowledgements.deliveries()))
                self._start_run()
            elif self._gave_back:
                self._begun, self._gave_back = now_microseconds(), False
            self._ticket = uuid.uuid4().hex
            self._leases.called()
            return Call(self._run, self._acknowledgements.begin(), self._ticket)

    def take(self, call: Call, seconds: float) -> Messages | None:
        """Messages that came together, from now on held for this call; None: none in `seconds`.

        Raises ConnectionError, in one sentence, where the broker has failed for too long.
        """
        until = time.monotonic() + seconds
        with self._changed:
            while True:
                if call.run != self._run:
                    return None
                if self._failure:
                    failure, self._failure, self._failing_since = self._failure, None, None
                    raise ConnectionError(failure)
                self._pull_unless_full()
                if self._arrived:
                    delivery, messages = self._arrived.popleft()
                    self._bytes_ahead -= _size(messages)
                    self._acknowledgements.add(delivery)
                    self.read += len(delivery.ids)
                    self._pull_unless_full()
                    return messages
                left = until - time.monotonic()
                if left <= 0 or not self._changed.wait(left):
                    return None

    def final(self, call: Call) -> None:
        """The runner says that a call is final."""
        with self._changed:
            if call.run == self._run:
                self._leases.acknowledge(self._acknowledgements.final(call.number))
                self._changed.notify_all()

    def report(self) -> Watermark:
        """The watermark and its basis; `full` where pulling has stopped for want of checkpoints.

        A run says no time at first, and so holds the one that the runner found in its checkpoint,
        if any, for as long as the broker may keep what a run before it held: that may be older than
        all that comes meanwhile. There may have been one also where there is no checkpoint: it was
        killed before its first, or is of another job. What a run itself gave back, for it was not
        called, is waited for in the same way.
        """
        with self._changed:
            waiting = [d.oldest for d, _ in self._arrived if d.oldest is not None]
            oldest = self._acknowledgements.oldest()
            waiting += [] if oldest is None else [oldest]
            # While it waits what has come says nothing: older messages may follow.
            found = Watermark(None, "held")
            if not self._waits_for_leases():
                found = self._watermark.report(min(waiting, default=None))
            full = self._room() <= 0 and not self._arrived
            return found._replace(basis="full") if full else found

    @property
    def outstanding(self) -> int:
        """Messages emitted and not yet acknowledged."""
        return self._acknowledgements.outstanding

    def close(self) -> None:
        """End the threads, soon; what is outstanding is delivered again."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._leases.close()

    def _start_run(self) -> None:
        self._run += 1
        self._acknowledgements = Acknowledgements()
        self._begun, self._gave_back = now_microseconds(), False
        idle = self._stream.idle_after_seconds
        self._watermark = PublishTimeWatermark(
            int(self._stream.allowance_seconds * MICROSECONDS),
            None if idle is None else int(idle * MICROSECONDS),
            self._begun,
        )

    def _waits_for_leases(self) -> bool:
        if self._deadline is None or self._gave_back:
            return True
        longest = max(self._pulls.lease_seconds, self._deadline)
        return now_microseconds() < self._begun + longest * MICROSECONDS

    def _room(self) -> int:
        waiting = sum(len(delivery.ids) for delivery, _ in self._arrived)
        held = self.outstanding + self._leases.releasing + waiting
        return self._pulls.most_unacknowledged - held

    def _uncalled(self) -> bool:
        return self._leases.uncalled(self._pulls.uncalled_seconds)

    def _pull_unless_full(self) -> None:
        enough = self._bytes_ahead >= self._pulls.bytes_ahead
        if not self._pulling and not enough and self._room() > 0:
            self._pulling = True
            self._changed.notify_all()

    def _pull_for_ever(self) -> None:
        while True:
            with self._changed:
                while not (self._pulling or self._closed):
                    self._changed.wait()
                if self._closed:
                    return
                most = max(1, min(self._pulls.messages_a_pull, self._room()))
            pause = self._guarded(self._pull, most)
            with self._changed:
                self._pulling = False
                if not pause and self._arrived and not self._uncalled():
                    self._pull_unless_full()
                self._changed.notify_all()
                if pause:
                    # Not woken by calls, which would turn waiting into asking all the time.
                    self._changed.wait_for(lambda: self._closed, pause)

    def _guarded(self, work: Callable[[int], None], most: int) -> float:
        """Seconds to wait before the next pull: 0, or longer with each failure."""
        try:
            work(most)
        except Exception as error:
            # Also what no client documents: a thread that ends in silence would stop the source.
            return self._failed(error)
        with self._changed:
            self._failing_since, self._failures = None, 0
        return 0.0

    def _pull(self, most: int) -> None:
        idle = self._stream.idle_after_seconds
        seconds = _PULL_SECONDS if idle is None else max(1.0, min(_PULL_SECONDS, idle / 2))
        if self._deadline is None:
            self._deadline = self._settings().ack_deadline_seconds
        try:
            answer = self._client.pull(
                subscription=self._path, max_messages=most, timeout=seconds, retry=None
            )
        except call_errors() as error:
            if not is_timeout(error):
                raise
            # Nothing came, or nobody is there: silence is what the broker itself confirms.
            asked = now_microseconds()
            self._settings()
            with self._changed:
                self._watermark.silent(asked)
            return
        found = answer._pb.received_messages
        now = now_microseconds()
        if not found:
            with self._changed:
                self._watermark.silent(now)
            return
        messages = messages_of(received.message for received in found)
        ids = [received.ack_id for received in found]
        with self._changed:
            self._arrive(ids, messages, now)

    def _settings(self) -> Any:
        """The subscription, as the broker says it is."""
        path, seconds = self._path, _PROBE_SECONDS
        return self._client.get_subscription(subscription=path, timeout=seconds, retry=None)

    def _arrive(self, ids: list[str], messages: Messages, now: int) -> None:
        believed = [at for at in messages.published if self._watermark.believed(at, now)]
        if len(believed) < len(ids):
            _LOG.warning(
                "%d messages of %s were published later than this machine's clock says: one of the "
                "two clocks is wrong", len(ids) - len(believed), self._path,
            )  # fmt: skip
            for row, at in enumerate(messages.published):
                if not self._watermark.believed(at, now):
                    messages.published[row] = now
        if believed:
            self._watermark.heard(max(believed), now)
        else:
            self._watermark.unbelieved(now)
        delivery = Delivery(ids, min(believed, default=None), now, now + FIRST_LEASE)
        self._arrived.append((delivery, messages))
        self._bytes_ahead += _size(messages)
        self._changed.notify_all()

    def _failed(self, error: Exception) -> float:
        """Remember a failure, and for how long; the sentence to raise where it is too long."""
        now = time.monotonic()
        most = self._pulls.most_outage_seconds
        if is_refusal(error):
            most = self._pulls.most_refused_seconds
        sentence = explain(error, self._path, self._where)
        with self._changed:
            self._failures += 1
            if self._failing_since is None:
                self._failing_since = now
                _LOG.warning("%s It is tried again for %.0f s.", sentence, most)
            if now - self._failing_since >= most:
                self._failure = sentence
        return min(0.1 * 2.0 ** min(self._failures, 10), _LONGEST_PAUSE)

    def _keep_for_ever(self) -> None:
        while self._leases.wait():
            with self._changed:
                if self._uncalled() and self._arrived:
                    self._leases.give_back([delivery for delivery, _ in self._arrived])
                    self._gave_back = True
                    self._arrived.clear()
                    self._bytes_ahead = 0
                held = [*self._acknowledgements.deliveries(), *(d for d, _ in self._arrived)]
            try:
                self._leases.keep(held)
            except Exception:
                # What is not acknowledged is delivered again; without this thread nothing would be.
                _LOG.exception("leases of %s: tried again", self._path)


def _size(messages: Messages) -> int:
    return sum(map(len, messages.payloads))
