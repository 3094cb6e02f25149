"""Revise: figures beside those published before: which are said, why, and with which revision."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from transforms.frame import Frame, choose, mix, rows_of, stack
from transforms.publish import FIGURE_KEY
from transforms.suppress import WITHDRAWN

FIRST, AGAIN, CHANGED = range(3)
"""Why a row is published: nothing was before; it may have been said otherwise since; it differs."""
_FINGERPRINT = ("value", "numerator", "denominator", "low", "high", "coverage")


class Revised(NamedTuple):
    """All figures that stand, those to publish, and why each of these (FIRST, AGAIN, CHANGED)."""

    standing: Frame
    changed: Frame
    why: np.ndarray


def marked(figures: Frame) -> Frame:
    """Figures with what tells them apart (`key`), what they say (`fingerprint`), and `revision`."""
    return figures | {
        "key": mix([figures[name] for name in FIGURE_KEY]),
        "fingerprint": _fingerprints(figures),
        "revision": np.zeros(rows_of(figures), dtype=np.int64),
    }


def revise(
    figures: Frame,
    published: Frame,
    in_question: np.ndarray,
    in_doubt: bool,
    maybe_told: np.ndarray,
) -> Revised:
    """Marked figures compared with those published, of which a mask says what is in question.

    What is final stays final; an early figure that becomes final is the first of its table. What
    is published and not among the figures is withdrawn by a row. In doubt everything is said once
    more: what was published after the memory was written is true no longer. `maybe_told` marks what
    is published of windows that a life before may have told as final: what was early there, and is
    gone, is withdrawn as final, too.
    """
    others, old = choose(published, ~in_question), choose(published, in_question)
    if not rows_of(old):
        everything = stack([others, figures], figures)
        return Revised(everything, figures, np.full(rows_of(figures), FIRST))
    order = np.argsort(old["key"])
    place = np.minimum(np.searchsorted(old["key"][order], figures["key"]), rows_of(old) - 1)
    known = old["key"][order][place] == figures["key"]
    known &= old["final"][order][place] >= figures["final"]
    same = known & (old["fingerprint"][order][place] == figures["fingerprint"])
    previous = old["revision"][order][place]
    figures["revision"] = np.where(known, previous + ~same, 0)
    left = np.isin(old["key"], figures["key"], invert=True)
    gone, ended = choose(old, left), maybe_told[in_question][left]
    told = gone["suppressed"] == WITHDRAWN
    kept, gone = choose(gone, told), _withdrawn(choose(gone, ~told))
    early_kept, early_gone = ended[told] & ~kept["final"], ended[~told] & ~gone["final"]
    final = _as_final(stack([choose(kept, early_kept), choose(gone, early_gone)], figures))
    why = np.select([same, ~known], [AGAIN, FIRST], CHANGED)
    spoken = np.ones(len(same), bool) if in_doubt else ~same
    again = kept if in_doubt else choose(kept, slice(0, 0))
    changed = stack([choose(figures, spoken), gone, again, final], figures)
    reasons = [why[spoken], np.full(rows_of(gone), CHANGED)]
    reasons += [np.full(rows_of(again) + rows_of(final), AGAIN)]
    left_early = choose(gone, ~early_gone), choose(kept, ~early_kept)
    standing = stack([figures, *left_early, final, others], figures)
    return Revised(standing, changed, np.concatenate(reasons))


def newest(published: list[Frame]) -> Frame:
    """Of frames of published figures the row of each that was published last."""
    every = stack(published, published[0])
    order = np.lexsort((every["revision"], every["final"], every["key"]))
    last = np.append(every["key"][order][1:] != every["key"][order][:-1], True)
    return choose(every, order[last])


def _as_final(withdrawn: Frame) -> Frame:
    """Early rows that withdraw as final ones: the next after what may have been the first."""
    rows = rows_of(withdrawn)
    return withdrawn | {"final": np.ones(rows, bool), "revision": np.ones(rows, dtype=np.int64)}


def _withdrawn(gone: Frame) -> Frame:
    """Rows that take back what was published of figures whose events are all gone."""
    for name in ("value", "numerator", "denominator", "low", "high"):
        gone[name] = np.full(rows_of(gone), np.nan)
    gone["suppressed"] = np.full(rows_of(gone), WITHDRAWN, dtype=np.int8)
    gone["n"] = np.zeros(rows_of(gone), dtype=np.int64)
    gone["revision"] = gone["revision"] + 1
    gone["fingerprint"] = _fingerprints(gone)
    return gone


def _fingerprints(figures: Frame) -> np.ndarray:
    """64-bit keys of everything a row says, bit by bit."""
    bits = [np.ascontiguousarray(figures[name]).view(np.int64) for name in _FINGERPRINT]
    return mix([*bits, figures["n"], figures["suppressed"]])
