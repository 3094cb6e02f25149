"""Everything that happens in one simulated show, decided before any record is written."""

from __future__ import annotations

from dataclasses import dataclass

from pipelines.simulator.chat import Chat, chat_of
from pipelines.simulator.participation import (
    Answer,
    Comment,
    Order,
    Reaction,
    Vote,
    answers_of,
    comments_of,
    orders_of,
    reactions_of,
    votes_of,
)
from pipelines.simulator.people import People, people_of
from pipelines.simulator.scenario import BRAND, Options
from pipelines.simulator.watching import Beats, Runs, panel_beats, web_beats, web_runs


@dataclass(frozen=True)
class Story:
    """Who did what and when. `ideas` holds titles, proposers and votes; see participation."""

    options: Options
    brand_id: str
    people: People
    runs: Runs
    beats: Beats
    panel: Beats
    comments: list[Comment]
    reactions: list[Reaction]
    sharers: list[tuple[int, int]]
    ideas: tuple[list[str], list[int], list[Vote]]
    orders: list[Order]
    answers: list[Answer]
    chat: Chat


def story_of(options: Options) -> Story:
    """The story that the options tell."""
    people = people_of(options)
    runs = web_runs(options, people)
    comments = comments_of(options, people)
    return Story(
        options=options,
        brand_id=BRAND,
        people=people,
        runs=runs,
        beats=web_beats(options, runs),
        panel=panel_beats(options, people),
        comments=comments,
        reactions=reactions_of(options, people, runs, {c.member for c in comments}),
        sharers=_sharers(options, people),
        ideas=votes_of(options, people),
        orders=orders_of(options, people, runs),
        answers=answers_of(options, people),
        chat=chat_of(options, people),
    )


def _sharers(options: Options, people: People) -> list[tuple[int, int]]:
    """Members who pass the show on, and when."""
    rng = options.generator("shares")
    willing = people.willing_members()
    chosen = rng.choice(willing, max(2, len(willing) // 15), replace=False)
    moments = options.start_ms + rng.integers(0, options.length_ms, len(chosen))
    return list(zip(chosen.tolist(), moments.tolist()))
