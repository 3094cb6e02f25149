"""One shard of a live, told as a timeline with a clock in the test's hand."""

from __future__ import annotations

from tests.transforms.observations import PARIS, observations, said, total
from transforms.attend import Attend
from transforms.frame import rows_of
from transforms.rules import AttendRules


def minute_of(at):
    """Minute number of `HH:MM` of 2 March 2026, or of a whole ISO time, UTC."""
    return said(at).micros // 60_000_000


class Live:
    """One shard told step by step: `say` and emit, `close` at an instant, look at totals."""

    def __init__(self, time_zone=PARIS, **rules):
        self.machine = Attend(AttendRules(time_zone, **rules))
        self.time_zone = time_zone
        self.deltas, self.outcomes, self.late = [], [], []

    def say(self, *rows):
        return self.hear(observations(rows, self.time_zone))

    def hear(self, batch):
        self.machine.add(batch)
        emitted = self.machine.emit()
        self.deltas.append(emitted.partials)
        counted: dict[str, int] = {}
        for (_, _, _, outcome), rows_of_it in emitted.outcomes.items():
            counted[outcome] = counted.get(outcome, 0) + rows_of_it
        self.outcomes.append(counted)
        self.late.append(rows_of(emitted.late))
        return self

    def close(self, at):
        self.machine.close(minute_of(at))
        return self

    def total(self, column, **of):
        return total(self.deltas, column, **of)
