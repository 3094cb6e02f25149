"""What the run.json of a dataset says that a recomputation needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from pipelines.errors import OptionError
from pipelines.json_file import read_run_json
from pipelines.keys import KEY_VARIABLE, pseudonym_keys
from pipelines.time_zones import is_time_zone
from schemas.channels import registered_channels


@dataclass(frozen=True)
class Run:
    """The options of a run. Of a stream also where its figures begin, and how long they move.

    `since`: windows that began earlier were not published; None: all were. `hot_minutes`: so long
    after its end a window may still be corrected; None: it is a batch, whose figures stand.
    `start`: where it began to read its topics, as `--start` gives it. `shards`: of people.
    `archive`: where its records are kept, if that is not in the dataset.
    """

    time_zone: str
    channels: tuple[str, ...]
    brand: str | None
    epoch: int
    key_id: str
    since: datetime | None = None
    hot_minutes: int | None = None
    start: str | None = None
    shards: int | None = None
    archive: str | None = None


def read_run(dataset: Path) -> Run:
    """Options of the run that wrote a folder. OptionError where run.json does not give them."""
    path = dataset / "run.json"
    try:
        run = read_run_json(path)
    except OSError as error:
        raise OptionError(
            f"{dataset}: expected a dataset of `moment measure` (no run.json to read in it)"
        ) from error
    return run_of(run, str(path))


def run_of(run: Any, path: str) -> Run:
    """Options of a recorded run. `path` is where they are recorded. Raises OptionError."""
    if not isinstance(run, dict):
        raise OptionError(f"{path}: expected a JSON object, found {type(run).__name__}")
    channels = _value(path, run, "channels", list)
    for name in channels:
        if name not in registered_channels():
            raise OptionError(
                f"{path}: its channel {name!r} is not registered here; install what registers it"
            )
    time_zone = _value(path, run, "time_zone", str)
    if not is_time_zone(time_zone):
        raise OptionError(f"{path}: expected an IANA time zone, found {time_zone!r}")
    # Only a stream writes the key `streaming`.
    streaming = "streaming" in run and _value(path, run, "streaming", bool)
    return Run(
        time_zone=time_zone,
        channels=tuple(channels),
        brand=None if run.get("brand") is None else _value(path, run, "brand", str),
        epoch=_value(path, run, "epoch", int),
        key_id=_value(path, run, "pseudonym_key_id", str),
        since=_since(path, run) if streaming else None,
        hot_minutes=_value(path, run, "hot_minutes", int) if streaming else None,
        start=None if run.get("start") is None else _value(path, run, "start", str),
        shards=None if run.get("shards") is None else _value(path, run, "shards", int),
        archive=_value(path, run, "archive", str) if isinstance(run.get("archive"), str) else None,
    )


def check_key(dataset: object, run: Run) -> None:
    """Return where ids that are made now agree with those of the dataset. Raises OptionError."""
    key_id = pseudonym_keys().key_id
    if key_id != run.key_id:
        raise OptionError(
            f"{dataset}: its ids were made with the pseudonym key {run.key_id}, found the key"
            f" {key_id} here; set {KEY_VARIABLE} to the key of the dataset"
        )


def _since(path: str, run: Mapping[str, Any]) -> datetime | None:
    if run.get("since") is None:
        return None
    given = _value(path, run, "since", str)
    try:
        return parse_instant(given)
    except ValueError as error:
        raise OptionError(f"{path}: expected 'since' as an instant, found {given!r}") from error


def parse_instant(given: str) -> datetime:
    """An ISO instant with its offset from UTC; ValueError for anything else."""
    # Python 3.10 reads no Z.
    instant = datetime.fromisoformat(given.removesuffix("Z") + "+00:00" * given.endswith("Z"))
    if instant.tzinfo is None:
        raise ValueError("no offset from UTC")
    return instant


def _value(path: str, run: Mapping[str, Any], name: str, kind: type) -> Any:
    if not isinstance(value := run.get(name), kind):
        raise OptionError(
            f"{path}: expected {name!r} ({kind.__name__}) as `moment measure` writes it,"
            f" found {'none' if value is None else type(value).__name__}"
        )
    return value
