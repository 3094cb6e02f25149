"""Segment calls of the web player and the app: pages, video events, clicks, orders.

Nine records in ten are heartbeats, so all that does not change for a viewer is written once and
each record is that text with an id, four instants and a position.
"""

from __future__ import annotations

import numpy as np

from pipelines.simulator.faults import TRUNCATED, Fault, Written, delays_ms, document
from pipelines.simulator.participation import Order
from pipelines.simulator.people import People
from pipelines.simulator.scenario import (
    BRAND,
    CONTENT,
    PAGE,
    SITE,
    Options,
    hex_ids,
    texts_of_instants,
)
from pipelines.simulator.watching import Beats, Runs

CLICK_SHARE = 0.12
_NAMES = (
    "Video Content Playing",
    "Video Playback Started",
    "Video Playback Resumed",
    "Video Playback Paused",
    "Video Playback Exited",
    "Video Playback Completed",
)
_SCREENS = ((2, 1920, 1080), (2, 1512, 982), (3, 393, 852), (2.625, 412, 915), (1, 1440, 900))

BROKEN = (
    TRUNCATED,
    Fault(rb'"type":"(?:track|page|identify)"', b'"type":["track"]'),
    Fault(rb'"receivedAt":"[^"]*"', b'"receivedAt":"2026-13-45T99:00:00.000Z"'),
    Fault(rb'"context":\{"ip"', b'"context":7,"was":{"ip"'),
)
UNKNOWN = Fault(rb'"type":"(?:track|page|identify)"', b'"type":"telepathy"')


def segment_records(
    options: Options, people: People, runs: Runs, beats: Beats, orders: list[Order]
) -> tuple[Written, np.ndarray]:
    """The channel's records, and which viewer each is of."""
    rng = options.generator("segment")
    heads = [_head(people, viewer) for viewer in range(people.viewers)]
    sessions = hex_ids(rng, people.viewers, 16)
    videos = [
        f'{head}"properties":{{"session_id":"{session}","content_asset_id":"{CONTENT}",'
        '"livestream":true,'
        for head, session in zip(heads, sessions)
    ]
    who, at, name, position = _video_events(options, runs, beats)
    bodies = [
        f'{videos[viewer]}"position":{second}}},"type":"track","event":"{_NAMES[number]}",'
        for viewer, number, second in zip(who.tolist(), name.tolist(), position.tolist())
    ]
    others = [
        *_visits(options, people, runs, heads, rng),
        *_clicks(options, people, runs, heads, rng),
        *_purchases(orders, heads),
    ]
    who = np.concatenate([who, [viewer for viewer, _, _ in others]]).astype(np.int64)
    at = np.concatenate([at, [moment for _, moment, _ in others]]).astype(np.int64)
    bodies.extend(body for _, _, body in others)
    return _stamped(options, people, who, at, bodies, rng), who


def _head(people: People, viewer: int) -> str:
    """The part of a call that is the same in all of a viewer's."""
    agent = people.user_agent[viewer]
    density, width, height = _SCREENS[viewer % len(_SCREENS)]
    user = f'"{people.users[viewer]}"' if viewer < people.logged_in else "null"
    consent = ""
    if people.carries_consent[viewer]:
        answer = "false" if people.refused[viewer] else "true"
        consent = (
            f'"consent":{{"categoryPreferences":{{"Analytics":{answer},"Advertising":false}}}},'
        )
    return (
        f'{{"anonymousId":"{people.anonymous[viewer]}","userId":{user},'
        f'"context":{{"ip":"{people.address[viewer]}","userAgent":"{agent}",'
        f'"library":{{"name":"analytics.js","version":"npm:next-1.77.0"}},"locale":"fr-FR",'
        f'"timezone":"Europe/Paris",{consent}"screen":{{"density":{density},"width":{width},'
        f'"height":{height}}},"page":{{"path":"{PAGE}","referrer":"",'
        f'"title":"Maison Lumière","url":"{SITE}{PAGE}"}}}},'
    )


def _video_events(
    options: Options, runs: Runs, beats: Beats
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Viewer, instant, name (index of _NAMES) and position of heartbeats, starts and ends."""
    over = runs.last_beat_ms >= options.end_ms - 60_000
    ending = np.where(runs.paused, 3, np.where(over, 5, 4))
    # A closed tab says nothing: only some of those who leave early are heard to.
    heard = np.flatnonzero((ending != 4) | (np.arange(len(ending)) % 5 < 3))
    start_position = (runs.start_ms - options.start_ms) // 1000
    end_at = runs.last_beat_ms[heard] + 2_500
    return (
        np.concatenate([beats.who, runs.viewer, runs.viewer[heard]]),
        np.concatenate([beats.at_ms, runs.start_ms, end_at]),
        np.concatenate(
            [np.zeros(len(beats.who), int), np.where(runs.resumed, 2, 1), ending[heard]]
        ),
        np.concatenate([beats.position_s, start_position, (end_at - options.start_ms) // 1000]),
    )


def _visits(
    options: Options, people: People, runs: Runs, heads: list[str], rng: np.random.Generator
) -> list[tuple[int, int, str]]:
    """A page view before each first start, and an identify call where there is a login.

    They carry no content: the page is not the live.
    """
    page = f'"properties":{{"path":"{PAGE}","url":"{SITE}{PAGE}"}},"type":"page","name":"Live",'
    before = rng.integers(1_500, 20_000, people.viewers).tolist()
    visits = []
    for viewer, start in enumerate(runs.start_ms[: people.viewers].tolist()):
        moment = start - before[viewer]
        visits.append((viewer, moment, heads[viewer] + page))
        if viewer < people.logged_in:
            traits = f'"traits":{{"plan":"club","brand":"{BRAND}"}},"type":"identify",'
            visits.append((viewer, moment + 300, heads[viewer] + traits))
    return visits


def _clicks(
    options: Options, people: People, runs: Runs, heads: list[str], rng: np.random.Generator
) -> list[tuple[int, int, str]]:
    """Clicks on the player's call to action."""
    chosen = np.flatnonzero((rng.random(people.viewers) < CLICK_SHARE) & ~people.bot)
    banner = document(
        {
            "content_asset_id": CONTENT,
            "promotion_id": "unveiling",
            "creative": "overlay",
            "name": "Découvrir la collection",
            "position": "player",
        }
    )
    tail = f'"properties":{banner},"type":"track","event":"Promotion Clicked",'
    watched = np.maximum(1, runs.last_beat_ms - runs.start_ms)[chosen]
    moments = runs.start_ms[chosen] + (rng.random(len(chosen)) * watched).astype(np.int64)
    return [
        (viewer, moment, heads[viewer] + tail)
        for viewer, moment in zip(chosen.tolist(), moments.tolist())
    ]


def _purchases(orders: list[Order], heads: list[str]) -> list[tuple[int, int, str]]:
    purchases = []
    for order in orders:
        price = order.cents / 100
        properties = document(
            {
                "content_asset_id": CONTENT,
                "order_id": order.order_id,
                "revenue": price,
                "currency": "EUR",
                "products": [{"product_id": order.product, "quantity": 1, "price": price}],
            }
        )
        body = f'{heads[order.viewer]}"properties":{properties},"type":"track","event":'
        purchases.append((order.viewer, order.at_ms, f'{body}"Order Completed",'))
        if order.cancelled_ms is not None:
            purchases.append((order.viewer, order.cancelled_ms, f'{body}"Order Cancelled",'))
    return purchases


def _stamped(
    options: Options,
    people: People,
    who: np.ndarray,
    at_ms: np.ndarray,
    bodies: list[str],
    rng: np.random.Generator,
) -> Written:
    """Records with their ids and clocks.

    The device stamps creation and sending by its own clock, wrong by a constant for some; the
    server stamps receipt. Waiting in the device's queue does not change the derived time.
    """
    count = len(bodies)
    late = delays_ms(rng, count, options)
    queued = rng.integers(5, 1_200, count) + late
    transit = rng.integers(15, 400, count)
    received = at_ms + queued + transit
    error = people.clock_error_ms[who]
    ids = hex_ids(rng, count)
    lines = [
        f'{body}"messageId":"ajs-next-{i}","originalTimestamp":"{created}Z","sentAt":"{sent}Z",'
        f'"receivedAt":"{receipt}Z","timestamp":"{derived}Z"}}'.encode()
        for body, i, created, sent, receipt, derived in zip(
            bodies,
            ids,
            texts_of_instants(at_ms + error),
            texts_of_instants(at_ms + error + queued),
            texts_of_instants(received),
            texts_of_instants(at_ms + transit),
        )
    ]
    return Written(lines, received, int(np.count_nonzero(late)))
