"""`make soak`: a live on Flink under many kills, or with a broker that is gone for minutes.

The live is at its own pace and of now, so that figures become final between the kills; with
`--fast` one of March is read a dozen times as fast, and a killed job holds what is final until it
has caught up. Started by hand, for it takes a quarter of an hour. Prints what was killed and what
was counted; exit code 1 where `moment verify` does not say identical, where a kill changed nothing
or fell before any figure was final, or where the balance does not close.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from functools import partial
from pathlib import Path

from deploy.local.kafka_publish import Published
from deploy.local.services import ROOT, Services, local_services
from tests.e2e.cluster import measure_arguments, running_job, wait_for_topic
from tests.e2e.dataset import Dataset
from tests.e2e.soak_outage import outage
from tests.e2e.soak_runs import counts, verified
from tests.e2e.streams import Job, arriving, make_live, publish_live, running

KINDS = ("taskmanager", "worker", "broker")
SECONDS_A_KILL = 35.0
"""A killed TaskManager is missed after 8 s, and the job has to come back and write before the next
kill: one that hits a job that is down already would prove nothing."""

BEGIN = datetime(2026, 3, 14, 19, 0, tzinfo=timezone.utc)
END = datetime(2026, 3, 14, 22, 30, tzinfo=timezone.utc)
"""From half an hour before the show to an hour after it: what was held back longer does not come."""

DENSE = timedelta(hours=2, minutes=30)
"""Within which the kills fall: afterwards records are too rare to tell that a job writes again."""

DAY_ENDS = datetime(2026, 3, 14, 23, 0, tzinfo=timezone.utc)

SHORTEST_MINUTES = 10
"""Of a show that the simulator makes."""

RESTARTS = 1_000
FOLDER = ROOT / "build" / "local-soak"


def kinds(kills: int, seed: int) -> list[str]:
    """What is killed in turn: each kind equally often, in an order that the seed decides."""
    order = [KINDS[number % len(KINDS)] for number in range(kills)]
    random.Random(seed).shuffle(order)
    return order


def kill(services: Services, kind: str, choose: random.Random) -> None:
    """One kill, and the start of what nobody else starts again."""
    if kind == "taskmanager":
        services.kill_taskmanager()
        services.restart_taskmanager()
    elif kind == "broker":
        services.restart_kafka()
    else:
        services.kill_worker(choose.randrange(services.slots))


@dataclass(frozen=True)
class Live:
    """Records of a live, and how they are published: when, how fast, and what ends last."""

    records: Path
    begin: datetime
    speed: float
    last_window_ends: datetime


def live_of_now(folder: Path, kills: int, seed: int, events: int) -> Live:
    """A live at its own pace that begins in a minute or two and outlasts the kills."""
    minutes = max(SHORTEST_MINUTES, math.ceil((kills + 1) * SECONDS_A_KILL / 60) + 1)
    begin = datetime.now(timezone.utc).replace(second=0, microsecond=0) + timedelta(minutes=2)
    # People are drawn for the two hours of a show, and these see minutes of it.
    make_live(folder / "whole", round(events * 120 / minutes), seed, minutes, begin)
    end = begin + timedelta(minutes=minutes)
    return Live(arriving(folder / "whole", begin, end, folder / "live"), begin, 1.0, end)


def live_of_march(folder: Path, kills: int, seed: int, events: int) -> Live:
    """A live of long ago, as much faster as the kills need."""
    make_live(folder / "whole", events=events, seed=seed)
    live = arriving(folder / "whole", BEGIN, END, folder / "live")
    speed = DENSE.total_seconds() / ((kills + 1) * SECONDS_A_KILL)
    return Live(live, datetime.now(timezone.utc), speed, DAY_ENDS)


def soak(
    folder: Path, kills: int, seed: int, events: int, made: Callable[[Path, int, int, int], Live]
) -> dict[str, object]:
    """A live from Kafka while so many things are killed; what was counted at its end."""
    dataset = Dataset(folder / "figures")
    with (
        local_services(slots=2, folder=FOLDER, restarts=RESTARTS) as services,
        ThreadPoolExecutor(1) as elsewhere,
    ):
        live = made(folder, kills, seed, events)
        say(f"{kills} kills, seed {seed}, {live.speed:.0f} times the pace of the live")
        time.sleep(max(0.0, (live.begin - datetime.now(timezone.utc)).total_seconds()))
        publishing = elsewhere.submit(
            publish_live, live.records, services.kafka, "live", 4, live.speed
        )
        wait_for_topic(services, "live")
        options = ("--idle-after", "25", "--publish-every", "5")
        source = f"kafka://{services.kafka}/live"
        arguments = measure_arguments(services, source, dataset.folder, *options)
        with running("pipelines", arguments, folder / "log") as job:
            running_job(services)
            killed, final = _kill_in_turn(
                services, job, dataset, kinds(kills, seed), seed, publishing
            )
            publishing.result(timeout=1200)
            job.wait_until(lambda: dataset.is_final_through(live.last_window_ends), seconds=600)
            job.wait_until(dataset.quiet, seconds=500)
        said = verified(dataset, services, "live")
    published = publishing.result().messages
    return {
        "kills": dict(killed),
        "kills after further figures were final": final,
        "records": published,
        **counts(dataset),
        "verify": said,
    }


def _kill_in_turn(
    services: Services,
    job: Job,
    dataset: Dataset,
    order: Sequence[str],
    seed: int,
    publishing: Future[Published],
) -> tuple[Counter[str], int]:
    """What was killed, and how many kills came after a later window than before was final."""
    choose, killed = random.Random(seed), Counter[str]()
    reached, final = dataset.final_through(), 0
    for number, kind in enumerate(order, 1):
        at = time.monotonic()
        _writes_again(services, job, dataset, publishing)
        time.sleep(SECONDS_A_KILL / 4 * choose.random())
        say(f"kill {number} of {len(order)}: {kind}, {dataset.written():,} rows written")
        before, reached = reached, dataset.final_through()
        final += reached != before
        kill(services, kind, choose)
        killed[kind] += 1
        time.sleep(max(0.0, SECONDS_A_KILL - (time.monotonic() - at)))
    return killed, final


def _writes_again(
    services: Services, job: Job, dataset: Dataset, publishing: Future[Published]
) -> None:
    """Return when more rows are written than now, or, after the last record, when the job runs."""
    rows = dataset.written()
    job.wait_until(lambda: dataset.written() > rows or publishing.done(), seconds=300)
    running_job(services)


def faults(found: dict[str, object]) -> list[str]:
    """In what a soak has failed; nothing where all is well."""
    told = []
    if not str(found["verify"]).startswith("identical: "):
        told.append(f"expected figures identical to a recomputation, found {found['verify']}")
    if found["unbalanced"]:
        told.append(f"expected a balance that closes, found {found['unbalanced']} rows that do not")
    if found["received"] != found["records"]:
        told.append(f"expected {found['records']} records counted, found {found['received']}")
    if "kills" in found and not found["repeated"]:
        told.append("expected rows that were written again, found none: the kills proved nothing")
    if found.get("kills after further figures were final") == 0:
        told.append("expected figures that were final before a kill, found none")
    return told


def say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')}  {text}", file=sys.stderr, flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 0, or 1 where something was lost, invented or not corrected."""
    parser = argparse.ArgumentParser(prog="python -m tests.e2e.soak", description=__doc__)
    parser.add_argument("--kills", type=int, default=20, help="kill points (default 20)")
    parser.add_argument("--seed", type=int, default=7, help="of the live and of the kills")
    parser.add_argument("--events", type=int, default=150_000, help="records of the live, about")
    parser.add_argument(
        "--outage", type=float, metavar="MINUTES", help="instead: stop the broker for so long"
    )
    parser.add_argument(
        "--keep", type=Path, metavar="FOLDER", help="where its live, dataset and log stay, new"
    )
    parser.add_argument(
        "--fast", action="store_true", help="a live of long ago, a dozen times as fast"
    )
    given = parser.parse_args(arguments)
    if given.keep:
        given.keep.mkdir(parents=True)
    os.environ.setdefault("MOMENT_PSEUDONYM_KEY", "a key that soaks alone may use")
    apart = partial(tempfile.TemporaryDirectory, prefix="moment-soak-")
    with nullcontext(given.keep) if given.keep else apart() as folder:
        if given.outage:
            found = outage(Path(folder), given.outage, given.seed, FOLDER, say)
        else:
            made = live_of_march if given.fast else live_of_now
            found = soak(Path(folder), given.kills, given.seed, given.events, made)
    print(json.dumps(found, indent=1, default=str))
    wrong = faults(found)
    for fault in wrong:
        print(f"FAILED: {fault}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
