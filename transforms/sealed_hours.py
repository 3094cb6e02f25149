"""SealedHours: what a day still needs of its sealed hours, so that a family's memory ends to grow.

Figures of a sealed hour and of its minutes stand: nothing that counts can come for them. Their day
goes on and needs of them their peaks, their minutes on air, and what was expected and missed: one
row a place. The minutes of the last sixty before the first open one are kept by channel, for they
say what open minutes may expect (`transforms/coverage.py`).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from schemas.partial import DIMENSION_NAMES, GROUPINGS, PARTIAL
from transforms.calendar import NEVER, local_windows
from transforms.coverage import LOOK_BACK_MINUTES
from transforms.derive_windows import DAY, HOUR, MINUTE, PLACE, key_of, lookup
from transforms.fragments import fragment, frames_of
from transforms.frame import Frame, choose, group, mix, rows_of, stack

SUMS = ("on_air_minutes", "expected", "missed")
PEAKS = ("concurrent_peak", "concurrent_fresh_peak")
_DAY_KEY = (*PLACE, "day_of")
_BY_CHANNEL = [number for number, names in enumerate(GROUPINGS) if "channel" in names]


@dataclass(frozen=True)
class SealedHours:
    """Minutes before `through`, the start of a local hour, are folded; `days` has a row a place and
    local day: PLACE, day_of, SUMS and PEAKS."""

    through: int = NEVER
    days: Frame = field(default_factory=dict)

    def after_day(self, day: int) -> SealedHours:
        """Without the days up to a local day number."""
        if not self.days:
            return self
        return SealedHours(self.through, choose(self.days, self.days["day_of"] > day))

    def memory(self) -> list[pa.RecordBatch]:
        """Fragments of everything folded."""
        through = {"through": np.array([self.through], dtype=np.int64)}
        return [*fragment("sealed_through", through), *fragment("sealed_hours", self.days)]

    @classmethod
    def recall(cls, fragments: list[pa.RecordBatch]) -> SealedHours:
        """What the fragments of one `memory` tell; nothing of those that were learnt after it."""
        told = frames_of("sealed_through", fragments)
        days = frames_of("sealed_hours", fragments)
        return cls(int(told[-1]["through"][0]), days[-1] if days else {}) if told else cls()


NOTHING_SEALED = SealedHours()


def hour_before(closed: int, time_zone: str) -> int:
    """The minute before which whole local hours are sealed, if minutes before `closed` are.

    No hour lies on both sides of it, also in a night in which the clock goes back by half an hour:
    there two hours overlap, and are sealed together.
    """
    hour = closed
    while (start := int(local_windows(np.array([hour]), time_zone)[1][0])) != hour:
        hour = start
    return hour


def fold(sealed: SealedHours, people: Frame, quiet: Frame, through: int) -> SealedHours:
    """The sealed hours up to minute `through`, from people derived with those up to now.

    `people` has a row a place and open minute with SUMS and PEAKS, `quiet` one a place and minute
    without, as `derive` gives them: then nobody was there, whoever was expected.
    """
    gone = choose(people, (people["window"] == MINUTE) & (people["start"] < through))
    rows = {name: gone[name] for name in (*_DAY_KEY, *SUMS, *PEAKS)}
    silent = choose(quiet, quiet["start"] < through)
    nobody = {name: np.zeros(rows_of(silent), values.dtype) for name, values in rows.items()}
    silent = {name: silent.get(name, zeros) for name, zeros in nobody.items()}
    both = stack([sealed.days, rows, silent], rows)
    groups = group(both, _DAY_KEY)
    folded = groups.first(both, _DAY_KEY)
    folded |= {name: groups.sum(both[name]) for name in SUMS}
    folded |= {name: groups.maximum(both[name]) for name in PEAKS}
    return SealedHours(through, folded)


def add_sealed(people: Frame, sealed: SealedHours) -> None:
    """Add the sealed hours to the sums and peaks of people's days."""
    if not rows_of(sealed.days):
        return
    rows = np.flatnonzero(people["window"] == DAY)
    left = mix([*(people[name][rows] for name in PLACE), people["start"][rows]])
    right = key_of(sealed.days, _DAY_KEY)
    for name in SUMS:
        people[name][rows] += lookup(left, right, sealed.days[name])
    for name in PEAKS:
        earlier = lookup(left, right, sealed.days[name])
        people[name][rows] = np.maximum(people[name][rows], earlier)


def open_totals(totals: pa.RecordBatch, through: int) -> pa.RecordBatch:
    """Totals of open windows, and by channel the events of the hour before the first of them."""
    window = totals.column("window").to_numpy()
    start = totals.column("start").to_numpy()
    kept = totals.filter(pa.array((window == DAY) | (start >= through)))
    grouping, item = totals.column("grouping").to_numpy(), totals.column("item").to_numpy()
    before = (window == MINUTE) & (start < through) & (start >= through - LOOK_BACK_MINUTES)
    before &= np.isin(grouping, _BY_CHANNEL) & (item == 0)
    heard = totals.filter(pa.array(before))
    return pa.concat_batches([kept, _events_only(heard)])


def sealed_figures(figures: Frame, through: int) -> np.ndarray:
    """Mask of the figures of sealed hours and of their minutes."""
    return np.isin(figures["window"], (MINUTE, HOUR)) & (figures["start"] < through)


def _events_only(heard: pa.RecordBatch) -> pa.RecordBatch:
    columns = [
        heard.column(field.name)
        if field.name in (*DIMENSION_NAMES, "events")
        else pa.array(np.zeros(heard.num_rows, np.int64)).cast(field.type)
        for field in PARTIAL
    ]
    return pa.RecordBatch.from_arrays(columns, schema=PARTIAL).filter(
        pa.compute.not_equal(heard.column("events"), 0)
    )
