"""One backfill of a BigQuery dataset at a time: a lease of rows, that ends when nobody renews it.

Nobody need trust a clock but the service's and his own pace. Who wants the lease claims it by a
row, and then looks: where another claim lives that is not released, it takes its own back. Of two
who claim at once at least the one that looks last sees the other, so that never both have it; both
may be refused, and try again after a while that chance tells. A claim lives for `LEASE` seconds
after its newest row. Its holder counts them from before it sent that row, so that it stops sooner
than others begin.
"""

from __future__ import annotations

import random
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple

import pyarrow as pa

from pipelines.backfill.rows import add_row
from pipelines.errors import InUseError, OptionError
from pipelines.sinks.bigquery.destination import Destination
from pipelines.sinks.tables import BACKFILLS
from pipelines.sources.bigquery import ALL_DAYS, fetch
from schemas.event import INSTANT

CLAIMED, HELD, RELEASED = "claimed", "held", "released"
LEASE, RENEWED_EVERY, MARGIN = 300.0, 60.0, 90.0
"""Seconds. With less than a margin left nothing is committed any more: a commit takes a while."""
ATTEMPTS = 5

_LIVING = f"""
SELECT holder, owner, state, since, @lease - age AS seconds FROM (
  SELECT holder, max(owner) AS owner, max(state) AS state, min(recorded_time) AS since,
    TIMESTAMP_DIFF(CURRENT_TIMESTAMP(), max(recorded_time), SECOND) AS age
  FROM `{{table}}` WHERE {ALL_DAYS} AND state IN ('{CLAIMED}', '{HELD}', '{RELEASED}')
  GROUP BY holder
)
WHERE state <> '{RELEASED}' AND age <= @lease
"""
"""The names of the states are in the order in which a holder goes through them."""

_CLAIM = pa.schema(
    [
        ("holder", pa.string()),
        ("owner", pa.string()),
        ("state", pa.string()),
        ("since", INSTANT),
        ("seconds", pa.int64()),
    ]
)


class Claim(NamedTuple):
    """A claim that lives: whose it is, since when, and for how many seconds if not renewed."""

    holder: str
    owner: str
    state: str
    since: Any
    seconds: int


class Table(NamedTuple):
    """What the lease asks of its table, so that a test may give a clock and rows of its own."""

    add: Callable[[str, str], None]
    """Add a row of (holder, state); it is seen by all who look afterwards."""
    living: Callable[[], list[Claim]]
    """The claims that live."""


class Lease:
    """A claim of this process. For its own thread and the one that renews it."""

    def __init__(self, table: Table, now: Callable[[], float] = time.monotonic) -> None:
        self._table, self._now = table, now
        self._holder = ""
        self._until = float("-inf")

    def claim(self) -> list[Claim]:
        """Claim it and look: the claims of others where there are any, and ours is taken back."""
        # A claim that was taken back is over for good: each has a name of its own.
        self._holder = str(uuid.uuid4())
        began = self._now()
        self._table.add(self._holder, CLAIMED)
        others = [each for each in self._table.living() if each.holder != self._holder]
        if others or self._now() >= began + LEASE:
            self.release()
            return others
        self._until = began + LEASE
        self.renew()
        return []

    def renew(self) -> None:
        """Have it for longer. In vain where the answer comes when it had ended before."""
        began = self._now()
        if began < self._until:
            self._table.add(self._holder, HELD)
            if self._now() < self._until:
                self._until = began + LEASE

    @property
    def left(self) -> float:
        """Seconds for which nobody else can have it."""
        return self._until - self._now()

    def release(self) -> None:
        self._until = float("-inf")
        self._table.add(self._holder, RELEASED)


@contextmanager
def exclusively(destination: Destination) -> Iterator[Callable[[], None]]:
    """Hold the lease of a dataset; gives what raises OptionError where it was lost meanwhile.

    Raises InUseError, with owner and time, where another has it.
    """
    lease = Lease(_table(destination))
    _obtain(lease, destination, time.sleep)
    ended = threading.Event()
    renewing = threading.Thread(target=_renew, args=(lease, ended), name="lease", daemon=True)
    renewing.start()
    try:
        yield lambda: check(lease, destination)
    finally:
        ended.set()
        renewing.join()
        # What it cannot say any more ends by itself.
        with suppress(OptionError):
            lease.release()


def _obtain(lease: Lease, destination: object, sleep: Callable[[float], None]) -> None:
    for attempt in range(1, ATTEMPTS + 1):
        others = lease.claim()
        if lease.left > 0:
            return
        # Who only claims may take it back as we did; who holds it is waited for by nobody here.
        if any(each.state == HELD for each in others) or attempt == ATTEMPTS:
            raise InUseError(_refusal(destination, others))
        sleep(random.uniform(0.5, 2.0) * attempt)


def check(lease: Lease, destination: object) -> None:
    """Return where nobody else can have begun. Raises OptionError."""
    if lease.left < MARGIN:
        raise OptionError(
            f"{destination}: expected to have it alone, found that this could not be renewed for"
            f" {LEASE - MARGIN:.0f} s, and somebody else may have begun; what is done is done: look"
            " at the network, and run the same command again"
        )


def _refusal(destination: object, others: list[Claim]) -> str:
    if not others:
        return (
            f"{destination}: expected BigQuery to answer within {LEASE:.0f} s, found it slower;"
            " run the command again"
        )
    claim = max(others, key=lambda each: each.seconds)
    return (
        f"{destination}: expected no other backfill, replay or compaction of it, found"
        f" that of {claim.owner}, since {claim.since.isoformat(timespec='seconds')}; wait until it"
        f" has ended, or, where it was killed, {claim.seconds} s until its lease has"
    )


def _renew(lease: Lease, ended: threading.Event) -> None:
    while not ended.wait(RENEWED_EVERY):
        # A fault may pass before the lease ends: what counts is what `check` finds.
        with suppress(OptionError):
            lease.renew()


def _table(destination: Destination) -> Table:
    living = _LIVING.format(table=destination.name(BACKFILLS))

    def claims() -> list[Claim]:
        found = fetch(destination, living, _CLAIM, {"lease": int(LEASE)})
        return [Claim(**row) for row in found.to_pylist()]

    return Table(lambda holder, state: add_row(destination, holder, state), claims)
