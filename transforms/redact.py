"""Redact: what identifies somebody in words and in labels, replaced by a word."""

from __future__ import annotations

import re

import pyarrow as pa
import pyarrow.compute as pc

from schemas.links import PERSONAL_PART, REPLACEMENT
from schemas.redactions import REDACTIONS, redact

__all__ = ["REDACTIONS", "redact", "redact_labels"]

_TELLTALES = (b"@", b"%", b"+", b".")
_COLONS = re.compile(rb"[0-9A-Fa-f]:[0-9A-Fa-f]{0,4}:[0-9A-Fa-f]")
"""Without one of these there is none of them. Ids have colons, too, but seldom like this."""


def redact_labels(labels: pa.Array) -> pa.Array:
    """A string column, each part between slashes that holds an identifier replaced by `redacted`.

    The same column where there is none. Labels name what figures are about, so they are published.
    """
    if labels.null_count == len(labels) or not _suspect(labels):
        return labels
    encoded = labels.dictionary_encode()
    found = pc.replace_substring_regex(
        encoded.dictionary, pattern=PERSONAL_PART, replacement=REPLACEMENT
    )
    if found.equals(encoded.dictionary):
        return labels
    return found.take(encoded.indices)


def _suspect(texts: pa.Array) -> bool:
    """May an identifier be in the bytes of a string column, its nulls left out?"""
    _, offsets, data = texts.buffers()
    if data is None:
        return False
    places = memoryview(offsets).cast("i")
    first, last = places[texts.offset], places[texts.offset + len(texts)]
    content = data.slice(first, last - first).to_pybytes()
    if any(one in content for one in _TELLTALES):
        return True
    return b":" in content and _COLONS.search(content) is not None
