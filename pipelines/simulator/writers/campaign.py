"""Who receives, opens and clicks a message of a campaign, and when: common to the senders."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

SCANNER = "Mozilla/5.0"
"""How Apple's mail privacy protection presents itself: it opens whether or not anybody reads."""


class Reach(NamedTuple):
    """What became of one message to one contact; instants in milliseconds, None if it did not."""

    contact: int
    sent_ms: int
    bounced: bool
    machine_opened_ms: int | None
    opened_ms: int | None
    clicked_ms: int | None
    left: bool


def reaches(
    rng: np.random.Generator, contacts: np.ndarray, sent_ms: int, until_ms: int
) -> list[Reach]:
    """Outcomes of a message sent to all contacts from `sent_ms`, a few seconds each.

    An eighth of the messages is opened by a machine within seconds, a third by a person before
    `until_ms`, a tenth clicked.
    """
    outcomes = []
    for turn, contact in enumerate(contacts.tolist()):
        chance = rng.random(5)
        sent = sent_ms + turn * 400
        bounced = bool(chance[0] < 0.02)
        opened = sent + int(rng.integers(60_000, max(61_000, until_ms - sent)))
        opens = not bounced and chance[1] < 0.34
        clicks = opens and chance[2] < 0.28
        outcomes.append(
            Reach(
                contact=contact,
                sent_ms=sent,
                bounced=bounced,
                machine_opened_ms=sent + 4_000 if not bounced and chance[3] < 0.12 else None,
                opened_ms=opened if opens else None,
                clicked_ms=opened + int(rng.integers(2_000, 40_000)) if clicks else None,
                left=bool(opens and chance[4] < 0.015),
            )
        )
    return outcomes
