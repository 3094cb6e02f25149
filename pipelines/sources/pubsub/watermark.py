"""PublishTimeWatermark: how far one puller of a Pub/Sub subscription has got, and why.

Times are microseconds since the epoch.
"""

from __future__ import annotations

from typing import NamedTuple

from pipelines.sources.watermark import LEAST_TOLERANCE_SECONDS

MICROSECONDS = 1_000_000


class Watermark(NamedTuple):
    """`time` None: nothing is known yet. `basis`: one of schemas.source_status.BASES."""

    time: int | None
    basis: str


class PublishTimeWatermark:
    """The watermark of one puller, which never goes back.

    * While messages are not yet acknowledged: the oldest of their publish times less the allowance.
      What a crash brings again is then not behind it: where a puller starts, it says none until
      the leases of a run before have ended.
    * With none of them: the latest publish time less the allowance, `held` there.
    * Once the broker itself has said for `idle_after` that there is nothing: the time until which
      it said so, less the allowance, `idle`. A broker that does not answer is not silence.
    * A publish time ahead of this machine's clock by more than the allowance, and by more than a
      second, is not believed: it moves nothing, in either direction. Where only such come, this
      machine's clock is behind (the service stamps), and they count as silence does; the basis
      says `ahead`.
    """

    def __init__(self, allowance: int, idle_after: int | None, now: int) -> None:
        self._allowance = allowance
        self._tolerance = max(allowance, round(LEAST_TOLERANCE_SECONDS * MICROSECONDS))
        self._idle_after = idle_after
        self._heard = now
        self._silent_until = now
        self._latest: int | None = None
        self._reported: int | None = None
        self._ahead = False

    def believed(self, published: int, now: int) -> bool:
        """Whether a publish time can be true of a message that is here now."""
        return published <= now + self._tolerance

    def heard(self, latest: int, now: int) -> None:
        """Messages came, the latest believed publish time of which is `latest`."""
        self._latest = latest if self._latest is None else max(self._latest, latest)
        # No maximum: a clock that was ahead and is set right would be silent until it is there.
        self._heard, self._ahead = now, False
        self._silent_until = min(self._silent_until, now)

    def silent(self, until: int) -> None:
        """The broker said that until then it had nothing for this puller."""
        self._silent_until, self._ahead = until, False

    def unbelieved(self, now: int) -> None:
        """Messages came, and none with a publish time that is believed."""
        self._silent_until, self._ahead = now, True

    def report(self, oldest: int | None) -> Watermark:
        """The watermark; `oldest` is the oldest publish time not yet acknowledged, or None."""
        if oldest is not None:
            reached, basis = oldest, "messages"
        elif self._idle_after is not None and self._silent_until - self._heard >= self._idle_after:
            reached, basis = self._silent_until, "ahead" if self._ahead else "idle"
        elif self._latest is not None:
            reached, basis = self._latest, "ahead" if self._ahead else "held"
        else:
            return Watermark(self._reported, "ahead" if self._ahead else "held")
        candidate = reached - self._allowance
        if self._reported is None or candidate > self._reported:
            self._reported = candidate
        return Watermark(self._reported, basis)
