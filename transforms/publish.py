"""Publish: derived totals to figures, and figures to METRIC rows."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pyarrow as pa

from schemas.metric import METRIC
from schemas.observation import SIGNAL_CODE, SIGNALS
from schemas.partial import GROUPING_NAMES, TRAFFIC, WINDOWS
from transforms.calendar import MINUTE_US, day_bounds
from transforms.coverage import coverage_of
from transforms.derive import Derived
from transforms.derive_windows import DAY, HOUR, KEY, key_of, lookup
from transforms.frame import Frame, choose, rows_of, stack
from transforms.measures import DICTIONARY
from transforms.suppress import COMPLEMENTARY, TOO_FEW, UNMEASURABLE, WITHDRAWN, suppress

FIGURE_KEY = ("measure", *KEY, "item")
_NUMBERS = ("value", "numerator", "denominator", "low", "high")
DEDUP_BASIS = "actor keys as the channels give them, equal keys joined across channels"


def figures_of(derived: Derived) -> Frame:
    """Every figure of the dictionary over the derived frames, suppressed where it must be.

    Columns: FIGURE_KEY, day_of, value, numerator, denominator, low, high (NaN is null), n,
    coverage, threshold, suppressed.
    """
    people, items, _ = derived
    people = {**people, "coverage": coverage_of(people)}
    items = {
        **items,
        "coverage": lookup(key_of(items, KEY), key_of(people, KEY), people["coverage"]),
    }
    parts = [_of_measure(number, people, items) for number in range(len(DICTIONARY))]
    figures = stack(parts, parts[0])
    suppress(figures, figures.pop("fewest"))
    return figures


def _of_measure(number: int, people: Frame, items: Frame) -> Frame:
    measure = DICTIONARY[number]
    frame = items if measure.items else people
    wanted = np.isin(frame["window"], [WINDOWS.index(w) for w in measure.windows])
    wanted &= np.isin(frame["grouping"], [GROUPING_NAMES.index(g) for g in measure.groupings])
    if measure.items:
        wanted &= np.isin(frame["item"], [SIGNAL_CODE[item] for item in measure.items])
    frame = choose(frame, wanted)
    figure = measure.figure(frame)
    rows = {name: frame[name] for name in (*KEY, "item", "day_of", "coverage")}
    rows["measure"] = np.full(rows_of(frame), number, dtype=np.int16)
    for name in _NUMBERS:
        rows[name] = np.array(getattr(figure, name), dtype=float)
    rows["n"] = figure.n.astype(np.int64)
    rows["fewest"] = rows["n"] if figure.fewest is None else figure.fewest.astype(np.int64)
    rows["threshold"] = np.full(rows_of(frame), measure.threshold, dtype=np.int64)
    unmeasurable = (
        np.zeros(rows_of(frame), bool) if figure.unmeasurable is None else figure.unmeasurable
    )
    rows["suppressed"] = np.where(unmeasurable, UNMEASURABLE, 0).astype(np.int8)
    return choose(rows, figure.published)


def metric_rows(
    figures: Frame,
    labels: dict[int, str],
    time_zone: str,
    epoch: int,
    cause: np.ndarray,
    now: datetime,
) -> pa.RecordBatch:
    """METRIC batch of figures; `cause` is the text of each row, `figures` has its `revision`."""
    length = rows_of(figures)
    measure = figures["measure"]

    def of_measure(values: list[str]) -> pa.Array:
        return pa.array(values, pa.string()).take(pa.array(measure))

    def named(names: tuple[str, ...], codes: np.ndarray) -> pa.Array:
        return pa.array(names, pa.string()).take(pa.array(codes))

    starts, ends = _bounds(figures, time_zone)
    hidden = figures["suppressed"]
    kinds = of_measure([m.uncertainty_kind for m in DICTIONARY])
    if (hidden == UNMEASURABLE).any():
        kinds = pa.compute.if_else(pa.array(hidden == UNMEASURABLE), "unmeasurable", kinds)
    columns = {
        "metric": of_measure([m.name for m in DICTIONARY]),
        "definition_version": of_measure([m.definition_version for m in DICTIONARY]),
        "grouping_set": named(GROUPING_NAMES, figures["grouping"]),
        "window_kind": named(WINDOWS, figures["window"]),
        "window_start": pa.array(starts, pa.timestamp("us", "UTC")),
        "window_end": pa.array(ends, pa.timestamp("us", "UTC")),
        "local_day": pa.array(figures["day_of"].astype(np.int32)).cast(pa.date32()),
        "channel": texts_of_keys(figures["channel"], labels),
        "content_id": texts_of_keys(figures["content"], labels),
        "brand_id": texts_of_keys(figures["brand"], labels),
        "item": _items(figures["item"]),
        "traffic": named(TRAFFIC, figures["traffic"]),
        "value_kind": of_measure([m.value_kind for m in DICTIONARY]),
        "unit": of_measure([m.unit for m in DICTIONARY]),
        "interval_low": _nullable(figures["low"]),
        "interval_high": _nullable(figures["high"]),
        "interval_method": of_measure([m.interval_method for m in DICTIONARY]),
        "uncertainty_kind": kinds,
        "n": pa.array(figures["n"]),
        "coverage": pa.array(figures["coverage"]),
        "dedup_basis": pa.repeat(DEDUP_BASIS, length),
        "suppressed_reason": _reasons(figures),
        "epoch": pa.repeat(pa.scalar(epoch, pa.int64()), length),
        "revision": pa.array(figures["revision"]),
        "cause": pa.array(cause, pa.string()),
        "published_time": pa.repeat(pa.scalar(now, pa.timestamp("us", "UTC")), length),
    } | {name: _nullable(figures[name]) for name in ("value", "numerator", "denominator")}
    return pa.RecordBatch.from_arrays([columns[f.name] for f in METRIC], schema=METRIC)


def _bounds(figures: Frame, time_zone: str) -> tuple[np.ndarray, np.ndarray]:
    """Start and end of each window, µs since the epoch."""
    window, start = figures["window"], figures["start"].astype(np.int64)
    starts = start * MINUTE_US
    ends = starts + np.where(window == HOUR, 60, 1) * MINUTE_US
    is_day = window == DAY
    for day in np.unique(start[is_day]):
        first, last = day_bounds(int(day), time_zone)
        rows = is_day & (start == day)
        starts[rows] = int(first.timestamp()) * 1_000_000
        ends[rows] = int(last.timestamp()) * 1_000_000
    return starts, ends


def texts_of_keys(keys: np.ndarray, labels: dict[int, str]) -> pa.Array:
    """The text behind each label key; null of none."""
    distinct, places = np.unique(keys, return_inverse=True)
    return pa.array([labels.get(int(k)) for k in distinct], pa.string()).take(pa.array(places))


def _items(codes: np.ndarray) -> pa.Array:
    names = [None, *(name.removeprefix("rate:") for name in SIGNALS[1:])]
    return pa.array(names, pa.string()).take(pa.array(codes))


def _nullable(values: np.ndarray) -> pa.Array:
    return pa.array(values, pa.float64(), mask=np.isnan(values))


def _reasons(figures: Frame) -> pa.Array:
    """Reasons in words: `fewer_than_10`, `complementary`, the measure's own, `withdrawn`."""
    table: list[str | None] = [None, "complementary", "withdrawn"]
    table += [m.unmeasurable_reason for m in DICTIONARY]
    table += [f"fewer_than_{m.threshold}" for m in DICTIONARY]
    hidden, measure = figures["suppressed"], figures["measure"].astype(np.int64)
    index = np.select(
        [hidden == COMPLEMENTARY, hidden == WITHDRAWN, hidden == UNMEASURABLE, hidden == TOO_FEW],
        [1, 2, 3 + measure, 3 + len(DICTIONARY) + measure],
        default=0,
    )
    return pa.array(table, pa.string()).take(pa.array(index))
