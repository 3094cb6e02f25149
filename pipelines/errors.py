"""Errors that end a command with one sentence."""

from __future__ import annotations


class OptionError(ValueError):
    """A bad option: one sentence for who gave it; the command ends with exit code 2."""
