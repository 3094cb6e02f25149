"""Three days of raw input, their dataset, and what tests of backfill and replay do with it.

Sunday 1 March        Monday 2              Tuesday 3 March 2026, Paris
[ views, messages ──)[ views, messages ──)[ a message of Monday is deleted ──)
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.sinks.duckdb_views import create_views
from schemas.channel import ParseError
from schemas.channels import registered_channels
from schemas.event import EVENT
from schemas.failure import Reason
from schemas.source_status import SOURCE_STATUS
from tests.pipelines.dataset import contents, query

ARRIVED = datetime(2026, 3, 5, 12, 0, tzinfo=timezone.utc)
CHANNELS = "access_log,youtube_chat,survey"

STANDING = """
SELECT * EXCLUDE (epoch, revision, cause, published_time, day) FROM metrics_latest
WHERE suppressed_reason IS DISTINCT FROM 'withdrawn' ORDER BY ALL
"""


def views(day: int, people: range, minute: int = 0) -> str:
    """Lines of an access log: each person opens a page on that day of March, Paris time."""
    return "".join(
        f"192.0.2.{person} - - [{day:02}/Mar/2026:10:{minute:02}:00 +0100]"
        ' "GET /live HTTP/1.1" 200 900 "-" "Mozilla/5.0 (X11; Linux x86_64; rv:124.0) Firefox/124.0"\n'
        for person in people
    )


def message(name: str, day: int, author: str, deletes: str | None = None) -> str:
    """A message of a live chat, or the deletion of one by a moderator."""
    kind = "textMessageEvent" if deletes is None else "messageDeletedEvent"
    details = (
        '"textMessageDetails":{"messageText":"hello"}'
        if deletes is None
        else f'"messageDeletedDetails":{{"deletedMessageId":"{deletes}"}}'
    )
    return (
        f'{{"kind":"youtube#liveChatMessage","id":"{name}","snippet":{{"type":"{kind}",'
        f'"liveChatId":"live","authorChannelId":"{author}",'
        f'"publishedAt":"2026-03-{day:02}T10:00:00Z",{details}}}}}\n'
    )


def write_inputs(folder: Path) -> list[str]:
    """The raw input of three days, as `moment measure` takes it."""
    folder.mkdir(parents=True, exist_ok=True)
    log, chat = folder / "web.log", folder / "chat.ndjson"
    log.write_text(views(1, range(20)) + views(2, range(10, 40)) + views(3, range(12)))
    said = [message(f"s{n}", 1, f"author{n}") for n in range(12)]
    said += [message(f"m{n}", 2, f"author{n}") for n in range(14)]
    said += [message("d", 3, "moderator", deletes="m0")]
    chat.write_text("".join(said))
    for file in (log, chat):
        os.utime(file, (ARRIVED.timestamp(), ARRIVED.timestamp()))
    return [f"access_log={log}", f"youtube_chat={chat}"]


def rewrite(file: Path, text: str) -> None:
    """Other bytes of the same arrival."""
    file.write_text(text)
    os.utime(file, (ARRIVED.timestamp(), ARRIVED.timestamp()))


class Published(NamedTuple):
    dataset: Path
    inputs: list[str]

    def standing(self) -> list[tuple[Any, ...]]:
        """All figures that stand, without when and why they were published."""
        create_views(self.dataset)
        return query(self.dataset, STANDING)

    def partition(self, table: str, day: str) -> dict[str, str]:
        return contents(self.dataset / table / f"day={day}")


@contextmanager
def broken(channel: str, refuses: Callable[[bytes], bool]) -> Iterator[None]:
    """The channel's decoder with a fault: it refuses some records."""
    registered = registered_channels()
    sound = registered[channel]

    def parse(payload: bytes) -> Any:
        if refuses(payload):
            raise ParseError(Reason.UNKNOWN_KIND, "$.kind", "expected a kind that it knows")
        return sound.parse(payload)

    registered[channel] = replace(sound, parse=parse, parse_lines=None)
    try:
        yield
    finally:
        registered[channel] = sound


class Printed(NamedTuple):
    code: int
    out: str
    err: str


def without_events(dataset: Path, condition: str) -> pa.Table:
    """Take events out of a dataset; gives them."""
    taken = []
    for file in sorted((dataset / "events").rglob("*.parquet")):
        with duckdb.connect() as connection:
            rows = connection.read_parquet(str(file), hive_partitioning=False)
            taken.append(rows.filter(condition).to_arrow_table().cast(EVENT))
            left = rows.filter(f"NOT ({condition})").to_arrow_table().cast(EVENT)
        pq.write_table(left, file)
    return pa.concat_tables(taken)


def add_events(dataset: Path, rows: pa.Table) -> None:
    """Write events into the partitions that their times say."""
    days = rows["event_time"].cast(pa.date32()).to_pylist()
    for day in set(days):
        own = rows.filter(pa.array([each == day for each in days]))
        folder = dataset / "events" / f"day={day}"
        pq.write_table(own, folder / f"part-{len(list(folder.iterdir()))}.parquet")


def rows_of(dataset: Path, name: str) -> list[dict[str, Any]]:
    files = sorted((dataset / name).rglob("*.parquet"))
    return [row for f in files for row in pq.read_table(f, partitioning=None).to_pylist()]


def late_row(event: dict[str, Any], number: int) -> dict[str, Any]:
    return {
        "event_id": event["event_id"],
        "event_time": event["event_time"],
        "arrived_time": event["ingested_time"],
        "local_day": event["event_time"].date(),
        "effect": "event",
        "closed_through": ARRIVED,
        "recorded_time": ARRIVED,
        "epoch": 0,
        "shard": 0,
        "number": number,
    }


def make_stream(dataset: Path) -> None:
    """Have run.json say that a stream wrote the dataset, and its source that it read on."""
    path = dataset / "run.json"
    run = json.loads(path.read_text()) | {"streaming": True, "hot_minutes": 15, "since": None}
    path.write_text(json.dumps(run))
    status = {
        "input": "kafka:live/0",
        "observed_time": ARRIVED,
        "watermark": datetime(2026, 3, 4, 0, 0, tzinfo=timezone.utc),
        "basis": "messages",
        "position": 99,
        "behind": 0,
    }
    folder = dataset / "source_status" / "day=2026-03-05"
    folder.mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist([status], SOURCE_STATUS), folder / "part-0.parquet")
