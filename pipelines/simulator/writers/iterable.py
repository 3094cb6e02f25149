"""Iterable webhooks of the reminder on the day: e-mail, then SMS, then push at the start."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import numpy as np

from pipelines.simulator.faults import TRUNCATED, Fault, Written, document, written
from pipelines.simulator.people import BROWSERS, People
from pipelines.simulator.scenario import PAGE, SITE, Options, hex_ids
from pipelines.simulator.writers.campaign import SCANNER, Reach, reaches

BROKEN = (
    TRUNCATED,
    Fault(rb'"eventName":"[A-Za-z]*"', b'"eventName":["emailOpen"]'),
    Fault(rb'"createdAt":"[^"]*"', b'"createdAt":"2026-13-45 99:00:00 +00:00"'),
)
UNKNOWN = Fault(rb'"eventName":"[A-Za-z]*"', b'"eventName":"emailLevitate"')


def iterable_records(options: Options, people: People) -> Written:
    """Sends, opens and clicks of the three media; Iterable names the proxy that opened."""
    rng = options.generator("iterable")
    members = np.arange(people.members)
    waves = (
        ("email", members, options.at(hours=-3), 59_667),
        ("sms", members[::3], options.at(hours=-1), 73_974),
        ("push", members[::4], options.at(minutes=-5), 74_758),
    )
    records: list[str] = []
    moments: list[int] = []
    for medium, contacts, sent_ms, campaign in waves:
        until = max(options.end_ms, sent_ms + 3_600_000)
        outcomes = reaches(rng, contacts, sent_ms, until)
        ids = hex_ids(rng, len(outcomes))
        for outcome, message_id in zip(outcomes, ids):
            for event, at_ms, fields in _events(medium, outcome):
                address = people.contacts[outcome.contact]
                stamp = datetime.fromtimestamp(at_ms // 1000, timezone.utc)
                data = {
                    "email": address,
                    "createdAt": f"{stamp:%Y-%m-%d %H:%M:%S} +00:00",
                    "campaignId": campaign,
                    "campaignName": f"Rappel live-42 ({medium})",
                    "templateId": campaign + 20_000,
                    "messageId": message_id,
                    "channelId": 3_420,
                    "messageTypeId": 3_866,
                    "workflowId": None,
                    **fields,
                }
                records.append(document({"email": address, "eventName": event, "dataFields": data}))
                moments.append(at_ms)
    return written(records, np.array(moments), rng, options)


def _events(medium: str, outcome: Reach) -> list[tuple[str, int, dict[str, Any]]]:
    """Name, instant and own fields of each webhook about one message."""
    link = f"{SITE}{PAGE}"
    browser = {"userAgent": BROWSERS[outcome.contact % len(BROWSERS)], "ip": "198.51.100.9"}
    if outcome.bounced:
        return [(f"{medium}Bounce", outcome.sent_ms, {})]
    events: list[tuple[str, int, dict[str, Any]]] = [(f"{medium}Send", outcome.sent_ms, {})]
    if medium == "email" and outcome.machine_opened_ms:
        proxy = {"userAgent": SCANNER, "proxySource": "Apple", "ip": "192.0.2.31"}
        events.append(("emailOpen", outcome.machine_opened_ms, proxy))
    if medium != "sms" and outcome.opened_ms:
        events.append((f"{medium}Open", outcome.opened_ms, browser if medium == "email" else {}))
    if medium == "email" and outcome.clicked_ms:
        events.append(("emailClick", outcome.clicked_ms, {**browser, "url": link}))
    if medium == "sms" and outcome.clicked_ms:
        events.append(("smsClick", outcome.clicked_ms, {"clickedUrl": link}))
    if medium == "email" and outcome.opened_ms and outcome.left:
        events.append(("emailUnSubscribe", outcome.opened_ms + 60_000, {}))
    return events
