"""CloudEvents of our own systems: television panel, shops, ideas, reactions, comments."""

from __future__ import annotations

import numpy as np

from pipelines.simulator.faults import TRUNCATED, Fault, Written, document, written
from pipelines.simulator.participation import Comment, Reaction, Vote
from pipelines.simulator.people import People
from pipelines.simulator.scenario import (
    CONTENT,
    MINUTE_MS,
    PANEL_PERIOD_S,
    Options,
    hex_ids,
    texts_of_instants,
)
from pipelines.simulator.watching import Beats

BROKEN = (
    TRUNCATED,
    Fault(rb'"type":"com\.moment\.[a-z.0-9]*"', b'"type":["com.moment"]'),
    Fault(rb'"time":"[^"]*"', b'"time":"2026-13-45T99:00:00Z"'),
)
UNKNOWN = Fault(rb'"type":"com\.moment\.[a-z.0-9]*"', b'"type":"com.moment.telepathy.sent.v1"')

Row = tuple[str, str, int, str]
"""Source, type without its prefix, instant, and data as JSON."""


def cloudevents_records(
    options: Options,
    people: People,
    panel: Beats,
    reactions: list[Reaction],
    comments: list[Comment],
    ideas: tuple[list[str], list[int], list[Vote]],
    sharers: list[tuple[int, int]],
) -> Written:
    """Everything the app, the shops and the panel tell; `sharers` are (member, instant) pairs."""
    rng = options.generator("cloudevents")
    app = "/moment/app"
    rows: list[Row] = [
        (
            "/moment/tv-panel",
            "tv.audience",
            at,
            f'{{"panelist_id":"{people.panelists[who]}","content_id":"{CONTENT}",'
            f'"period_s":{PANEL_PERIOD_S}}}',
        )
        for who, at in zip(panel.who.tolist(), panel.at_ms.tolist())
    ]
    rows.extend(
        (
            app,
            "reaction.given" if tap.given else "reaction.withdrawn",
            tap.at_ms,
            f'{{"user_id":"{people.users[tap.member]}","content_id":"{CONTENT}",'
            f'"reaction":"{tap.reaction}"}}',
        )
        for tap in reactions
    )
    rows.extend(_comments(people, comments))
    rows.extend(_ideas(options, people, *ideas))
    rows.extend(
        (
            app,
            "share",
            at,
            f'{{"user_id":"{people.users[member]}","content_id":"{CONTENT}","network":"whatsapp"}}',
        )
        for member, at in sharers
    )
    rows.extend(_store_visits(options, people, rng))
    rows.extend(_consents(options, people, rng))
    return _enveloped(rows, rng, options)


def _comments(people: People, comments: list[Comment]) -> list[Row]:
    rows: list[Row] = []
    for c in comments:
        base = {
            "user_id": people.users[c.member],
            "content_id": CONTENT,
            "comment_id": c.comment_id,
        }
        rows.append(
            ("/moment/app", "comment.posted", c.posted_ms, document({**base, "text": c.text}))
        )
        if c.edited_ms is not None:
            edited = document({**base, "text": c.edited_text})
            rows.append(("/moment/app", "comment.edited", c.edited_ms, edited))
        if c.deleted_ms is not None:
            rows.append(("/moment/app", "comment.deleted", c.deleted_ms, document(base)))
    return rows


def _ideas(
    options: Options, people: People, titles: list[str], authors: list[int], votes: list[Vote]
) -> list[Row]:
    rows: list[Row] = []
    for number, (title, author) in enumerate(zip(titles, authors)):
        data = {"user_id": people.users[author], "idea_id": f"idea-{number + 1}", "text": title}
        at = options.start_ms + number * 20_000
        rows.append(("/moment/app", "idea.proposed", at, document(data)))
    for vote in votes:
        text = document({"user_id": people.users[vote.member], "idea_id": f"idea-{vote.idea + 1}"})
        rows.append(("/moment/app", "idea.voted", vote.at_ms, text))
        if vote.withdrawn_ms is not None:
            rows.append(("/moment/app", "idea.vote.withdrawn", vote.withdrawn_ms, text))
    return rows


def _store_visits(options: Options, people: People, rng: np.random.Generator) -> list[Row]:
    """Visits to the shops on the day, before the show."""
    rows: list[Row] = []
    for visit in range(max(3, options.people // 10)):
        data = document({"visitor_id": f"v{visit:06d}", "store_id": f"paris-{visit % 4 + 1}"})
        at = options.at(hours=-9) + int(rng.integers(0, 8 * 60 * MINUTE_MS))
        rows.append(("/moment/stores", "store.visited", at, data))
    return rows


def _consents(options: Options, people: People, rng: np.random.Generator) -> list[Row]:
    """Confirmations, before the show, of what the people's events say anyway."""
    rows: list[Row] = []
    chosen = {0, *rng.choice(people.members, max(2, people.members // 50), False).tolist()}
    for member in sorted(chosen):
        data = document(
            {
                "user_id": people.users[member],
                "purposes": {"analytics": not people.member_refused(member)},
            }
        )
        at = options.at(hours=-2) + int(rng.integers(0, 60 * MINUTE_MS))
        rows.append(("/moment/app", "consent.changed", at, data))
    return rows


def _enveloped(rows: list[Row], rng: np.random.Generator, options: Options) -> Written:
    moments = np.array([at for _, _, at, _ in rows], dtype=np.int64)
    ids = hex_ids(rng, len(rows))
    records = [
        f'{{"specversion":"1.0","id":"{event_id}","source":"{source}",'
        f'"type":"com.moment.{name}.v1","time":"{stamp}Z",'
        f'"datacontenttype":"application/json","data":{data}}}'
        for event_id, stamp, (source, name, _, data) in zip(ids, texts_of_instants(moments), rows)
    ]
    return written(records, moments, rng, options)
