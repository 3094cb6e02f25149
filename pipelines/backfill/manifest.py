"""The manifest of a backfill: what was asked, and what became of each day."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Protocol

from pipelines.errors import OptionError
from pipelines.json_file import write_json
from schemas.version import VERSION

MANIFEST = "backfill.json"
BEGUN, DONE, FINISHED = "begun", "done", "finished"


class Shelf(Protocol):
    """Where the manifests of a dataset are kept. As text, what a message names it."""

    def unfinished(self) -> Manifest | None:
        """The manifest of a backfill that was not finished; None where there is none."""

    def keep(self, manifest: Manifest, state: str, day: str | None = None) -> None:
        """Keep what has become so: BEGUN, a day DONE, or FINISHED."""


@dataclass
class Manifest:
    """Options and epoch of the last backfill of a dataset, and its days that are done.

    Kept anew whenever a day is done: what it says is done is published.
    """

    shelf: Shelf
    options: Mapping[str, Any]
    epoch: int
    started: str
    days: dict[str, dict[str, Any]]
    finished: str | None = None
    begun_now: bool = False
    """Is there nothing yet that a process before this one did?"""
    name: str | None = None
    """What tells it from others where several are kept; None: not kept yet, or alone."""

    def done(self, day: str, outcome: Mapping[str, Any]) -> None:
        self.days[day] = {"done": _now(), **outcome}
        self.shelf.keep(self, DONE, day)

    def finish(self) -> None:
        self.finished = _now()
        self.shelf.keep(self, FINISHED)

    def write(self) -> None:
        self.shelf.keep(self, BEGUN)


@dataclass(frozen=True)
class FolderShelf:
    """One file of a dataset's folder, of its last backfill; written beside and renamed."""

    folder: Path

    def __str__(self) -> str:
        return str(self.folder / MANIFEST)

    def keep(self, manifest: Manifest, state: str, day: str | None = None) -> None:
        record = {
            "version": VERSION,
            "options": manifest.options,
            "epoch": manifest.epoch,
            "started": manifest.started,
            "finished": manifest.finished,
            "days": manifest.days,
        }
        write_json(self.folder / MANIFEST, record)

    def unfinished(self) -> Manifest | None:
        """See Shelf. Raises OptionError where the file is none of ours."""
        try:
            told = json.loads((self.folder / MANIFEST).read_text(encoding="utf-8"))
            manifest = Manifest(
                self,
                dict(told["options"]),
                int(told["epoch"]),
                str(told["started"]),
                dict(told["days"]),
                told["finished"],
            )
        except FileNotFoundError:
            return None
        except (OSError, ValueError, LookupError, TypeError) as error:
            raise OptionError(
                f"{self}: expected the manifest that `moment backfill` writes; remove it to begin"
                " anew"
            ) from error
        return None if manifest.finished else manifest


def begin(shelf: Shelf, options: Mapping[str, Any], epoch: int, restart: bool) -> Manifest:
    """The manifest to go on with, or a new one.

    Of an unfinished backfill with the same options, what is done stays done and its epoch holds; a
    finished one is begun anew, for news may have come since. Raises OptionError where an unfinished
    one has other options.
    """
    before = None if restart else shelf.unfinished()
    if before is None:
        return Manifest(shelf, options, epoch, _now(), {}, begun_now=True)
    check_same(before, options)
    return before


def check_same(before: Manifest, options: Mapping[str, Any]) -> None:
    """Return where an unfinished backfill had these options. Raises OptionError."""
    for name, value in options.items():
        if before.options.get(name) != value:
            raise OptionError(
                f"{before.shelf}: expected --{name.replace('_', '-')} {_told(before, name)} as the"
                f" backfill that began {before.started} and was not finished has, found"
                f" {_words(value)}; finish that one first, or give it up with --restart"
            )


def _told(before: Manifest, name: str) -> str:
    return _words(before.options.get(name))


def _words(value: Any) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="seconds")
