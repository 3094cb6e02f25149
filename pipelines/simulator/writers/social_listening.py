"""Posts about the show as a listening tool exports them: its own clock's minutes, rounded ids."""

from __future__ import annotations

from datetime import datetime, timezone
from zoneinfo import ZoneInfo

import numpy as np

from pipelines.simulator.faults import TRUNCATED, Fault, Written, document, written
from pipelines.simulator.people import People
from pipelines.simulator.scenario import MINUTE_MS, Options, hex_ids
from pipelines.simulator.words import comment, shout

_ZONES = ("Paris", "Brussels", "London", "Casablanca", "")
_EXPORT_ZONE = ZoneInfo("America/Los_Angeles")
"""The tool stamps its own civil time, whatever the author's zone is (see the channel)."""

BROKEN = (
    TRUNCATED,
    Fault(rb'"tweet_created":"[^"]*"', b'"tweet_created":"13/45/26 99:99"'),
    Fault(rb'"tweet_created":"[^"]*"', b'"tweet_created":["3/14/26"]'),
)


def social_records(options: Options, people: People) -> Written:
    """Posts during and after the show, more of them after the moment; a fifth are retweets.

    Nobody posts the same words twice in a minute: author, minute and words are a post's identity.
    """
    rng = options.generator("social")
    count = max(20, options.people * 3 // 4)
    moment = options.start_ms + options.burst_minute * MINUTE_MS
    spread = rng.integers(options.start_ms, options.end_ms + options.length_ms, count)
    after = moment + rng.exponential(4 * MINUTE_MS, count).astype(np.int64)
    at = np.sort(np.where(rng.random(count) < 0.35, after, spread))
    names = hex_ids(rng, max(20, count // 2), 10)
    records: list[str] = []
    texts: list[str] = []
    posted: set[tuple[str, str, str]] = set()
    for index, instant in enumerate(at.tolist()):
        zone = _ZONES[int(rng.choice(len(_ZONES), p=[0.5, 0.1, 0.08, 0.02, 0.3]))]
        local = datetime.fromtimestamp(instant / 1000, timezone.utc).astimezone(_EXPORT_ZONE)
        created = f"{local.month}/{local.day}/{local:%y} {local.hour}:{local:%M}"
        retweet = index > 5 and rng.random() < 0.2
        if retweet:
            text = f"RT @u{names[index % len(names)]}: {texts[int(rng.integers(len(texts)))]}"
        else:
            busy = moment <= instant < moment + options.burst_minutes * MINUTE_MS
            text = f"{shout(rng) if busy else comment(rng)} #MaisonLumiere #live42"
            texts.append(text)
        author = int(rng.integers(len(names)))
        while (names[author], created, text) in posted:
            author = (author + 1) % len(names)
        posted.add((names[author], created, text))
        records.append(
            document(
                {
                    "index": str(index),
                    "name": f"u{names[author]}",
                    "retweet_count": str(int(rng.poisson(0.6))),
                    "text": text,
                    "tweet_created": created,
                    "tweet_id": f"{2.03e18 + instant:.5e}",
                    "user_timezone": zone,
                }
            )
        )
    return written(records, at, rng, options)
