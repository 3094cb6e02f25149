"""An outage of the broker in a live at its own pace: how wrong figures were, and until when."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import duckdb

from deploy.local.services import Services, local_services
from tests.e2e.cluster import measure_arguments, running_job, wait_for_topic
from tests.e2e.dataset import Dataset
from tests.e2e.soak_runs import counts, verified
from tests.e2e.streams import Job, arriving, make_live, publish_live, running

BEFORE = timedelta(minutes=2)
AFTER = timedelta(minutes=4)
"""The live goes on so long, so that what is late for the outage meets what is not."""
IDLE_SECONDS = 60
EVENTS_A_MINUTE = 1_000


def outage(
    folder: Path, minutes: float, seed: int, services_folder: Path, say: Callable[[str], None]
) -> dict[str, object]:
    """What was counted, and what was published of the minutes of a live whose broker was gone.

    Producers hold back what they cannot send, as Kafka's do, and send it with its own time as soon
    as the broker is back.
    """
    dataset = Dataset(folder / "figures")
    live = timedelta(minutes=minutes) + BEFORE + AFTER
    with (
        local_services(slots=2, folder=services_folder) as services,
        ThreadPoolExecutor(1) as elsewhere,
    ):
        # The show begins when records begin to come: those of before are left out.
        begin = datetime.now(timezone.utc).replace(second=0, microsecond=0) + timedelta(minutes=2)
        total = round(live.total_seconds() / 60)
        make_live(folder / "whole", EVENTS_A_MINUTE * total, seed, total, begin)
        records = arriving(folder / "whole", begin, begin + live, folder / "live")
        time.sleep(max(0.0, (begin - datetime.now(timezone.utc)).total_seconds()))
        publishing = elsewhere.submit(publish_live, records, services.kafka, "live", 4, 1.0)
        wait_for_topic(services, "live")
        options = ("--idle-after", str(IDLE_SECONDS), "--publish-every", "5")
        source = f"kafka://{services.kafka}/live"
        arguments = measure_arguments(services, source, dataset.folder, *options)
        with running("pipelines", arguments, folder / "log") as job:
            running_job(services)
            job.wait_until(lambda: dataset.written() > 0, seconds=120)
            time.sleep(max(0.0, (begin + BEFORE - datetime.now(timezone.utc)).total_seconds()))
            gone, back = _away(services, minutes, say)
            published = publishing.result(timeout=live.total_seconds() + 600).messages
            _wait_for_figures(job, dataset.folder, begin + live, say)
        said = verified(dataset, services, "live")
    return {
        "outage": {"from": gone, "until": back},
        "records": published,
        **counts(dataset),
        **errors(dataset.folder, gone, back),
        "verify": said,
    }


def _away(
    services: Services, minutes: float, say: Callable[[str], None]
) -> tuple[datetime, datetime]:
    gone = datetime.now(timezone.utc)
    say(f"the broker is stopped for {minutes:g} minutes")
    services.kill_kafka()
    time.sleep(minutes * 60)
    services.restart_kafka()
    back = datetime.now(timezone.utc)
    say("the broker is back")
    return gone, back


def _wait_for_figures(job: Job, dataset: Path, ended: datetime, say: Callable[[str], None]) -> None:
    """Until the last minute of the live is published as final, and has been for a while."""
    job.wait_until(lambda: final_minute(dataset) >= ended, seconds=3600)
    say("the last minute of the live is final")
    time.sleep(30)


def final_minute(dataset: Path) -> datetime:
    """The end of the last minute published as final."""
    files = [str(path) for path in dataset.glob("metrics/day=*/*.parquet")]
    long_ago = datetime(1970, 1, 1, tzinfo=timezone.utc)
    if not files:
        return long_ago
    ((end,),) = duckdb.execute(
        "SELECT max(window_end)::TIMESTAMPTZ FROM read_parquet($files)"
        " WHERE window_kind = 'minute'",
        {"files": files},
    ).fetchall()
    return end or long_ago


ON_TIME = """
SELECT window_start, window_end,
       min_by(coalesce(numerator, 0), published_time) AS first,
       max_by(coalesce(numerator, 0), published_time) AS last,
       min(published_time) AS told,
       min(published_time) FILTER (coalesce(numerator, 0) = stands) AS right_at
FROM (
  SELECT *, max_by(coalesce(numerator, 0), published_time) OVER (PARTITION BY window_start) AS stands
  FROM metrics
  WHERE metric = 'events' AND grouping_set = 'total' AND window_kind = 'minute'
    AND traffic = 'gross'
) GROUP BY ALL ORDER BY window_start"""


def errors(dataset: Path, gone: datetime, back: datetime) -> dict[str, Any]:
    """On-time error: of each minute, the total first published as final against the one that stands.

    Of the minutes that ended before the outage, of those that were open in it, and of those that
    began after it; and when every minute of the outage had the total that stands.
    """
    with duckdb.connect(str(dataset / "moment.duckdb"), read_only=True) as views:
        views.execute("SET TimeZone = 'UTC'")
        rows = views.execute(ON_TIME).fetchall()
    return {"minutes": summed(rows, gone, back)}


def summed(rows: list[tuple], gone: datetime, back: datetime) -> dict[str, Any]:
    """Rows of ON_TIME by when their minute was."""
    told: dict[str, Any] = {}
    for name, chosen in (
        ("before", [row for row in rows if row[1] <= gone]),
        ("outage", [row for row in rows if row[1] > gone and row[0] < back]),
        ("after", [row for row in rows if row[0] >= back]),
    ):
        off = [abs(row[2] - row[3]) / row[3] if row[3] else 0.0 for row in chosen]
        lags = [(row[4] - row[1]).total_seconds() for row in chosen]
        right = [(row[5] - max(row[1], back)).total_seconds() for row in chosen if row[5]]
        told[name] = {
            "minutes": len(chosen),
            "off": sum(each > 0 for each in off),
            "mean_error": round(sum(off) / max(1, len(off)), 6),
            "greatest_error": round(max(off, default=0.0), 6),
            "greatest_lag_seconds": round(max(lags, default=0.0), 1),
            "right_after_broker_seconds": round(max(right, default=0.0), 1),
        }
    return told
