"""Segment track calls of about 800 bytes, as fast as one core can write them: for benchmarks."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import numpy as np

from pipelines.simulator.people import BROWSERS
from pipelines.simulator.scenario import (
    HEARTBEAT_MS,
    SHOW_START,
    SITE,
    hex_ids,
    texts_of_instants,
)
from pipelines.simulator.words import comment

BLOCK_EVENTS = 10_000
SPREAD_MS = 2 * 3_600_000
_TEXTS = 512
_LOGGED_IN = 0.4


def tracks(
    count: int,
    people: int,
    contents: int,
    seed: int,
    text_share: float = 0.1,
    heavy_actor_share: float = 0.0,
    start: datetime = SHOW_START,
) -> Iterator[bytes]:
    """Blocks of whole NDJSON lines, `count` events in all, in the order of time over two hours.

    Heartbeats, and `Product Reviewed` with a text for `text_share` of the events. Contents follow
    Zipf's law (the n-th is n times rarer than the first), people are equal but for person 0, who
    makes `heavy_actor_share` of the events. The same arguments give the same bytes.
    """
    if min(count, people, contents) < 1:
        raise ValueError(
            f"tracks: expected count, people and contents of 1 or more,"
            f" found {count}, {people} and {contents}"
        )
    rng = np.random.default_rng(seed)
    heads = _heads()
    texts = [comment(rng) for _ in range(_TEXTS)]
    weights = 1 / np.arange(1, contents + 1)
    cumulated = np.cumsum(weights) / weights.sum()
    logged_in = round(people * _LOGGED_IN)
    begin = round(start.timestamp() * 1000)
    for first in range(0, count, BLOCK_EVENTS):
        size = min(BLOCK_EVENTS, count - first)
        person = rng.integers(0, people, size)
        person[rng.random(size) < heavy_actor_share] = 0
        content = np.searchsorted(cumulated, rng.random(size), side="right")
        content = np.minimum(content, contents - 1)
        created = begin + (np.arange(first, first + size) * SPREAD_MS) // count
        sent = created + rng.integers(5, 1_200, size)
        spoken = np.where(rng.random(size) < text_share, rng.integers(0, _TEXTS, size), -1)
        lines = [
            f'{heads[p % len(heads)]}"anonymousId":"{p:08x}-6d6f-4d65-a274-{p:012x}",'
            f'"userId":{_user(p, logged_in)},"messageId":"ajs-next-{i}",'
            f'"originalTimestamp":"{c}Z","sentAt":"{s}Z","receivedAt":"{r}Z",{_event(k, b, texts)}'
            for p, i, c, s, r, k, b in zip(
                person.tolist(),
                hex_ids(rng, size),
                texts_of_instants(created),
                texts_of_instants(sent),
                texts_of_instants(sent + 120),
                content.tolist(),
                spoken.tolist(),
            )
        ]
        lines.append("")
        yield "\n".join(lines).encode()


def _user(person: int, logged_in: int) -> str:
    return f'"m{person}"' if person < logged_in else "null"


def _event(content: int, spoken: int, texts: list[str]) -> str:
    """Name and properties: a heartbeat, or a review where a text is spoken."""
    if spoken < 0:
        return (
            f'"event":"Video Content Playing","properties":{{"content_asset_id":"live-{content}",'
            f'"position":{HEARTBEAT_MS // 1000},"livestream":true}}}}'
        )
    return (
        f'"event":"Product Reviewed","properties":{{"content_asset_id":"live-{content}",'
        f'"product_id":"p{content % 97}","review_body":"{texts[spoken]}","rating":4}}}}'
    )


def _heads() -> list[str]:
    """Contexts of five browsers: what a call repeats whoever makes it."""
    return [
        '{"type":"track","context":{'
        f'"ip":"198.51.100.{number}","userAgent":"{agent}","library":{{"name":"analytics.js",'
        f'"version":"npm:next-1.77.0"}},"locale":"fr-FR","timezone":"Europe/Paris","consent":'
        f'{{"categoryPreferences":{{"Analytics":true}}}},"screen":{{"width":1512,"height":982}},'
        f'"page":{{"path":"/live","referrer":"","url":"{SITE}/live"}}}},'
        for number, agent in enumerate(BROWSERS)
    ]
