"""Text as vendors write it: columns of strings, numbers, nothing or anything; locales."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

_NOTHING, _EMPTY = pa.scalar(None, pa.string()), pa.scalar("", pa.string())


def text_of(value: Any) -> str | None:
    """The text of one value: numbers are written out, "" and other types are null."""
    if value is None or value.__class__ is str:
        return value or None
    return str(value) if isinstance(value, (int, float)) else None


def native_id(value: Any) -> str | None:
    """The text of an id or word of a vendor: text or a whole number; 0, "" and others are null."""
    if value.__class__ is str:
        return value or None
    return str(value) if isinstance(value, int) and value and value is not True else None


def text_column(values: Sequence[Any]) -> pa.Array:
    """A string column of values of any type, each as `text_of` reads it.

    The column is taken as strings at once; only one with a surprise is read value by value.
    """
    try:
        column = pa.array(values, pa.string())
    except (pa.ArrowInvalid, pa.ArrowTypeError, UnicodeEncodeError):
        column = pa.array([text_of(v) for v in values], pa.string())
    return pc.if_else(pc.equal(column, _EMPTY), _NOTHING, column) if "" in values else column


class _Countries(dict[str | None, str | None]):
    """Locales repeat, so each is read once; a loop over rows pays a look-up, not a call."""

    def __missing__(self, locale: str | None) -> str | None:
        parts = (locale or "").replace("_", "-").split("-")
        # Behind a part of one letter are extensions (`en-u-ca-gregory`) and private words.
        named = list(takewhile(lambda part: len(part) != 1, parts))[1:]
        regions = (p.upper() for p in named if len(p) == 2 and p.isascii() and p.isalpha())
        country = next(regions, None)
        if len(self) < 4096:
            self[locale] = country
        return country


COUNTRIES = _Countries()
"""The country of a locale: the region of a BCP 47 tag (`fr-FR`, `zh-Hant-TW`) or of `fr_FR`."""
