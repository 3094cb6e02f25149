"""What a Pub/Sub source is told: its subscriptions, and how it pulls."""

from __future__ import annotations

import re
from dataclasses import dataclass

from pipelines.errors import OptionError

CHANNEL_ATTRIBUTE = "moment-channel"
_PATH = re.compile(r"projects/[^/\s]+/subscriptions/[A-Za-z][A-Za-z0-9\-_.~+%]{2,254}")
_LEASE = (10, 600)
MOST_PULLERS = 1 << 16
"""Of a subscription, and more than anyone has."""


@dataclass(frozen=True)
class Subscription:
    """A subscription to read, as `projects/PROJECT/subscriptions/NAME`.

    `channel` is that of messages whose attribute `moment-channel` says none; None: each of these is
    recognised. `pullers`: how many read at the same time; on Flink each on a slot of its own where
    there are enough. Raises OptionError.
    """

    path: str
    channel: str | None
    pullers: int = 2

    def __post_init__(self) -> None:
        if not _PATH.fullmatch(self.path):
            raise OptionError(
                "expected a subscription as projects/PROJECT/subscriptions/NAME, found "
                f"{self.path!r}: give its full path."
            )
        if self.pullers < 1:
            raise OptionError(
                f"expected at least 1 puller of {self.path}, found {self.pullers}: give more."
            )
        if self.pullers >= MOST_PULLERS:
            raise OptionError(
                f"expected fewer than {MOST_PULLERS} pullers of {self.path}, found {self.pullers}: "
                "give fewer."
            )

    @property
    def input(self) -> str:
        """The `input` of its payloads."""
        return f"pubsub:{self.path}"


@dataclass(frozen=True)
class PullSettings:
    """How each puller pulls, holds and gives up.

    A puller holds at most about `most_unacknowledged` messages between emission and
    acknowledgement, which takes two checkpoints: allow for three intervals of its message rate. It
    then stops pulling. Between two calls of the runner it pulls until payloads of `bytes_ahead`
    wait, for a pull brings what the broker likes, however many were asked for; where the runner has
    not called for `uncalled_seconds` they are given back, before leases of theirs could hold them
    longer than another puller waits at its start. A lease is `lease_seconds` long, is extended for
    at most `most_lease_seconds`, and ends early where the runner has not called for
    `abandoned_seconds`. Keep it within the idle limit of the stream, as the acknowledgement
    deadline of the subscription must be: what a crashed worker held is to be back before its
    silence counts as idle. A broker that does not answer is tried again for `most_outage_seconds`,
    one that refuses for `most_refused_seconds`. Raises OptionError.
    """

    most_unacknowledged: int = 50_000
    messages_a_pull: int = 1_000
    bytes_ahead: int = 8 << 20
    uncalled_seconds: float = 15.0
    lease_seconds: int = 30
    most_lease_seconds: float = 900.0
    abandoned_seconds: float = 60.0
    most_outage_seconds: float = 900.0
    most_refused_seconds: float = 60.0

    def __post_init__(self) -> None:
        least, most = _LEASE
        if not least <= self.lease_seconds <= most:
            raise OptionError(
                f"expected a Pub/Sub lease of {least} to {most} s, found {self.lease_seconds}: "
                "change lease_seconds."
            )
        if not 1 <= self.messages_a_pull <= self.most_unacknowledged:
            raise OptionError(
                "expected messages_a_pull from 1 to most_unacknowledged "
                f"({self.most_unacknowledged}), found {self.messages_a_pull}: change one of them."
            )


CHECKPOINT_MARGIN_SECONDS = 60
"""For two checkpoints to be written, and for what is acknowledged to reach the broker."""


def check_acknowledged(pulls: PullSettings, checkpoint_seconds: float, option: str) -> None:
    """Raise OptionError where leases would end before anything could be acknowledged.

    `option` is the one that says how far apart checkpoints are.
    A message is acknowledged by the second checkpoint after it came. One whose lease has ended is
    delivered again, and again, and its subscription grows without a word.
    """
    most = (pulls.most_lease_seconds - CHECKPOINT_MARGIN_SECONDS) / 2
    if checkpoint_seconds >= most:
        raise OptionError(
            f"--{option} {checkpoint_seconds * 1000:.0f}: expected less than"
            f" {most * 1000:.0f} milliseconds with Pub/Sub, whose messages wait for two checkpoints"
            f" and are leased for at most {pulls.most_lease_seconds:.0f} s; shorten it, or raise"
            " --most-lease"
        )
