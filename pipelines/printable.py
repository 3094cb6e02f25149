"""Text from outside, such as names of contents, as a terminal may show it."""

from __future__ import annotations


def printable(text: str) -> str:
    """The text on one line; what would steer a terminal is shown as its code."""
    return "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in text)
