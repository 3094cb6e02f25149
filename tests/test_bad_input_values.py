"""Records with one bad value, channel by channel: the reason and the path of each, or no harm."""

import json
from datetime import datetime, timezone

import pytest

from schemas.channels import registered_channels
from schemas.failure import Reason
from tests.checks import decode_records
from tests.mutations import fixture_lines
from tests.test_bad_input import failures_of

CHANNELS = registered_channels()


def line(record):
    return record if isinstance(record, bytes) else json.dumps(record).encode()


# What is nearly a record. Rows: record, reason, path.

REQUEST = b'203.0.113.7 - - [%s] "%s" %s 18211 "-" "Mozilla/5.0"'
NOW = b"02/Mar/2026:10:00:00 +0100"
CALL = {"type": "page", "messageId": "m", "originalTimestamp": "2026-03-02T10:00:00Z"}
ORDER = {**CALL, "type": "track", "event": "Order Completed", "properties": {"order_id": "o"}}
PLAYING = {**CALL, "type": "track", "event": "Video Content Playing"}
SNIPPET = {"type": "textMessageEvent", "publishedAt": "2026-03-02T10:00:00Z"}
MESSAGE = {"id": "m", "snippet": SNIPPET}
POST = {"text": "Hello", "tweet_created": "1/7/15 15:02", "user_timezone": "Quito"}
MAIL = {"event": "open", "time": 1772438460, "MessageID": 1}
WEBHOOK = {"eventName": "emailOpen", "dataFields": {"createdAt": "2026-03-02 08:00:00 +00:00"}}
REPORT = {"object_type": "email", "metric": "opened", "timestamp": 1772438460}
NPS = {"question_id": "q", "type": "nps", "value": 9}
RESPONSE = {"response_id": "r", "survey_id": "s", "submitted_at": "2026-03-02T10:00:00Z"}
ANSWERED = {**RESPONSE, "answers": [NPS]}
VISIT = {"visitor_id": "v", "store_id": "s"}
CLOUD = {
    "specversion": "1.0",
    "id": "e",
    "source": "//shop.example.com",
    "type": "com.moment.store.visited.v1",
    "time": "2026-03-02T10:00:00Z",
    "data": VISIT,
}
REACTION = {"user_id": "u", "content_id": "c", "reaction": "bored"}
COMMENT = {"user_id": "u", "content_id": "c", "comment_id": "k"}

BAD = {
    "access_log": [
        (
            REQUEST % (b"32/Mar/2026:10:00:00 +0100", b"GET / HTTP/1.1", b"200"),
            "invalid_time",
            "time",
        ),
        (
            REQUEST % (b"30/Feb/2026:10:00:00 +0100", b"GET / HTTP/1.1", b"200"),
            "invalid_time",
            "time",
        ),
        (
            REQUEST % (b"02/Foo/2026:10:00:00 +0100", b"GET / HTTP/1.1", b"200"),
            "invalid_time",
            "time",
        ),
        (
            REQUEST % (b"02/Mar/0000:10:00:00 +0100", b"GET / HTTP/1.1", b"200"),
            "invalid_time",
            "time",
        ),
        (
            REQUEST % (b"01/Jan/0001:00:00:00 +1400", b"GET / HTTP/1.1", b"200"),
            "invalid_time",
            "time",
        ),
        (
            REQUEST % (b"31/Dec/9999:23:59:59 -1400", b"GET / HTTP/1.1", b"200"),
            "invalid_time",
            "time",
        ),
        (
            REQUEST % (b"02/Mar/10000:10:00:00 +0100", b"GET / HTTP/1.1", b"200"),
            "invalid_time",
            "time",
        ),
        (REQUEST % (NOW, b"BREW / HTTP/1.1", b"200"), "unknown_kind", "request"),
        (REQUEST % (NOW, b"\\x16\\x03\\x01", b"200"), "unknown_kind", "request"),
        (REQUEST % (NOW, b"GET / HTTP/1.1", b"999"), "unknown_kind", "request"),
        (REQUEST % (NOW, b"GET / HTTP/1.1", b"20"), "invalid_syntax", "$"),
        (REQUEST % (NOW, b"GET / HTTP/1.1", b"NaN"), "invalid_syntax", "$"),
        ((REQUEST % (NOW, b"GET /", b"200"))[:45], "invalid_syntax", "$"),
    ],
    "segment": [
        ({**CALL, "type": 1}, "wrong_shape", "$.type"),
        ({**CALL, "type": None}, "wrong_shape", "$.type"),
        ({"messageId": "m"}, "missing_field", "$.type"),
        ({**CALL, "type": "pageview"}, "unknown_kind", "$.type"),
        ({**ORDER, "type": "track: Order Completed"}, "unknown_kind", "$.type"),
        (
            {**CALL, "originalTimestamp": "2026-02-30T10:00:00Z"},
            "invalid_time",
            "$.originalTimestamp",
        ),
        (
            {**CALL, "originalTimestamp": "0000-01-01T00:00:00Z"},
            "invalid_time",
            "$.originalTimestamp",
        ),
        (
            {**CALL, "originalTimestamp": "10000-01-01T00:00:00Z"},
            "invalid_time",
            "$.originalTimestamp",
        ),
        ({**CALL, "sentAt": "0001-01-01T00:00:00+14:00"}, "invalid_time", "$.sentAt"),
        ({**CALL, "receivedAt": "9999-12-31T23:59:59-14:00"}, "invalid_time", "$.receivedAt"),
        ({**CALL, "receivedAt": ["2026"]}, "wrong_shape", "$.receivedAt"),
        ({**CALL, "context": "web"}, "wrong_shape", "$.context"),
        ({**CALL, "context": {"userAgent": {"brand": "x"}}}, "wrong_shape", "$.context.userAgent"),
        ({**CALL, "properties": []}, "wrong_shape", "$.properties"),
        ({**CALL, "userId": {"id": 1}}, "wrong_shape", "$.userId"),
        ({**ORDER, "properties": {}}, "missing_field", "$.properties.order_id"),
        ({**ORDER, "properties": {"order_id": ["o"]}}, "missing_field", "$.properties.order_id"),
        (
            {**ORDER, "properties": {"order_id": "o", "revenue": "NaN"}},
            "invalid_number",
            "$.properties.revenue",
        ),
        (
            {**ORDER, "properties": {"order_id": "o", "revenue": "-inf"}},
            "invalid_number",
            "$.properties.revenue",
        ),
        (
            {**ORDER, "properties": {"order_id": "o", "revenue": "dix"}},
            "invalid_number",
            "$.properties.revenue",
        ),
        (
            {**ORDER, "properties": {"order_id": "o", "revenue": {}}},
            "invalid_number",
            "$.properties.revenue",
        ),
        (
            {**ORDER, "properties": {"order_id": "o", "revenue": 10**400}},
            "invalid_number",
            "$.properties.revenue",
        ),
        (
            {**ORDER, "properties": {"order_id": "o", "revenue": 10**12}},
            "invalid_number",
            "$.properties.revenue",
        ),
        ({**PLAYING, "properties": {"position": "far"}}, "invalid_number", "$.properties.position"),
        ({**PLAYING, "properties": {"position": 2**63}}, "invalid_number", "$.properties.position"),
        ({**PLAYING, "properties": {"position": []}}, "invalid_number", "$.properties.position"),
        (rb'{"type": "page", "messageId": "\ud800"}', "invalid_syntax", "$"),
        (b'{"type": "page", "messageId": "caf\xe9"}', "invalid_utf8", "$"),
        (b'{"type": "page", "userId": 1' + b"0" * 5000 + b"}", "wrong_shape", "$.userId"),
    ],
    "youtube_chat": [
        ({"id": "m"}, "missing_field", "$.snippet"),
        ({"id": "m", "snippet": {}}, "missing_field", "$.snippet.type"),
        ({"id": "m", "snippet": []}, "wrong_shape", "$.snippet"),
        ({"snippet": SNIPPET}, "missing_field", "$.id"),
        ({**MESSAGE, "id": 7}, "wrong_shape", "$.id"),
        ({**MESSAGE, "id": ""}, "missing_field", "$.id"),
        (
            {**MESSAGE, "snippet": {**SNIPPET, "type": "superThanksEvent"}},
            "unknown_kind",
            "$.snippet.type",
        ),
        (
            {**MESSAGE, "snippet": {**SNIPPET, "type": "textMessageEvent: emoji"}},
            "unknown_kind",
            "$.snippet.type",
        ),
        (
            {**MESSAGE, "snippet": {**SNIPPET, "type": "giftEvent: combo"}},
            "unknown_kind",
            "$.snippet.type",
        ),
        (
            {**MESSAGE, "snippet": {"type": "textMessageEvent"}},
            "missing_field",
            "$.snippet.publishedAt",
        ),
        (
            {**MESSAGE, "snippet": {**SNIPPET, "publishedAt": 1772438460}},
            "wrong_shape",
            "$.snippet.publishedAt",
        ),
        (
            {**MESSAGE, "snippet": {**SNIPPET, "publishedAt": "0001-01-01T00:00:00Z"}},
            "invalid_time",
            "$.snippet.publishedAt",
        ),
        (
            {**MESSAGE, "snippet": {**SNIPPET, "publishedAt": "yesterday"}},
            "invalid_time",
            "$.snippet.publishedAt",
        ),
        (
            {**MESSAGE, "snippet": {**SNIPPET, "type": "messageDeletedEvent"}},
            "missing_field",
            "$.snippet.messageDeletedDetails.deletedMessageId",
        ),
        (
            {**MESSAGE, "snippet": {**SNIPPET, "superChatDetails": {"amountMicros": "a lot"}}},
            "invalid_number",
            "$.snippet.*.amountMicros",
        ),
        (
            {**MESSAGE, "snippet": {**SNIPPET, "superChatDetails": {"amountMicros": -1}}},
            "invalid_number",
            "$.snippet.*.amountMicros",
        ),
        (
            {**MESSAGE, "snippet": {**SNIPPET, "superChatDetails": {"amountMicros": 10**400}}},
            "invalid_number",
            "$.snippet.*.amountMicros",
        ),
        (
            {
                **MESSAGE,
                "snippet": {
                    **SNIPPET,
                    "type": "giftEvent",
                    "giftDetails": {"comboCount": 2**63 - 1},
                },
            },
            "invalid_number",
            "$.snippet.*.comboCount",
        ),
        (
            {**MESSAGE, "snippet": {**SNIPPET, "textMessageDetails": {"messageText": 1}}},
            "wrong_shape",
            "$.snippet.textMessageDetails.messageText",
        ),
    ],
    "social_listening": [
        ({"tweet_created": "1/7/15 15:02"}, "missing_field", "$.text"),
        ({**POST, "text": 12}, "wrong_shape", "$.text"),
        ({"text": "Hello"}, "missing_field", "$.tweet_created"),
        ({**POST, "tweet_created": 42010.5}, "wrong_shape", "$.tweet_created"),
        ({**POST, "tweet_created": "#########"}, "invalid_time", "$.tweet_created"),
        ({**POST, "tweet_created": "2/30/15 15:02"}, "invalid_time", "$.tweet_created"),
        ({**POST, "tweet_created": "13/1/15 15:02"}, "invalid_time", "$.tweet_created"),
        ({**POST, "tweet_created": "1/7/0000 15:02"}, "invalid_time", "$.tweet_created"),
        ({**POST, "tweet_created": "1/1/0001 00:00"}, "invalid_time", "$.tweet_created"),
        ({**POST, "tweet_created": "12/31/9999 23:59"}, "invalid_time", "$.tweet_created"),
        (
            {**POST, "tweet_created": "12/31/9999 15:00", "user_timezone": "Tokyo"},
            "invalid_time",
            "$.tweet_created",
        ),
        ({**POST, "tweet_created": "1/1/10000 00:00"}, "invalid_time", "$.tweet_created"),
        ({**POST, "retweet_count": "many"}, "invalid_number", "$.retweet_count"),
        ({**POST, "retweet_count": -1}, "invalid_number", "$.retweet_count"),
        ({**POST, "retweet_count": "nan"}, "invalid_number", "$.retweet_count"),
        ({**POST, "retweet_count": 10**400}, "invalid_number", "$.retweet_count"),
    ],
    "mailjet": [
        ({"time": 1772438460}, "missing_field", "$.event"),
        ({**MAIL, "event": "parseapi"}, "unknown_kind", "$.event"),
        ({**MAIL, "event": None}, "wrong_shape", "$.event"),
        ({"event": "open"}, "missing_field", "$.time"),
        ({**MAIL, "time": "noon"}, "wrong_shape", "$.time"),
        ({**MAIL, "time": "nan"}, "invalid_time", "$.time"),
        ({**MAIL, "time": "-inf"}, "invalid_time", "$.time"),
        ({**MAIL, "time": 0}, "invalid_time", "$.time"),
        ({**MAIL, "time": -1772438460}, "invalid_time", "$.time"),
        ({**MAIL, "time": 1772438460000}, "invalid_time", "$.time"),
        ({**MAIL, "time": 2**63}, "invalid_time", "$.time"),
        ({**MAIL, "time": 10**400}, "wrong_shape", "$.time"),
        ({**MAIL, "time": [1772438460]}, "wrong_shape", "$.time"),
        (rb'{"event": "open", "time": 1772438460, "email": "\udc00"}', "invalid_syntax", "$"),
        (b'{"event": "open", "time": 1772438460, "email": "caf\xe9"}', "invalid_utf8", "$"),
    ],
    "iterable": [
        ({"dataFields": {}}, "missing_field", "$.eventName"),
        ({**WEBHOOK, "eventName": ""}, "missing_field", "$.eventName"),
        ({**WEBHOOK, "eventName": "emailTeleported"}, "unknown_kind", "$.eventName"),
        ({**WEBHOOK, "eventName": ["emailOpen"]}, "wrong_shape", "$.eventName"),
        ({**WEBHOOK, "dataFields": "none"}, "wrong_shape", "$.dataFields"),
        (
            {**WEBHOOK, "dataFields": {"createdAt": 1772438460}},
            "wrong_shape",
            "$.dataFields.createdAt",
        ),
        (
            {**WEBHOOK, "dataFields": {"createdAt": "2026-13-01 08:00:00 +00:00"}},
            "invalid_time",
            "$.dataFields.createdAt",
        ),
        (
            {**WEBHOOK, "dataFields": {"createdAt": "0000-00-00 00:00:00"}},
            "invalid_time",
            "$.dataFields.createdAt",
        ),
        (
            {**WEBHOOK, "dataFields": {"createdAt": "9999-12-31 23:59:59 -14:00"}},
            "invalid_time",
            "$.dataFields.createdAt",
        ),
    ],
    "customerio": [
        ({"metric": "opened", "timestamp": 1772438460}, "missing_field", "$.object_type"),
        ({"object_type": "email", "timestamp": 1772438460}, "missing_field", "$.metric"),
        ({**REPORT, "metric": "teleported"}, "unknown_kind", "$.metric"),
        ({**REPORT, "object_type": "fax"}, "unknown_kind", "$.metric"),
        ({**REPORT, "object_type": "email: opened", "metric": ""}, "unknown_kind", "$.metric"),
        ({**REPORT, "timestamp": None}, "missing_field", "$.timestamp"),
        ({**REPORT, "timestamp": "soon"}, "wrong_shape", "$.timestamp"),
        ({**REPORT, "timestamp": "NaN"}, "invalid_time", "$.timestamp"),
        ({**REPORT, "timestamp": 1e308}, "invalid_time", "$.timestamp"),
        ({**REPORT, "timestamp": -62135596800}, "invalid_time", "$.timestamp"),
        ({**REPORT, "timestamp": 253402300800}, "invalid_time", "$.timestamp"),
        ({**REPORT, "event_id": {}}, "wrong_shape", "$.event_id"),
        ({**REPORT, "data": "none"}, "wrong_shape", "$.data"),
    ],
    "survey": [
        ({**RESPONSE}, "missing_field", "$.answers"),
        ({**RESPONSE, "answers": {"q": 9}}, "wrong_shape", "$.answers"),
        ({**RESPONSE, "answers": [9]}, "wrong_shape", "$.answers[0]"),
        ({**ANSWERED, "response_id": None}, "missing_field", "$.response_id"),
        ({**ANSWERED, "survey_id": ""}, "missing_field", "$.survey_id"),
        ({**ANSWERED, "status": "abandoned"}, "invalid_value", "$.status"),
        ({**ANSWERED, "submitted_at": None}, "missing_field", "$.submitted_at"),
        ({**ANSWERED, "submitted_at": "2026-02-30T10:00:00Z"}, "invalid_time", "$.submitted_at"),
        ({**ANSWERED, "submitted_at": "0001-01-01"}, "invalid_time", "$.submitted_at"),
        ({**ANSWERED, "submitted_at": 1772438460}, "wrong_shape", "$.submitted_at"),
        ({**ANSWERED, "revision": "two"}, "invalid_number", "$.revision"),
        ({**ANSWERED, "response_id": 1.5}, "wrong_shape", "$.response_id"),
        ({**RESPONSE, "answers": [{**NPS, "type": "smiley"}]}, "unknown_kind", "$.answers[].type"),
        ({**RESPONSE, "answers": [{**NPS, "type": None}]}, "missing_field", "$.answers[].type"),
        (
            {**RESPONSE, "answers": [{"type": "nps", "value": 9}]},
            "missing_field",
            "$.answers[].question_id",
        ),
        ({**RESPONSE, "answers": [NPS, NPS]}, "invalid_value", "$.answers[].question_id"),
        (
            {**RESPONSE, "answers": [NPS, {**NPS, "question_id": "p", "value": 11}]},
            "invalid_number",
            "$.answers[].value",
        ),
        ({**RESPONSE, "answers": [{**NPS, "value": -1}]}, "invalid_number", "$.answers[].value"),
        ({**RESPONSE, "answers": [{**NPS, "value": "nan"}]}, "invalid_number", "$.answers[].value"),
        (
            {**RESPONSE, "answers": [{**NPS, "value": "nine"}]},
            "invalid_number",
            "$.answers[].value",
        ),
        (
            {**RESPONSE, "answers": [{**NPS, "value": 10**400}]},
            "invalid_number",
            "$.answers[].value",
        ),
        ({**RESPONSE, "answers": [{**NPS, "value": [9]}]}, "wrong_shape", "$.answers[0].value"),
        (
            {**RESPONSE, "answers": [{**NPS, "min": 10, "max": 0}]},
            "invalid_number",
            "$.answers[].max",
        ),
        ({**RESPONSE, "answers": [{**NPS, "max": 2**63}]}, "invalid_number", "$.answers[].max"),
    ],
    "cloudevents": [
        ({**CLOUD, "specversion": "0.3"}, "invalid_value", "$.specversion"),
        ({**CLOUD, "specversion": 1.0}, "wrong_shape", "$.specversion"),
        ({k: v for k, v in CLOUD.items() if k != "id"}, "missing_field", "$.id"),
        ({**CLOUD, "id": ""}, "missing_field", "$.id"),
        ({**CLOUD, "source": ""}, "missing_field", "$.source"),
        ({**CLOUD, "type": "com.example.other.v1"}, "unknown_kind", "$.type"),
        ({**CLOUD, "type": "com.moment.comment.posted.v1: reply"}, "unknown_kind", "$.type"),
        ({**CLOUD, "time": "2026-02-30T10:00:00Z"}, "invalid_time", "$.time"),
        ({**CLOUD, "time": "10000-01-01T00:00:00Z"}, "invalid_time", "$.time"),
        ({**CLOUD, "time": 1772438460}, "wrong_shape", "$.time"),
        ({k: v for k, v in CLOUD.items() if k != "data"}, "missing_field", "$.data"),
        ({**CLOUD, "data": None}, "wrong_shape", "$.data"),
        ({**CLOUD, "data": []}, "wrong_shape", "$.data"),
        ({**CLOUD, "data": {"store_id": "s"}}, "missing_field", "$.data.visitor_id"),
        ({**CLOUD, "data": {**VISIT, "visitor_id": 1.5}}, "wrong_shape", "$.data.visitor_id"),
        ({**CLOUD, "data": {**VISIT, "dwell_s": -1}}, "invalid_number", "$.data.dwell_s"),
        ({**CLOUD, "data": {**VISIT, "dwell_s": "nan"}}, "invalid_number", "$.data.dwell_s"),
        ({**CLOUD, "data": {**VISIT, "dwell_s": 10**400}}, "wrong_shape", "$.data.dwell_s"),
        ({**CLOUD, "data": {**VISIT, "dwell_s": []}}, "wrong_shape", "$.data.dwell_s"),
        ({**CLOUD, "data_base64": "e"}, "invalid_value", "$.data_base64"),
        ({**CLOUD, "data_base64": "/////w=="}, "invalid_syntax", "$.data_base64"),
        ({**CLOUD, "data_base64": "W10="}, "wrong_shape", "$.data_base64"),
        (
            {**CLOUD, "type": "com.moment.reaction.given.v1", "data": {**REACTION, "intensity": 2}},
            "invalid_number",
            "$.data.intensity",
        ),
        (
            {
                **CLOUD,
                "type": "com.moment.reaction.given.v1",
                "data": {**REACTION, "media_time_ms": -5},
            },
            "invalid_number",
            "$.data.media_time_ms",
        ),
        (
            {
                **CLOUD,
                "type": "com.moment.consent.changed.v1",
                "data": {"user_id": "u", "purposes": {"email": "no"}},
            },
            "wrong_shape",
            "$.data.purposes[...]",
        ),
    ],
}
CASES = [(channel, *row) for channel, rows in BAD.items() for row in rows]


def test_every_channel_has_its_bad_records():
    assert set(BAD) == set(CHANNELS)


@pytest.mark.parametrize(("channel", "record", "reason", "path"), CASES)
def test_a_bad_value_fails_its_record_by_reason_and_path(channel, record, reason, path):
    assert failures_of([line(record)], channel) == [(reason, path)]


@pytest.mark.parametrize("channel", CHANNELS)
def test_bad_values_leave_the_others_of_their_batch_byte_for_byte_alone(channel):
    good = list(fixture_lines(channel))
    bad = [line(record) for record, _, _ in BAD[channel]]
    mixed = [record for pair in zip(bad, good * len(bad)) for record in pair]
    alone = decode_records(mixed[1::2], CHANNELS[channel])
    among = decode_records(mixed, CHANNELS[channel])

    assert alone.failed.num_rows == 0
    assert among.events.equals(alone.events, check_metadata=True)
    assert among.ignored == alone.ignored
    assert sorted(f["payload"] for f in among.failed.to_pylist()) == sorted(bad)


@pytest.mark.parametrize("channel", CHANNELS)
def test_no_detail_repeats_a_value(channel):
    for record, _, _ in BAD[channel]:
        for failed in decode_records([line(record)], CHANNELS[channel]).failed.to_pylist():
            for value in ("a@example.com", "abandoned", "teleported", "yesterday", "smiley", "dix"):
                assert value not in failed["detail"]


def test_reasons_are_stable_codes():
    assert {reason.value for reason in Reason} >= {row[1] for rows in BAD.values() for row in rows}


# Odd values that are no reason to refuse the event. Rows: channel, record, column, value.

HARMLESS = [
    (
        "youtube_chat",
        {**MESSAGE, "authorDetails": {"displayName": "<script>alert(1)</script>"}},
        "text",
        None,
    ),
    (
        "youtube_chat",
        {
            **MESSAGE,
            "snippet": {
                **SNIPPET,
                "textMessageDetails": {"messageText": "<script>alert(1)</script>"},
            },
        },
        "text",
        "<script>alert(1)</script>",
    ),
    ("social_listening", {**POST, "text": "=HYPERLINK(A1)"}, "text", "=HYPERLINK(A1)"),
    ("social_listening", {**POST, "text": "&#xD800;&#0;"}, "text", "\ufffd\ufffd"),
    ("social_listening", {**POST, "user_timezone": "../../etc/passwd"}, "tz_offset_min", None),
    ("social_listening", {**POST, "user_timezone": "A" * 5000 + "/B"}, "tz_offset_min", None),
    ("social_listening", {**POST, "retweet_count": "1.0"}, "ext", '{"retweet_count":1}'),
    ("mailjet", b'{"event": "open", "event": "click", "time": 1772438460}', "action", "click"),
    (
        "mailjet",
        b'{"event": "open", "time": 1772438460, "MessageID": "a\\u0000b"}',
        "object_id",
        "a\x00b",
    ),
    (
        "mailjet",
        {**MAIL, "time": "1772438460"},
        "event_time",
        datetime(2026, 3, 2, 8, 1, tzinfo=timezone.utc),
    ),
    ("mailjet", {**MAIL, "MessageID": 10**400}, "object_id", str(10**400)),
    (
        "mailjet",
        {**MAIL, "event": "unsub", "mj_list_id": 2**64},
        "ext",
        '{"mj_list_id":18446744073709551616}',
    ),
    ("mailjet", {**MAIL, "email": ["a@example.com"]}, "raw_actor", None),
    ("mailjet", {**MAIL, "geo": "🇫🇷"}, "country", None),
    ("iterable", {**WEBHOOK, "dataFields": {"country": "éà"}}, "country", None),
    ("segment", {**CALL, "userId": 2**63}, "raw_actor", "user:9223372036854775808"),
    ("segment", {**CALL, "context": {"locale": "fr_12"}}, "country", None),
    ("segment", {"type": "page"}, "source_event_id", None),
    ("survey", {**RESPONSE, "answers": [{**NPS, "value": "9"}]}, "rating_value", 9.0),
    ("survey", {**ANSWERED, "revision": 10**30}, "rating_value", 9.0),
    ("survey", {**ANSWERED, "revision": -(2**63)}, "rating_value", 9.0),
    (
        "customerio",
        {**REPORT, "data": {"href": 7, "customer_id": 10**30}},
        "raw_actor",
        f"user:{10**30}",
    ),
    ("cloudevents", {**CLOUD, "data": {**VISIT, "dwell_s": "1e3"}}, "engaged_ms", 1_000_000),
    (
        "access_log",
        b'203.0.113.7 - caf\xe9 [02/Mar/2026:10:00:00 +0100] "GET / HTTP/1.1" 200 1 "-" "\xff"',
        "raw_user_agent",
        "\ufffd",
    ),
]


@pytest.mark.parametrize(("channel", "record", "column", "value"), HARMLESS)
def test_an_odd_value_does_no_harm(channel, record, column, value):
    result = decode_records([line(record)], CHANNELS[channel])

    assert result.failed.to_pylist() == []
    assert result.events.column(column).to_pylist() == [value]
