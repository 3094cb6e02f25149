"""YouTube live chat messages, with a burst after the moment, super chats and deletions."""

from __future__ import annotations

import numpy as np

from pipelines.simulator.chat import Chat, Message
from pipelines.simulator.faults import TRUNCATED, Fault, Written, document, written
from pipelines.simulator.people import People
from pipelines.simulator.scenario import (
    CONTENT,
    Options,
    hex_ids,
    texts_of_instants,
)

BROKEN = (
    TRUNCATED,
    Fault(rb'"type":"[A-Za-z]*Event"', b'"type":{"name":"textMessageEvent"}'),
    Fault(rb'"publishedAt":"[^"]*"', b'"publishedAt":"2026-13-45T99:00:00Z"'),
    Fault(rb'"snippet":\{', b'"snippet":"none","was":{'),
)
UNKNOWN = Fault(rb'"type":"[A-Za-z]*Event"', b'"type":"hologramEvent"')


def youtube_records(options: Options, people: People, chat: Chat) -> Written:
    """liveChatMessage resources: one a message, one more for each deletion."""
    rng = options.generator("youtube")
    ids = hex_ids(rng, 2 * len(chat.messages), 34)
    stamps = texts_of_instants(np.array([m.at_ms for m in chat.messages]))
    records, moments = [], []
    for number, (message, stamp) in enumerate(zip(chat.messages, stamps)):
        kind = "superChatEvent" if message.cents else "textMessageEvent"
        records.append(
            _resource(people, chat, ids[number], kind, message.chatter, stamp, _details(message))
        )
        moments.append(message.at_ms)
        if message.deleted_ms is not None:
            (at,) = texts_of_instants(np.array([message.deleted_ms]))
            target = {"deletedMessageId": f"LCC.{ids[number]}"}
            deletion = ids[len(chat.messages) + number]
            kind = "messageDeletedEvent"
            records.append(
                _resource(
                    people,
                    chat,
                    deletion,
                    kind,
                    chat.moderator,
                    at,
                    {"messageDeletedDetails": target},
                )
            )
            moments.append(message.deleted_ms)
    return written(records, np.array(moments), rng, options)


def _details(message: Message) -> dict[str, object]:
    if not message.cents:
        details = {"messageText": message.text}
        return {"displayMessage": message.text, "textMessageDetails": details}
    price = f"{message.cents / 100:.2f}".replace(".", ",") + " €"
    return {
        "displayMessage": f"{price}: {message.text}",
        "superChatDetails": {
            "amountMicros": str(message.cents * 10_000),
            "currency": "EUR",
            "amountDisplayString": price,
            "userComment": message.text,
            "tier": 1 + message.cents // 500,
        },
    }


def _resource(
    people: People,
    chat: Chat,
    message_id: str,
    kind: str,
    chatter: int,
    stamp: str,
    details: dict[str, object],
) -> str:
    channel = people.chatters[chatter]
    return document(
        {
            "kind": "youtube#liveChatMessage",
            "etag": message_id[:26],
            "id": f"LCC.{message_id}",
            "snippet": {
                "type": kind,
                "liveChatId": CONTENT,
                "authorChannelId": channel,
                "publishedAt": f"{stamp}+00:00",
                "hasDisplayContent": kind != "messageDeletedEvent",
                **details,
            },
            "authorDetails": {
                "channelId": channel,
                "channelUrl": f"http://www.youtube.com/channel/{channel}",
                "displayName": f"@spectateur{chatter}",
                "profileImageUrl": "",
                "isVerified": False,
                "isChatOwner": False,
                "isChatSponsor": chatter % 9 == 0,
                "isChatModerator": chatter == chat.moderator,
            },
        }
    )
