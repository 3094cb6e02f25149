"""The manifest of a backfill: what was asked, and what became of each day."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from pipelines.errors import OptionError
from schemas.version import VERSION

MANIFEST = "backfill.json"


@dataclass
class Manifest:
    """Options and epoch of the last backfill of a dataset, and its days that are done.

    Written anew, beside and renamed, whenever a day is done: what it says is done is published.
    """

    path: Path
    options: Mapping[str, Any]
    epoch: int
    started: str
    days: dict[str, dict[str, Any]]
    finished: str | None = None
    begun_now: bool = False
    """Is there nothing yet that a process before this one did?"""

    def done(self, day: str, outcome: Mapping[str, Any]) -> None:
        self.days[day] = {"done": _now(), **outcome}
        self.write()

    def finish(self) -> None:
        self.finished = _now()
        self.write()

    def write(self) -> None:
        record = {
            "version": VERSION,
            "options": self.options,
            "epoch": self.epoch,
            "started": self.started,
            "finished": self.finished,
            "days": self.days,
        }
        temporary = self.path.with_name(f".{self.path.name}.tmp")
        temporary.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
        os.replace(temporary, self.path)


def unfinished(dataset: Path) -> Manifest | None:
    """The manifest of a backfill that was not finished; None where there is none.

    Raises OptionError where the file is none of ours.
    """
    path = dataset / MANIFEST
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        manifest = Manifest(
            path,
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
            f"{path}: expected the manifest that `moment backfill` writes; remove it to begin anew"
        ) from error
    return None if manifest.finished else manifest


def begin(dataset: Path, options: Mapping[str, Any], epoch: int, restart: bool) -> Manifest:
    """The manifest to go on with, or a new one.

    Of an unfinished backfill with the same options, what is done stays done and its epoch holds; a
    finished one is begun anew, for news may have come since. Raises OptionError where an unfinished
    one has other options.
    """
    before = None if restart else unfinished(dataset)
    if before is None:
        return Manifest(dataset / MANIFEST, options, epoch, _now(), {}, begun_now=True)
    check_same(before, options)
    return before


def check_same(before: Manifest, options: Mapping[str, Any]) -> None:
    """Return where an unfinished backfill had these options. Raises OptionError."""
    for name, value in options.items():
        if before.options.get(name) != value:
            raise OptionError(
                f"{before.path}: expected --{name.replace('_', '-')} {_told(before, name)} as the"
                f" backfill that began {before.started} and was not finished has, found"
                f" {_words(value)}; finish that one first, or give it up with --restart"
            )


def _told(before: Manifest, name: str) -> str:
    return _words(before.options.get(name))


def _words(value: Any) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="seconds")
