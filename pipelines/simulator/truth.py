"""What is true of a simulated show, computed from the story's decisions and never by decoding."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from pipelines.simulator.faults import Spoiled
from pipelines.simulator.participation import REACTIONS, Answer, Comment
from pipelines.simulator.scenario import CONTENT, HEARTBEAT_MS, PANEL_PERIOD_S
from pipelines.simulator.story import Story
from pipelines.simulator.watching import audience_by_minute

BORED_FROM = 0.5
SATISFIED_FROM = 4


@dataclass(frozen=True)
class Truth:
    """The right answers about content `content_id`. People who refused are in none of them.

    A person is an actor key (`user:`, `anonymous:`, `youtube:`, `panel:`); reach is the people with
    an accepted event on the content other than contact and control. `gross` counts everybody,
    `valid` leaves out listed bots; figures that do not say are valid.
    """

    content_id: str
    brand_id: str
    start: str
    minutes: int
    records: dict[str, int]
    malformed: dict[str, int]
    unknown_kinds: dict[str, int]
    exact_duplicates: dict[str, int]
    late: dict[str, int]
    withheld_people: int
    withheld_records: dict[str, int]
    reach_gross: dict[str, int]
    reach_valid: dict[str, int]
    bored_people: int
    satisfied_people: int
    satisfied_and_bored_people: int
    reactions_standing: dict[str, int]
    likes: int
    comments_standing: dict[str, int]
    votes_standing: dict[str, int]
    csat: dict[str, int]
    nps: dict[str, int]
    ces: dict[str, int]
    orders_standing: int
    revenue_standing: str
    viewers_by_minute_gross: list[int]
    viewers_by_minute: list[int]
    watched_ms_gross: int
    watched_ms: int
    burst_minute: int
    burst_minutes: int

    def as_json(self) -> dict[str, Any]:
        """The same as plain JSON values."""
        return asdict(self)


def truth_of(story: Story, files: dict[str, Spoiled], segment_viewers: np.ndarray) -> Truth:
    """The truth about a story; `segment_viewers` has the viewer of each sound Segment record."""
    options, people = story.options, story.people
    everybody = ~people.refused
    persons = everybody & ~people.bot
    gross, valid = _reach(story, everybody), _reach(story, persons)
    final = _final_answers(story.answers)
    standing = _standing_reactions(story)
    bored = {people.member_key(member) for member, name in standing.items() if name == "bored"}
    bored |= {people.member_key(a.member) for a in final if a.boredom >= BORED_FROM}
    satisfied = {people.member_key(a.member) for a in final if a.csat >= SATISFIED_FROM}
    reactions = Counter(standing.values())
    sold = [
        order.cents
        for order in story.orders
        if order.cancelled_ms is None and persons[order.viewer]
    ]
    gross_minutes, minutes = _viewers(story, everybody), _viewers(story, persons)
    return Truth(
        content_id=CONTENT,
        brand_id=story.brand_id,
        start=options.start.isoformat(),
        minutes=options.minutes,
        records={name: len(file.lines) for name, file in files.items()},
        malformed={name: file.malformed for name, file in files.items()},
        unknown_kinds={name: file.unknown_kinds for name, file in files.items()},
        exact_duplicates={name: file.duplicates for name, file in files.items()},
        late={name: file.late for name, file in files.items()},
        withheld_people=int(people.refused.sum()),
        withheld_records={
            "segment": int(people.refused[segment_viewers].sum()),
            "survey": sum(not answer.allowed for answer in story.answers),
        },
        reach_gross={name: len(keys) for name, keys in gross.items()},
        reach_valid={name: len(keys) for name, keys in valid.items()},
        bored_people=len(bored & valid["total"]),
        satisfied_people=len(satisfied & valid["total"]),
        satisfied_and_bored_people=len(satisfied & bored & valid["total"]),
        reactions_standing={name: reactions[name] for name in REACTIONS},
        likes=reactions["like"],
        comments_standing=_comments(story),
        votes_standing=_votes(story),
        csat=_counts([answer.csat for answer in final], 1, 5),
        nps=_counts([answer.nps for answer in final], 0, 10),
        ces=_counts([answer.ces for answer in final], 1, 7),
        orders_standing=len(sold),
        revenue_standing=f"{sum(sold) // 100}.{sum(sold) % 100:02d}",
        viewers_by_minute_gross=gross_minutes,
        viewers_by_minute=minutes,
        watched_ms_gross=_watched(story, everybody),
        watched_ms=_watched(story, persons),
        burst_minute=options.burst_minute,
        burst_minutes=options.burst_minutes,
    )


def _reach(story: Story, kept: np.ndarray) -> dict[str, set[str]]:
    """Actor keys on the content by channel and in total; `kept` says which viewers count.

    Every viewer starts the player, so every viewer counts on the web. Only those who are willing
    take part in the app; chat and panel carry no refusals.
    """
    people = story.people
    taking_part = {tap.member for tap in story.reactions}
    taking_part |= {comment.member for comment in story.comments}
    taking_part |= {member for member, _ in story.sharers}
    reach = {
        "segment": {people.viewer_key(viewer) for viewer in np.flatnonzero(kept).tolist()},
        "youtube_chat": {
            f"youtube:{people.chatters[message.chatter]}" for message in story.chat.messages
        },
        "cloudevents": {people.member_key(member) for member in taking_part}
        | {f"panel:{people.panelists[who]}" for who in np.unique(story.panel.who).tolist()},
        "survey": {people.member_key(a.member) for a in story.answers if a.allowed},
    }
    return {**reach, "total": set().union(*reach.values())}


def _final_answers(answers: list[Answer]) -> list[Answer]:
    """The latest permitted answer of each member."""
    latest: dict[int, Answer] = {}
    for answer in sorted(answers, key=lambda answer: answer.at_ms):
        if answer.allowed:
            latest[answer.member] = answer
    return list(latest.values())


def _standing_reactions(story: Story) -> dict[int, str]:
    """The reaction left standing of each member who has one; taps are in the order of time."""
    standing: dict[int, str] = {}
    for tap in story.reactions:
        if tap.given:
            standing[tap.member] = tap.reaction
        else:
            del standing[tap.member]
    return standing


def _comments(story: Story) -> dict[str, int]:
    """Comments not deleted; a super chat is a donation, not a comment."""
    app = sum(_stands(comment) for comment in story.comments)
    chat = sum(m.deleted_ms is None and not m.cents for m in story.chat.messages)
    return {"cloudevents": app, "youtube_chat": chat, "total": app + chat}


def _stands(comment: Comment) -> bool:
    return comment.deleted_ms is None


def _votes(story: Story) -> dict[str, int]:
    titles, _, votes = story.ideas
    counts = Counter(vote.idea for vote in votes if vote.withdrawn_ms is None)
    return {f"idea-{number + 1}": counts[number] for number in range(len(titles))}


def _counts(answers: list[int], least: int, greatest: int) -> dict[str, int]:
    counts = Counter(answers)
    return {str(value): counts[value] for value in range(least, greatest + 1)}


def _viewers(story: Story, kept: np.ndarray) -> list[int]:
    """People with a heartbeat on the web or on television, minute by minute of the show."""
    sets = np.ones(len(story.people.panelists), dtype=bool)
    web = audience_by_minute(story.options, story.beats, kept)
    television = audience_by_minute(story.options, story.panel, sets)
    return (web + television).tolist()


def _watched(story: Story, kept: np.ndarray) -> int:
    """Milliseconds that heartbeats vouch for."""
    web = int(kept[story.beats.who].sum()) * HEARTBEAT_MS
    return web + len(story.panel.who) * PANEL_PERIOD_S * 1000
