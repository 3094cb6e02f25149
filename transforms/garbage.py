"""Garbage: a worker looks seldom for objects that hold each other, for ours do not."""

from __future__ import annotations

import atexit
import gc

SELDOM = (50_000, 20, 20)
"""Objects made and not freed before one looks among the young ones, and how many such looks before
one among the older. Python looks after 700: a batch of messages alone is more, and a worker holds
what Beam has made, a million objects, through which each look of the last kind goes."""


def seldom_look_for_garbage() -> None:
    """Of this process, from its first step on; said again it does nothing.

    Objects that nobody holds are freed at once all the same. What is there already is left out of
    later looks.
    """
    if gc.get_threshold() != SELDOM:
        gc.set_threshold(*SELDOM)
        gc.freeze()
        # Native modules look at the end whether all that they made is gone.
        atexit.register(gc.unfreeze)
