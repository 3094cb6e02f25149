"""The elements of a Pub/Sub source: a puller of a subscription each, due to its slot of Flink."""

from __future__ import annotations

from collections.abc import Sequence

from apache_beam.coders import Coder, registry

from pipelines.flink_slots import Slots, salt_of
from pipelines.sources.pubsub.settings import MOST_PULLERS, Subscription

PULLER = tuple[str, str, int]
"""Path, channel or "", and the puller's number from 1, above which its salt lies."""


def pullers_of(subscriptions: Sequence[Subscription], slots: Slots | None) -> list[PULLER]:
    """The pullers of all subscriptions, in order round the slots; without slots none has a salt."""
    pullers = [
        (subscription.path, subscription.channel or "", number)
        for subscription in subscriptions
        for number in range(1, subscription.pullers + 1)
    ]
    return [_due_to_its_slot(puller, place, slots) for place, puller in enumerate(pullers)]


def _due_to_its_slot(puller: PULLER, place: int, slots: Slots | None) -> PULLER:
    path, channel, number = puller
    coder: Coder = registry.get_coder(PULLER)

    def salted(salt: int) -> PULLER:
        return path, channel, number + salt * MOST_PULLERS

    return salted(salt_of(place, lambda salt: coder.encode(salted(salt)), slots))


def number_of(puller: PULLER) -> int:
    """Which puller of its subscription it is, from 1."""
    return puller[2] % MOST_PULLERS
