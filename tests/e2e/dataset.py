"""The dataset that a test's job writes: how far it is, its rows, and what verify says of it."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path

import duckdb
import pyarrow.parquet as pq

from deploy.local.services import ROOT
from pipelines.sinks.duckdb_views import create_views
from schemas.partial import WINDOWS
from transforms.cadence import SECONDS
from transforms.derive_windows import DAY, HOUR

QUIET = timedelta(seconds=12)
"""Counts are written every ten seconds, figures more often."""
LONG_AGO = datetime(1970, 1, 1, tzinfo=timezone.utc)


@dataclass(frozen=True)
class Verdict:
    """What a command of `moment` ended with, and what it said."""

    code: int
    said: str

    def holds(self) -> None:
        """Fail, with what differs, where `verify` did not say that all figures are identical."""
        assert self.code == 0, self.said[-5000:]
        assert self.said.startswith("identical: "), self.said[:500]


def verify(place: str, *inputs: str) -> Verdict:
    """`moment verify` of a folder or a dataset of BigQuery."""
    return moment("verify", place, *inputs)


def moment(*arguments: str) -> Verdict:
    """A command of `moment`, in a process of its own."""
    ended = subprocess.run(
        [sys.executable, "-m", "pipelines", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return Verdict(ended.returncode, ended.stdout + ended.stderr)


@dataclass
class Dataset:
    """A dataset, and a log of what was appended to its events, kept outside of the job.

    The sink only ever adds files, so the names that were there at a moment are what was appended
    until then.
    """

    folder: Path
    _noted: list[frozenset[str]] = field(default_factory=list)
    _counted: dict[str, int] = field(default_factory=dict)

    def rows(self, query: str) -> list[tuple]:
        """What its views answer."""
        create_views(self.folder)
        with duckdb.connect(str(self.folder / "moment.duckdb"), read_only=True) as views:
            return views.execute(query).fetchall()

    def written(self) -> int:
        """Rows of the events table, repeated ones included."""
        for path in set(self._files("events")) - set(self._counted):
            self._counted[path] = pq.read_metadata(path).num_rows
        return sum(list(self._counted.values()))

    def stands(self) -> bool:
        """Whether no event has been written for a while."""
        newest = max((Path(path).stat().st_mtime for path in self._files("events")), default=None)
        return newest is not None and time.time() - newest > QUIET.total_seconds()

    def is_final_through(self, end: datetime, epoch: int = 0) -> bool:
        """Whether a window that ends then or later was published as final."""
        reached = self.final_through(epoch)
        return reached is not None and reached >= end

    def final_through(self, epoch: int = 0) -> datetime | None:
        """The end of the last window that was published as final."""
        files = self._files("metrics")
        if not files:
            return None
        ((end,),) = duckdb.execute(
            "SELECT max(window_end)::TIMESTAMPTZ FROM read_parquet($files) WHERE epoch = $epoch",
            {"files": files, "epoch": epoch},
        ).fetchall()
        return end

    def received(self, since: datetime = LONG_AGO) -> int:
        """Records that the rows of the balance count which hold, of those written since a time."""
        ((received,),) = self.rows(
            "SELECT coalesce(sum(received), 0)::BIGINT FROM balance_latest"
            f" WHERE published_time >= '{since}'"
        )
        return int(received)

    def quiet(self, now: datetime | None = None) -> bool:
        """Whether neither a figure nor a count is to be expected any more.

        None has been written for a while, and no minute since the last figure of its hour and of
        its day, where these have one, or so long ago that they would have been written since.
        """
        ((newest,),) = self.rows(
            "SELECT max(published_time) FROM (SELECT published_time FROM metrics"
            " UNION ALL SELECT published_time FROM balance)"
        )
        if newest is None:
            return False
        waits = [newest]
        for window, within in ((HOUR, "date_trunc('hour', window_start)"), (DAY, "local_day")):
            ((since,),) = self.rows(
                f"SELECT max(minute) FROM (SELECT epoch, grouping_set, content_id, brand_id, {within},"
                " max(published_time) FILTER (window_kind = 'minute') AS minute,"
                f" max(published_time) FILTER (window_kind = '{WINDOWS[window]}') AS longer"
                " FROM metrics GROUP BY ALL) WHERE longer < minute"
            )
            if since is not None:
                waits.append(since + timedelta(seconds=SECONDS[window]))
        return (now or datetime.now(timezone.utc)) - max(waits) > QUIET

    def note_appends(self) -> None:
        """Remember what has been appended to the events until now: before something is killed."""
        self._noted.append(frozenset(self._files("events")))

    def repeated_appends(self) -> list[int]:
        """For each moment noted: how many rows appended by then were appended again after it.

        A copy that a producer sent again arrived at another time, and is another row.
        """
        return [
            self._again(sorted(before), sorted(set(self._files("events")) - before))
            for before in self._noted
        ]

    def verify(self, *inputs: str) -> Verdict:
        """What `moment verify` says of it."""
        return verify(str(self.folder), *inputs)

    def _files(self, table: str) -> list[str]:
        return [str(path) for path in self.folder.glob(f"{table}/day=*/*.parquet")]

    @staticmethod
    def _again(before: Sequence[str], after: Sequence[str]) -> int:
        if not before or not after:
            return 0
        ((rows,),) = duckdb.execute(
            "SELECT count(*) FROM (SELECT event_id, ingested_time FROM read_parquet($after))"
            " SEMI JOIN read_parquet($before) USING (event_id, ingested_time)",
            {"before": list(before), "after": list(after)},
        ).fetchall()
        return int(rows)


def balance_closes(dataset: Dataset) -> None:
    """Fail where a row of the balance does not close, or is not closed by the late ledger."""
    assert dataset.rows("SELECT * FROM balance_latest WHERE NOT balanced") == []
    ((late,),) = dataset.rows("SELECT sum(late) FROM balance_latest")
    ((ledger,),) = dataset.rows(
        "SELECT count(DISTINCT (shard, number)) FROM late_events_latest WHERE effect = 'event'"
        " AND epoch = (SELECT max(epoch) FROM metrics)"
    )
    assert ledger == late


def events_are_once(dataset: Dataset) -> None:
    """Fail where the latest view has an event twice or not at all."""
    ((rows, ids),) = dataset.rows("SELECT count(*), count(DISTINCT event_id) FROM events_latest")
    ((written,),) = dataset.rows("SELECT count(DISTINCT event_id) FROM events")
    assert rows == ids == written
