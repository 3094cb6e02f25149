"""Observe: events reduced to sixteen columns of numbers, split by the shard of their actor."""

import numpy as np
import pytest
from apache_beam.utils.timestamp import MIN_TIMESTAMP

from schemas.channels import registered_channels
from schemas.identity import label_key
from schemas.observation import CHANGE, ECHO, OBSERVATION, RETRACT, SIGNALS, VALID
from tests.checks import codec_of, decode_records
from tests.transforms.events import NOON, event, native
from tests.transforms.observations import total
from transforms.attend import Attend
from transforms.observe import ObserveRules, _ObserveBatches, label_batch, observe
from transforms.protect import PseudonymKeys, protect
from transforms.rules import AttendRules
from transforms.shards import split_by_shard

KEYS = PseudonymKeys(b"actor key, sixteen", b"routing key, sixteen", "2026-03")
NOON_US = int(NOON.timestamp()) * 1_000_000


def _observe(*rows):
    protected = protect(native(*rows), KEYS).events
    return observe(protected, "Europe/Paris", "day.ndjson")


def _rows(*rows):
    return _observe(*rows)[0].to_pylist()


def test_an_observation_says_who_what_where_and_when_in_numbers():
    batch, labels = _observe(
        event("like", event_id=b"i" * 16, content_id="live", brand_id="maison", ivt_class="valid")
    )
    (row,) = batch.to_pylist()

    assert batch.schema.equals(OBSERVATION, check_metadata=True)
    assert row.pop("actor") not in (0, None)
    assert row == {
        "event_id": b"i" * 16,
        "fact": 0,
        "revision": 0,
        "content": label_key("live"),
        "brand": label_key("maison"),
        "channel": label_key("app"),
        "input": label_key("day.ndjson"),
        "event_time": NOON_US,
        "day": NOON_US // 86_400_000_000,
        "hour": NOON_US // 60_000_000,
        "arrived": NOON_US,
        "signal": SIGNALS.index("like"),
        "flags": VALID,
        "value": 0,
        "period": 0,
    }
    assert set(labels.values()) == {"live", "maison", "app", "day.ndjson"}
    assert labels == {label_key(text): text for text in labels.values()}


def test_what_is_unknown_is_zero():
    (row,) = _rows(event(raw_actor=None))

    assert [row[n] for n in ("actor", "content", "brand", "fact")] == [0, 0, 0, 0]


def test_a_person_has_one_actor_key_under_every_actor_key_rotation():
    rotated = PseudonymKeys(b"actor key, rotated", b"routing key, sixteen", "2026-04")
    keys = [
        observe(protect(native(event()), k).events, "Europe/Paris", "f")[0] for k in (KEYS, rotated)
    ]

    assert keys[0].column("actor") == keys[1].column("actor")


@pytest.mark.parametrize(
    ("ivt_class", "flag"),
    [("valid", VALID), ("unknown", VALID), ("givt", 0), ("sivt_suspect", 0)],
)
def test_only_known_automata_are_not_valid(ivt_class, flag):
    assert _rows(event(ivt_class=ivt_class))[0]["flags"] == flag


def test_flags_say_what_is_a_change_and_what_a_retraction():
    fact = {"fact_id": b"f" * 16, "revision": 9}
    rows = _rows(
        event("like", op="insert", **fact),
        event("like", op="update", **fact),
        event("like", op="retract", **fact),
    )

    assert [row["flags"] for row in rows] == [VALID, VALID | CHANGE, VALID | CHANGE | RETRACT]
    assert len({row["fact"] for row in rows} - {0}) == 1
    assert [row["revision"] for row in rows] == [9, 9, 9]


RATINGS = [
    # scale, answer, least, most → signal, millionths
    ("nps", 9, 0, 10, "rate:nps", 900_000),
    ("nps", 6, 0, 10, "rate:nps", 600_000),
    ("csat", 4, 1, 5, "rate:csat", 750_000),
    ("csat", 2, 1, 5, "rate:csat", 250_000),
    ("ces", 5, 1, 7, "rate:ces", 666_667),
    ("ces", 3, 1, 7, "rate:ces", 333_333),
    ("boredom", 0.5, 0, 1, "rate:boredom", 500_000),
    ("vote", 1, 0, 1, "rate", 1_000_000),
]


@pytest.mark.parametrize(("scale", "value", "low", "high", "signal", "millionths"), RATINGS)
def test_ratings_travel_as_millionths_of_their_scale(scale, value, low, high, signal, millionths):
    (row,) = _rows(
        event("rate", rating_scale=scale, rating_value=value, rating_min=low, rating_max=high)
    )

    assert (SIGNALS[row["signal"]], row["value"]) == (signal, millionths)


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"rating_value": 9.0},
        {"rating_min": 0.0, "rating_max": 10.0},
        {"rating_value": 9.0, "rating_min": 5.0, "rating_max": 5.0},
        {"rating_value": 11.0, "rating_min": 0.0, "rating_max": 10.0},
    ],
)
def test_a_rating_without_a_value_or_scale_is_no_answer(given):
    (row,) = _rows(event("rate", rating_scale="nps", **given))

    assert SIGNALS[row["signal"]] == "rate"


def test_a_rating_beside_another_action_does_not_make_it_an_answer():
    (row,) = _rows(
        event("comment", rating_scale="csat", rating_value=5, rating_min=1, rating_max=5)
    )

    assert SIGNALS[row["signal"]] == "comment"


@pytest.mark.parametrize("actor_kind", ["brand", "automaton"])
def test_what_a_brand_or_an_automaton_does_is_an_event_of_the_system(actor_kind):
    rows = _rows(
        event("comment", actor_kind=actor_kind),
        event("like", actor_kind=actor_kind, op="retract", fact_id=b"f" * 16, revision=9),
        event("heartbeat", actor_kind=actor_kind, duration_ms=30_000, heartbeat_ms=30_000),
        event(
            "rate",
            actor_kind=actor_kind,
            rating_scale="csat",
            rating_value=5,
            rating_min=1,
            rating_max=5,
        ),
    )

    assert [SIGNALS[row["signal"]] for row in rows] == ["system"] * 4
    assert rows[2]["period"] == 0
    assert rows[1]["flags"] & RETRACT


@pytest.mark.parametrize("actor_kind", ["person", "organisation", "unknown"])
def test_everybody_else_is_audience(actor_kind):
    (row,) = _rows(event("comment", actor_kind=actor_kind))

    assert SIGNALS[row["signal"]] == "comment"


@pytest.mark.parametrize("action", ["send", "deliver", "unsubscribe", "moderate", "system"])
def test_contact_and_control_stay_what_they_are_whoever_acts(action):
    (row,) = _rows(event(action, actor_kind="brand"))

    assert SIGNALS[row["signal"]] == action


def test_the_words_of_the_owner_of_a_chat_count_as_events_and_not_as_audience():
    record = (
        b'{"kind":"youtube#liveChatMessage","id":"%s","snippet":{"type":"textMessageEvent",'
        b'"liveChatId":"live","authorChannelId":"%s","publishedAt":"2026-03-02T10:00:00Z",'
        b'"textMessageDetails":{"messageText":"hello"}},"authorDetails":{"isChatOwner":%s}}'
    )
    records = [record % (b"m1", b"maison", b"true"), record % (b"m2", b"ana", b"false")]
    decoded = decode_records(records, registered_channels()["youtube_chat"])
    events = decoded.events.replace_schema_metadata({"name": "native_event", "input": "chat"})
    machine = Attend(AttendRules("Europe/Paris"))
    machine.add(observe(protect(events, KEYS).events, "Europe/Paris", "chat")[0])
    partials = machine.emit().partials

    assert decoded.failed.num_rows == 0
    assert total(partials, "events") == 2
    assert total(partials, "viewers") == 1
    assert total(partials, "count", item="comment") == 1
    assert total(partials, "engagers") == 1


def test_a_heartbeat_carries_its_milliseconds_and_its_period():
    (row,) = _rows(event("heartbeat", duration_ms=30_000, heartbeat_ms=30_000))

    assert (row["value"], row["period"]) == (30_000, 30_000)


def test_nothing_vouches_for_more_than_an_hour_nor_for_less_than_nothing():
    rows = _rows(event("heartbeat", duration_ms=10**12), event("heartbeat", duration_ms=-5))

    assert [row["value"] for row in rows] == [3_600_000, 0]


def test_a_heartbeat_period_that_cannot_be_is_clipped():
    (row,) = _rows(event("heartbeat", heartbeat_ms=3_000_000_000))

    assert 0 <= row["period"] <= 3_600_000


def test_no_events_are_no_observations():
    batch, labels = _observe()

    assert batch.num_rows == 0
    assert set(labels.values()) <= {"day.ndjson"}


def test_shards_part_the_rows_and_keep_a_person_together():
    rows = [event(raw_actor=f"n:{n % 20}", event_id=bytes([n] * 16)) for n in range(100)]
    protected = protect(native(*rows), KEYS).events
    batch = observe(protected, "Europe/Paris", "f")[0]
    parts = dict(split_by_shard(batch, protected.column("route").to_numpy(), 7))

    people = [set(part.column("actor").to_pylist()) for part in parts.values()]
    assert sum(part.num_rows for part in parts.values()) == 100
    assert len(set.union(*people)) == sum(map(len, people)) == 20
    assert len(parts) > 1
    assert set(parts) <= set(range(7))


def test_one_shard_has_all_rows_in_their_order():
    batch = _observe(*(event(event_id=bytes([n] * 16)) for n in range(5)))[0]

    assert list(split_by_shard(batch, np.array([-1, 5, 3, 2**63 - 1, -(2**63)]), 1)) == [(0, batch)]


def test_labels_travel_with_their_texts():
    batch = label_batch({1: "one", -2: "two"})

    assert batch.to_pylist() == [{"key": 1, "text": "one"}, {"key": -2, "text": "two"}]


@pytest.mark.parametrize("shards", [2, 7, 16])
def test_a_deletion_by_a_moderator_meets_the_message_on_every_number_of_shards(shards):
    record = (
        b'{"kind":"youtube#liveChatMessage","id":"%s","snippet":{"type":"%s","liveChatId":"live",'
        b'"authorChannelId":"%s","publishedAt":"2026-03-02T10:0%d:00Z",%s}}'
    )
    words = b'"textMessageDetails":{"messageText":"hello"}'
    deleted = b'"messageDeletedDetails":{"deletedMessageId":"m%d"}'
    records = [
        record % (b"m%d" % n, b"textMessageEvent", b"author%d" % n, 0, words) for n in range(8)
    ] + [
        record % (b"d%d" % n, b"messageDeletedEvent", b"moderator", 5, deleted % n)
        for n in range(8)
    ]
    decoded = decode_records(records, registered_channels()["youtube_chat"])
    events = decoded.events.replace_schema_metadata({"name": "native_event", "input": "chat"})
    protected = protect(events, KEYS).events
    batch = observe(protected, "Europe/Paris", "chat")[0]
    comments = 0
    for _, part in split_by_shard(batch, protected.column("route").to_numpy(), shards):
        machine = Attend(AttendRules("Europe/Paris"))
        machine.add(part)
        comments += total(machine.emit().partials, "count", item="comment")

    assert decoded.failed.num_rows == 0
    assert comments == 0


@pytest.mark.parametrize("shards", [2, 7, 16])
def test_two_statements_of_an_anonymous_answer_meet(shards):
    rows = [
        event(
            "answer",
            raw_actor=None,
            event_id=bytes([revision, n] * 8),
            fact_id=bytes([9, n] * 8),
            revision=revision,
        )
        for n in range(8)
        for revision in (1, 2)
    ]
    protected = protect(native(*rows), KEYS).events
    batch = observe(protected, "Europe/Paris", "survey")[0]
    answers = 0
    for _, part in split_by_shard(batch, protected.column("route").to_numpy(), shards):
        machine = Attend(AttendRules("Europe/Paris"))
        machine.add(part)
        answers += total(machine.emit().partials, "count", item="answer")

    assert answers == 8


def test_a_change_goes_to_its_own_shard_and_as_an_echo_to_all_others():
    fact = {"fact_id": b"f" * 16, "revision": 9}
    rows = [event("like", **fact), event("like", op="retract", **fact), event("view")]
    protected = protect(native(*rows), KEYS).events
    batch = observe(protected, "Europe/Paris", "f")[0]
    parts = dict(split_by_shard(batch, protected.column("route").to_numpy(), 4))
    own = int(np.uint64(protected.column("route").to_numpy()[0]) % np.uint64(4))

    assert {n: part.column("flags").to_pylist() for n, part in parts.items()} == {
        n: [VALID, VALID | CHANGE | RETRACT, VALID]
        if n == own
        else [VALID | CHANGE | RETRACT | ECHO]
        for n in range(4)
    }


@pytest.mark.parametrize(("unbounded", "codec"), [(True, "lz4"), (False, "zstd")])
def test_what_waits_for_the_end_of_a_bounded_run_is_compressed_as_what_stays(unbounded, codec):
    """And what waits for the next beat of a stream as what goes on."""
    rows = [event(event_id=n.to_bytes(16, "big")) for n in range(500)]
    step = _ObserveBatches(ObserveRules("Europe/Paris", 1), ticks=unbounded)
    step.start_bundle()

    assert [*step.process(protect(native(*rows), KEYS).events, MIN_TIMESTAMP)] == []
    crossing, *_labels = step.finish_bundle()
    assert codec_of(crossing.value[1].encoded) == codec
