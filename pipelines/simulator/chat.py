"""The live chat: messages at a steady rate, a burst after the moment, gifts and deletions."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from pipelines.simulator.people import People
from pipelines.simulator.scenario import BURST_FACTOR, MINUTE_MS, Options
from pipelines.simulator.words import comment, shout


class Message(NamedTuple):
    """A chat message; `cents` is what a super chat paid, 0 for a plain message."""

    chatter: int
    at_ms: int
    text: str
    cents: int
    deleted_ms: int | None


class Chat(NamedTuple):
    """The chat's messages; `moderator` (a chatter who writes too) deletes some of them."""

    messages: list[Message]
    moderator: int


def chat_of(options: Options, people: People) -> Chat:
    """Messages at a steady rate, eight times that in the minutes after the moment."""
    rng = options.generator("chat")
    rate = max(1.0, options.people * 0.02)
    minutes = np.arange(options.minutes)
    after = (minutes >= options.burst_minute) & (
        minutes < options.burst_minute + options.burst_minutes
    )
    counts = rng.poisson(rate * np.where(after, BURST_FACTOR, 1))
    minute = np.repeat(minutes, counts)
    at = options.start_ms + minute * MINUTE_MS + rng.integers(0, MINUTE_MS, len(minute))
    weights = 1 / np.arange(1, len(people.chatters) + 1) ** 0.7
    authors = rng.choice(len(people.chatters), len(minute), p=weights / weights.sum())
    # The moderator opens the chat, so that a deletion never is all that a person did.
    authors[np.argmin(at)] = 0
    paid = rng.random(len(minute)) < 0.008
    paid[np.argmax(at)] = True
    removed = rng.random(len(minute)) < 0.006
    written_by = np.bincount(authors, minlength=len(people.chatters))
    messages = []
    for number, chatter in enumerate(authors.tolist()):
        deleted = removed[number] and written_by[chatter] > 1 and chatter != 0 and not paid[number]
        written_by[chatter] -= int(deleted)
        messages.append(
            Message(
                chatter=chatter,
                at_ms=int(at[number]),
                text=shout(rng) if after[minute[number]] else comment(rng),
                cents=int(rng.choice([200, 500, 1000, 2000])) if paid[number] else 0,
                deleted_ms=int(at[number]) + int(rng.integers(4_000, 90_000)) if deleted else None,
            )
        )
    return Chat(_with_a_deletion(messages, written_by), moderator=0)


def _with_a_deletion(messages: list[Message], written_by: np.ndarray) -> list[Message]:
    """The same messages; where chance deleted none, one of a chatter who wrote several."""
    if any(message.deleted_ms for message in messages):
        return messages
    for index, message in enumerate(messages):
        if message.chatter != 0 and not message.cents and written_by[message.chatter] > 1:
            messages[index] = message._replace(deleted_ms=message.at_ms + 30_000)
            return messages
    return messages
