"""What people do beside watching: reactions, comments, votes, chat, orders and survey answers.

Nobody's presence hangs on something taken back: who withdraws or deletes everything has left
another trace, so the audience is the same however a measure treats retracted facts.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from pipelines.simulator.people import People
from pipelines.simulator.scenario import MINUTE_MS, Options, dullness
from pipelines.simulator.watching import Runs
from pipelines.simulator.words import comment, idea_title

REACTIONS = ("like", "love", "bored")
_UNVEILED = ("carnet", "lampe", "coffret", "foulard", "parfum", "affiche")


class Reaction(NamedTuple):
    """A tap of the app's buttons. At most one reaction of a person stands at any time."""

    member: int
    at_ms: int
    reaction: str
    given: bool


class Comment(NamedTuple):
    member: int
    comment_id: str
    posted_ms: int
    text: str
    edited_ms: int | None
    edited_text: str
    deleted_ms: int | None


class Vote(NamedTuple):
    member: int
    idea: int
    at_ms: int
    withdrawn_ms: int | None


class Order(NamedTuple):
    viewer: int
    order_id: str
    at_ms: int
    product: str
    cents: int
    cancelled_ms: int | None


class Answer(NamedTuple):
    """One response to the survey; a later one of the same member replaces it."""

    member: int
    at_ms: int
    nps: int
    csat: int
    ces: int
    boredom: float
    allowed: bool


def comments_of(options: Options, people: People) -> list[Comment]:
    """Comments in the app; a tenth is edited, some are deleted, never a person's only one."""
    rng = options.generator("comments")
    willing = people.willing_members()
    authors = rng.choice(willing, max(3, len(willing) * 3 // 20), replace=False)
    comments: list[Comment] = []
    for place, author in enumerate(authors.tolist()):
        # The first author shows every case, however small the story.
        count = 2 if place == 0 else int(rng.integers(1, 4))
        for turn in range(count):
            posted = options.start_ms + int(rng.integers(0, options.length_ms))
            edited = rng.random() < 0.1 or (place == 0 and turn == 0)
            deleted = turn > 0 and (rng.random() < 0.15 or place == 0)
            comments.append(
                Comment(
                    member=author,
                    comment_id=f"c{len(comments):06d}",
                    posted_ms=posted,
                    text=comment(rng),
                    edited_ms=posted + int(rng.integers(5_000, 120_000)) if edited else None,
                    edited_text=comment(rng),
                    deleted_ms=posted + int(rng.integers(130_000, 900_000)) if deleted else None,
                )
            )
    return comments


def reactions_of(
    options: Options, people: People, runs: Runs, commenters: set[int]
) -> list[Reaction]:
    """Taps in the order of time. The buttons exclude one another and a second tap takes back."""
    rng = options.generator("reactions")
    begin, end = _presence(options, people, runs)
    willing = people.willing_members()
    reactors = rng.choice(willing, max(3, len(willing) // 2), replace=False)
    taps: list[Reaction] = []
    for member in reactors.tolist():
        count = 1 + int(rng.poisson(4))
        # Distinct slots of two seconds, so that a tap and what it replaces are in order.
        slots = max(1, int(end[member] - begin[member]) // 2_000)
        moments = begin[member] + 2_000 * np.unique(rng.integers(0, slots, count))
        standing: str | None = None
        for at in moments.tolist():
            dull = float(dullness((at - options.start_ms) / options.length_ms))
            bored = 0.05 + 0.75 * dull * (1.15 - people.mood[member])
            wish = "bored" if rng.random() < bored else REACTIONS[int(rng.integers(2))]
            if wish == standing:
                if member not in commenters:
                    continue
                taps.append(Reaction(member, at, wish, False))
                standing = None
                continue
            if standing:
                taps.append(Reaction(member, at, standing, False))
            taps.append(Reaction(member, at + 900, wish, True))
            standing = wish
    return sorted(taps, key=lambda tap: tap.at_ms)


def _presence(options: Options, people: People, runs: Runs) -> tuple[np.ndarray, np.ndarray]:
    """First and last moment of each member: the web's, else the whole show."""
    begin = np.full(people.members, options.start_ms, dtype=np.int64)
    end = np.full(people.members, options.end_ms, dtype=np.int64)
    known = people.logged_in
    begin[:known], end[:known] = options.end_ms, options.start_ms
    mine = runs.viewer < known
    np.minimum.at(begin, runs.viewer[mine], runs.start_ms[mine])
    np.maximum.at(end, runs.viewer[mine], runs.last_beat_ms[mine])
    return begin, end


def votes_of(options: Options, people: People) -> tuple[list[str], list[int], list[Vote]]:
    """Titles of the ideas, the members who proposed them, and the votes; one vote a pair."""
    rng = options.generator("ideas")
    willing = people.willing_members()
    ideas = max(3, min(24, len(willing) // 20))
    authors = rng.choice(willing, ideas, replace=False).tolist()
    weights = 1 / np.arange(1, ideas + 1)
    votes: list[Vote] = []
    for member in rng.choice(willing, max(4, len(willing) // 3), replace=False).tolist():
        chosen = rng.choice(ideas, int(rng.integers(1, 4)), replace=False, p=weights / sum(weights))
        for idea in chosen.tolist():
            at = options.start_ms + int(rng.integers(10 * MINUTE_MS, options.length_ms + 1))
            withdrawn = rng.random() < 0.08 or not votes
            votes.append(Vote(member, idea, at, at + 30_000 if withdrawn else None))
    return [idea_title(number) for number in range(ideas)], authors, votes


def orders_of(options: Options, people: People, runs: Runs) -> list[Order]:
    """Orders of viewers during their first run; a tenth is cancelled within the hour."""
    rng = options.generator("orders")
    persons = np.flatnonzero(~people.bot)
    buyers = np.sort(rng.choice(persons, max(2, len(persons) // 25), replace=False))
    orders = []
    for number, viewer in enumerate(buyers.tolist()):
        watched = max(1, int(runs.last_beat_ms[viewer] - runs.start_ms[viewer]))
        at = int(runs.start_ms[viewer]) + int(rng.integers(watched))
        cancelled = rng.random() < 0.1 or number == 0
        orders.append(
            Order(
                viewer=viewer,
                order_id=f"ML-{options.start:%y%m%d}-{number:06d}",
                at_ms=at,
                product=str(rng.choice(_UNVEILED)),
                cents=int(rng.integers(1_500, 24_000)),
                cancelled_ms=at + int(rng.integers(5, 55)) * MINUTE_MS if cancelled else None,
            )
        )
    return orders


def answers_of(options: Options, people: People) -> list[Answer]:
    """Answers after the show: satisfaction follows mood, boredom only partly so.

    All come within 82 minutes of the end, so that those of the default show fall on its local day.
    """
    rng = options.generator("survey")
    size = max(6, people.members // 2)
    members = rng.choice(people.members, size, replace=False)
    if 0 not in members:  # Member 0 refuses (see people_of): the survey must hold a refusal.
        members[0] = 0
    again = members[: max(1, size // 20)] if size > 20 else members[1:2]
    answers = []
    for turn, group in enumerate((members, again)):
        for member in group.tolist():
            mood = float(people.mood[member])
            score = mood + float(rng.normal(0, 0.12))
            first = options.end_ms + turn * 42 * MINUTE_MS
            answers.append(
                Answer(
                    member=member,
                    at_ms=first + int(rng.integers(MINUTE_MS, 40 * MINUTE_MS)),
                    nps=int(np.clip(round(10 * score + 1.5), 0, 10)),
                    csat=int(np.clip(round(1.3 + 4.6 * score), 1, 5)),
                    ces=int(np.clip(round(2 + 5 * float(rng.beta(3, 2))), 1, 7)),
                    boredom=round(float(np.clip(rng.normal(0.75 - 0.45 * mood, 0.2), 0, 1)), 2),
                    allowed=not people.member_refused(member),
                )
            )
    return answers
