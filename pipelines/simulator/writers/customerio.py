"""Customer.io reporting webhooks of the newsletter that announces the show to its members."""

from __future__ import annotations

from typing import Any

import numpy as np

from pipelines.simulator.faults import TRUNCATED, Fault, Written, document, written
from pipelines.simulator.people import People
from pipelines.simulator.scenario import PAGE, SITE, Options, hex_ids
from pipelines.simulator.writers.campaign import reaches

BROKEN = (
    TRUNCATED,
    Fault(rb'"metric":"[a-z]*"', b'"metric":{"name":"opened"}'),
    Fault(rb'"timestamp":\d+', b'"timestamp":"soon"'),
)
UNKNOWN = Fault(rb'"metric":"[a-z]*"', b'"metric":"levitated"')


def customerio_records(options: Options, people: People) -> Written:
    """Sends, deliveries, opens (some proxied), clicks, bounces and unsubscriptions."""
    rng = options.generator("customerio")
    outcomes = reaches(rng, np.arange(0, people.members, 3), options.at(days=-2), options.start_ms)
    deliveries = hex_ids(rng, len(outcomes), 24)
    events: list[tuple[str, int, dict[str, Any]]] = []
    for outcome, delivery in zip(outcomes, deliveries):
        user = people.users[outcome.contact]
        base: dict[str, Any] = {
            "customer_id": user,
            "identifiers": {"id": user},
            "delivery_id": delivery,
            "newsletter_id": 736,
            "recipient": people.contacts[outcome.contact],
            "subject": "Le grand direct, samedi à 20 h 30",
        }
        events.append(("sent", outcome.sent_ms, base))
        if outcome.bounced:
            failure = {"failure_message": "550 5.5.0 Requested action not taken"}
            events.append(("bounced", outcome.sent_ms + 2_000, base | failure))
            continue
        events.append(("delivered", outcome.sent_ms + 1_500, base))
        if outcome.machine_opened_ms:
            proxied = {"proxied": True, "prefetched": True}
            events.append(("opened", outcome.machine_opened_ms, base | proxied))
        if outcome.opened_ms:
            read = {"proxied": False, "prefetched": False}
            events.append(("opened", outcome.opened_ms, base | read))
        if outcome.clicked_ms:
            link = {"href": f"{SITE}{PAGE}", "link_id": 1}
            events.append(("clicked", outcome.clicked_ms, base | link))
        if outcome.opened_ms and outcome.left:
            events.append(("unsubscribed", outcome.opened_ms + 60_000, base))
    ids = hex_ids(rng, len(events), 26)
    records = [
        document(
            {
                "event_id": event_id.upper(),
                "object_type": "email",
                "metric": metric,
                "timestamp": at_ms // 1000,
                "data": data,
            }
        )
        for event_id, (metric, at_ms, data) in zip(ids, events)
    ]
    return written(records, np.array([at for _, at, _ in events]), rng, options)
