"""Mailjet webhooks of the invitation, sent the day before."""

from __future__ import annotations

from typing import Any

import numpy as np

from pipelines.simulator.faults import TRUNCATED, Fault, Written, document, written
from pipelines.simulator.people import BROWSERS, People
from pipelines.simulator.scenario import PAGE, SITE, Options, hex_ids
from pipelines.simulator.writers.campaign import SCANNER, reaches

BROKEN = (
    TRUNCATED,
    Fault(rb'"event":"[a-z]*"', b'"event":["open"]'),
    Fault(rb'"time":\d+', b'"time":"yesterday"'),
)
UNKNOWN = Fault(rb'"event":"[a-z]*"', b'"event":"levitated"')


def mailjet_records(options: Options, people: People) -> Written:
    """Deliveries, opens (people's and proxies'), clicks, bounces and unsubscriptions."""
    rng = options.generator("mailjet")
    contacts = np.arange(0, len(people.contacts), 2)
    outcomes = reaches(rng, contacts, options.at(days=-1, hours=-10), options.start_ms)
    guids = hex_ids(rng, len(outcomes))
    records: list[str] = []
    moments: list[int] = []

    def add(base: dict[str, Any], event: str, at_ms: int, **more: Any) -> None:
        records.append(document({"event": event, "time": at_ms // 1000, **base, **more}))
        moments.append(at_ms)

    for number, (outcome, guid) in enumerate(zip(outcomes, guids)):
        message = 94_857_068_804_950_690 + number
        base = {
            "MessageID": message,
            "Message_GUID": f"{guid[:8]}-{guid[8:12]}-{guid[12:16]}-{guid[16:20]}-{guid[20:]}",
            "email": people.contacts[outcome.contact],
            "mj_campaign_id": 108_760,
            "mj_contact_id": 399_000_000 + outcome.contact,
            "customcampaign": "invitation-live-42",
            "mj_message_id": str(message),
            "CustomID": "",
            "Payload": "",
        }
        if outcome.bounced:
            failure = {"error_related_to": "recipient", "error": "user unknown"}
            add(base, "bounce", outcome.sent_ms, blocked=False, hard_bounce=True, **failure)
            continue
        add(base, "sent", outcome.sent_ms, smtp_reply="250 2.0.0 OK")
        browser = {
            "ip": "198.51.100.7",
            "geo": "FR",
            "agent": BROWSERS[outcome.contact % len(BROWSERS)],
        }
        if outcome.machine_opened_ms:
            machine = {"ip": "192.0.2.31", "geo": "US", "agent": SCANNER}
            add(base, "open", outcome.machine_opened_ms, **machine)
        if outcome.opened_ms:
            add(base, "open", outcome.opened_ms, **browser)
        if outcome.clicked_ms:
            add(base, "click", outcome.clicked_ms, url=f"{SITE}{PAGE}?utm_source=mj", **browser)
        if outcome.opened_ms and outcome.left:
            add(base, "unsub", outcome.opened_ms + 60_000, mj_list_id=7, **browser)
    return written(records, np.array(moments), rng, options)
