"""Apache combined log of the show's page: viewers' requests, crawlers, errors."""

from __future__ import annotations

from datetime import datetime, timezone
from zoneinfo import ZoneInfo

import numpy as np

from pipelines.simulator.faults import Fault, Written, written
from pipelines.simulator.people import BOTS, People
from pipelines.simulator.scenario import PAGE, SITE, Options
from pipelines.simulator.watching import Runs

_PARIS = ZoneInfo("Europe/Paris")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_ASSETS = (
    ("/assets/player.6f2c1.js", 200, 184_220),
    ("/assets/site.91ab0.css", 200, 42_118),
    ("/assets/poster-live-42.jpg", 200, 96_404),
    ("/fonts/lumiere.woff2", 304, 0),
)
_ERRORS = (("/live/live-41", 404, 1_204), ("/api/basket", 500, 312), ("/favicon.ico", 404, 196))

BROKEN = (
    Fault(rb' HTTP/1\.1".*$', b""),
    Fault(rb"\[[^\]]*\]", b"[99/Foo/2026:88:99:99 +0100]"),
    Fault(rb'" (?:200|304|404|500) ', b'" OK '),
)


def access_log_records(options: Options, people: People, runs: Runs) -> Written:
    """A page and its assets for every viewer's visit, some errors, crawlers all evening."""
    rng = options.generator("access log")
    lines: list[str] = []
    moments: list[int] = []
    starts = runs.start_ms[: people.viewers].tolist()
    errors = rng.random(people.viewers) < 0.03
    # Two certain errors, so that no small story lacks them.
    errors[:2] = True
    for viewer, start in enumerate(starts):
        wanted = [(PAGE, 200, 18_402), *_ASSETS]
        if errors[viewer]:
            wanted.append(_ERRORS[viewer % len(_ERRORS)])
        for turn, (path, status, size) in enumerate(wanted):
            at = start - 18_000 + turn * 350
            referrer = "-" if turn == 0 else SITE + PAGE
            address, agent = people.address[viewer], people.user_agent[viewer]
            lines.append(_line(address, at, path, status, size, referrer, agent))
            moments.append(at)
    for crawl in range(max(5, options.people // 10)):
        at = options.start_ms + int(rng.integers(-options.length_ms, options.length_ms))
        path = f"{PAGE}?page={crawl}"
        lines.append(
            _line(f"203.0.113.{crawl % 250}", at, path, 200, 18_402, "-", BOTS[crawl % len(BOTS)])
        )
        moments.append(at)
    return written(lines, np.array(moments), rng, options)


def _line(
    address: str, at_ms: int, path: str, status: int, size: int, referrer: str, agent: str
) -> str:
    """One request. Months are English whatever the locale, as the server writes them."""
    at = datetime.fromtimestamp(at_ms // 1000, timezone.utc).astimezone(_PARIS)
    stamp = f"{at:%d}/{_MONTHS[at.month - 1]}/{at:%Y:%H:%M:%S %z}"
    request = f"GET {path} HTTP/1.1"
    return f'{address} - - [{stamp}] "{request}" {status} {size} "{referrer}" "{agent}"'
