"""What a disk, or the right to it, refused, and who interrupts: where a traceback says no more."""

from __future__ import annotations

import logging
import os
import re
import sys

_IN_TEXT = re.compile(
    r"^(?:\w+Error: )?\[Errno (?P<number>\d+)\] [^\n]*?(?:: '(?P<file>[^\n]+?)')?"
    r"(?: \[while running '[^\n]*)?\Z",
    re.M,
)
"""The end of an error that Beam tells as text: the file comes last, where it is known."""
_DUCKDB = re.compile(r"(?:IO Error|Failed to commit|because of error): (?P<what>[^\n]+)")


def io_sentence(error: BaseException) -> str | None:
    """An error of input or output as one sentence; None: it is another, and a fault of ours.

    Beam's, which holds it as text, and DuckDB's are among them.
    """
    if isinstance(error, OSError) and error.errno is not None:
        return _sentence(error.errno, error.filename or _arrows(str(error)))
    if type(error) is RuntimeError and (found := _IN_TEXT.search(str(error).rstrip())):
        return _sentence(int(found["number"]), found["file"] or _arrows(found[0]))
    if _is_duckdbs(error) and (found := _DUCKDB.search(str(error))):
        return f"expected to read and write, found: {found['what']}; {_WAY_ON}"
    return None


def is_interruption(error: BaseException) -> bool:
    """Is it, in Beam's words, that somebody interrupted the process?"""
    return type(error) is RuntimeError and str(error).startswith("KeyboardInterrupt")


_WAY_ON = "mend that, and run the same command again"


def _sentence(number: int, file: str | bytes | int | None) -> str:
    found = f"found {os.strerror(number)}; {_WAY_ON}"
    if file is None or isinstance(file, int):
        return f"expected to read and write, {found}"
    return f"{os.fsdecode(file)}: expected to read and write it, {found}"


def _arrows(text: str) -> str | None:
    """The file that Arrow names in the middle of its words."""
    found = re.search(r"local file '([^'\n]+)'", text)
    return found and found[1]


def _is_duckdbs(error: BaseException) -> bool:
    """Where it was never imported, it has raised nothing."""
    duckdb = sys.modules.get("duckdb")
    return duckdb is not None and isinstance(error, duckdb.Error)


def is_news(record: logging.LogRecord) -> bool:
    """Filter for the log of Beam's runner in this process: an error of which `moment` says a
    sentence is not news there."""
    told = record.msg
    if not isinstance(told, BaseException):
        return True
    return io_sentence(told) is None and not is_interruption(told)
