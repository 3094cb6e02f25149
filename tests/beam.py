"""Beam, which looks at the same things again and again, told by tests what it found the last time.

Building a graph of the job and running it in process asks a DoFn some two hundred times which states it
has, by the signatures of all its methods, and reads the pipeline's options anew three hundred times, by
a parser made for it. Tests do so hundreds of times.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from weakref import WeakKeyDictionary

import pytest
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.transforms import userstate

OURS = ("pipelines", "transforms")
"""Packages whose DoFns have their states in the class. Beam makes others of functions: each has its own."""


@contextmanager
def remembering() -> Iterator[None]:
    """Within it Beam reads the states of a class, and a view of options, once."""
    look, read = userstate.get_dofn_specs, PipelineOptions.view_as
    of_classes: dict[type, tuple[set[Any], set[Any]]] = {}
    of_others: WeakKeyDictionary[Any, tuple[set[Any], set[Any]]] = WeakKeyDictionary()
    views: WeakKeyDictionary[PipelineOptions, dict[type, PipelineOptions]] = WeakKeyDictionary()

    def get_dofn_specs(dofn: Any) -> tuple[set[Any], set[Any]]:
        ours = type(dofn).__module__.partition(".")[0] in OURS
        known, key = (of_classes, type(dofn)) if ours else (of_others, dofn)
        if key not in known:
            known[key] = look(dofn)
        states, timers = known[key]
        return set(states), set(timers)

    def view_as(options: PipelineOptions, kind: type[PipelineOptions]) -> PipelineOptions:
        known = views.setdefault(options, {})
        if kind not in known:
            known[kind] = read(options, kind)
        return known[kind]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(userstate, "get_dofn_specs", get_dofn_specs)
        patch.setattr(PipelineOptions, "view_as", view_as)
        yield
