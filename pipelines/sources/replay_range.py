"""How far a file has been replayed: the restriction of an endless source, and its tracker."""

from __future__ import annotations

from dataclasses import dataclass, replace

from apache_beam.io.iobase import RestrictionProgress, RestrictionTracker


@dataclass(frozen=True)
class ReplayRange:
    """What is left of a file: everything after the first `read` of its `records`.

    Records are counted, because their positions are the file's own and need not grow. `newest` is
    the greatest arrival among those read, µs since the epoch, None before the first. `stopped`: the
    rest is another's, after a checkpoint.
    """

    records: int
    read: int = 0
    newest: int | None = None
    stopped: bool = False


class ReplayTracker(RestrictionTracker):
    """Claims are ranges as they will be; a split leaves everything not yet claimed to the residual.

    A file is not shared out: its order is what a replay keeps. So only a split of all that
    remains (fraction 0, a checkpoint) is granted.
    """

    def __init__(self, restriction: ReplayRange) -> None:
        self._range = restriction

    def current_restriction(self) -> ReplayRange:
        return self._range

    def try_claim(self, position: ReplayRange) -> bool:
        if self._range.stopped:
            return False
        if position.read < self._range.read:
            raise ValueError(f"expected a claim from {self._range.read} on, found {position.read}")
        self._range = position
        return True

    def try_split(self, fraction_of_remainder: float) -> tuple[ReplayRange, ReplayRange] | None:
        if fraction_of_remainder or self._range.stopped:
            return None
        residual = self._range
        self._range = replace(residual, stopped=True)
        return self._range, residual

    def check_done(self) -> bool:
        if not self._range.stopped:
            raise ValueError("expected a replay to defer what remains, found that it returned")
        return True

    def current_progress(self) -> RestrictionProgress:
        left = max(self._range.records - self._range.read, 0)
        return RestrictionProgress(completed=self._range.read, remaining=left)

    def is_bounded(self) -> bool:
        return False
