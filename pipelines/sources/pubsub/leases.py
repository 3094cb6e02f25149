"""Leases: what is held is extended, what is done acknowledged, what is not ours given back."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from pipelines.sources.pubsub.acknowledgements import Delivery
from pipelines.sources.pubsub.client import call_errors, is_refusal
from pipelines.sources.pubsub.settings import PullSettings
from pipelines.sources.pubsub.watermark import MICROSECONDS

_LOG = logging.getLogger(__name__)
_IDS_A_REQUEST = 1000
"""A request may hold 512 KiB, and an id has fewer than 400 bytes. A pull often brings a tenth as
many, so the ids of several deliveries go together."""
_CALL_SECONDS = 10.0
_TICK_SECONDS = 1.0
_MARGIN = 5 * MICROSECONDS
"""What is left of a lease when it is extended: half of the shortest there is."""


class Leases:
    """The requests about messages that are held, made one after another by one thread.

    `acknowledge` and `give_back` only queue, and wake that thread; it calls `wait`, then `keep`.
    """

    def __init__(self, client: Any, path: str, pulls: PullSettings, now: Callable[[], int]) -> None:
        self._client, self._path, self._pulls, self._now = client, path, pulls, now
        self._done: deque[Delivery] = deque()
        self._foreign: deque[Delivery] = deque()
        self._called = now()
        self._wake = threading.Event()
        self._closed = self._refused = False
        self._counting = threading.Lock()
        self.releasing = 0

    def called(self) -> None:
        """The runner has called: it is still there."""
        self._called = self._now()

    def uncalled(self, seconds: float) -> bool:
        """Has the runner not called for longer than this?"""
        return self._now() - self._called > seconds * MICROSECONDS

    def acknowledge(self, deliveries: Sequence[Delivery]) -> None:
        """Acknowledge soon. One that the broker does not take is delivered again, harmlessly."""
        if deliveries:
            with self._counting:
                self.releasing += sum(len(delivery.ids) for delivery in deliveries)
            self._done.extend(deliveries)
            self._wake.set()

    def give_back(self, deliveries: Sequence[Delivery]) -> None:
        """Let the broker deliver these again, soon."""
        if deliveries:
            self._foreign.extend(deliveries)
            self._wake.set()

    def close(self) -> None:
        self._closed = True
        self._wake.set()

    def wait(self) -> bool:
        """True when there may be something to do; False when closed."""
        self._wake.wait(_TICK_SECONDS)
        self._wake.clear()
        return not self._closed

    def keep(self, held: Sequence[Delivery]) -> None:
        """Send what is queued, and extend the leases of `held` that end soon."""
        self._acknowledge_done()
        self._give_back_foreign()
        seconds = self._pulls.lease_seconds
        for together in by_request(list(due(held, self._now(), self._called, self._pulls))):
            begun = self._now()
            if self._send(self._client.modify_ack_deadline, together, seconds):
                for delivery in together:
                    delivery.leased_until = begun + seconds * MICROSECONDS

    def _acknowledge_done(self) -> None:
        """In order; what the broker does not answer is tried again at the next tick.

        Also after the lease: a broker that was away may have extended it in the meantime. What
        waits counts as unacknowledged, so it is bounded.
        """
        for together in by_request(list(self._done)):
            if not self._send(self._client.acknowledge, together) and not self._refused:
                return
            for delivery in together:
                self._done.popleft()
                with self._counting:
                    self.releasing -= len(delivery.ids)

    def _give_back_foreign(self) -> None:
        foreign = [self._foreign.popleft() for _ in range(len(self._foreign))]
        for together in by_request(foreign):
            self._send(self._client.modify_ack_deadline, together, 0)

    def _send(self, method: Any, together: Sequence[Delivery], seconds: int | None = None) -> bool:
        self._refused = False
        for ids in _parts([one for delivery in together for one in delivery.ids]):
            request: dict[str, Any] = {"subscription": self._path, "ack_ids": ids}
            if seconds is not None:
                request["ack_deadline_seconds"] = seconds
            try:
                method(request=request, timeout=_CALL_SECONDS, retry=None)
            except call_errors() as error:
                _LOG.info("%s: %s, tried again", self._path, type(error).__name__)
                self._refused = is_refusal(error)
                return False
        return True


def due(held: Sequence[Delivery], now: int, called: int, pulls: PullSettings) -> Iterator[Delivery]:
    """What is to be extended: it ends soon, is not too old, and the runner still calls."""
    if now - called > pulls.abandoned_seconds * MICROSECONDS:
        return
    for delivery in held:
        ends_soon = delivery.leased_until - now <= _MARGIN
        too_old = now - delivery.received > pulls.most_lease_seconds * MICROSECONDS
        if ends_soon and not too_old:
            yield delivery


def by_request(deliveries: Sequence[Delivery]) -> Iterator[Sequence[Delivery]]:
    """Deliveries whose ids go into one request, in order; one of more ids than fit is alone."""
    together: list[Delivery] = []
    ids = 0
    for delivery in deliveries:
        if together and ids + len(delivery.ids) > _IDS_A_REQUEST:
            yield together
            together, ids = [], 0
        together.append(delivery)
        ids += len(delivery.ids)
    if together:
        yield together


def _parts(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    for begin in range(0, len(ids), _IDS_A_REQUEST):
        yield ids[begin : begin + _IDS_A_REQUEST]
