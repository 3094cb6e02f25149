"""Deliveries of Pub/Sub and of one subscription, without a broker."""

from __future__ import annotations

from pipelines.sources.pubsub.acknowledgements import Delivery

SECOND = 1_000_000
PATH = "projects/example/subscriptions/viewers"


def delivery(*ids: str, oldest: int | None = 0, received: int = 0, until: int = 0) -> Delivery:
    return Delivery(ids, oldest, received, until)


def ids(released: list[Delivery]) -> list[str]:
    return [one for found in released for one in found.ids]
