"""Errors that end a command with one sentence."""

from __future__ import annotations

IN_USE = 5
"""Exit code of an InUseError. A bad option has 2."""


class OptionError(ValueError):
    """A bad option: one sentence for who gave it; the command ends with exit code 2."""


class InUseError(OptionError):
    """Another changes the dataset: who asks again later may have it."""


class JobError(RuntimeError):
    """A job that a cluster has ended: one sentence, why."""
