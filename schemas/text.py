"""Text columns from what vendors write where text belongs: strings, numbers, nothing, anything."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

_NOTHING = pa.scalar(None, pa.string())


def text_of(value: Any) -> str | None:
    """The text of one value: numbers are written out, "" and other types are null."""
    if value is None or value.__class__ is str:
        return value or None
    return str(value) if isinstance(value, (int, float)) else None


def text_column(values: Sequence[Any]) -> pa.Array:
    """A string column of values of any type, each as `text_of` reads it.

    The column is taken as strings at once; only one with a surprise is read value by value.
    """
    try:
        column = pa.array(values, pa.string())
    except (pa.ArrowInvalid, pa.ArrowTypeError, UnicodeEncodeError):
        column = pa.array([text_of(v) for v in values], pa.string())
    empty = pc.equal(column, "")
    return pc.if_else(empty, _NOTHING, column) if pc.any(empty).as_py() else column
