"""What becomes of a row of a social listening export."""

from __future__ import annotations

import json
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.channels.social_listening import CHANNEL, RAILS_ZONES
from tests.checks import check_every_kind_is_shown, check_golden_channel, decode_records


def row(**changes: Any) -> bytes:
    native = {
        "index": "0",
        "name": "marie_example",
        "retweet_count": "0",
        "text": "about to start",
        "tweet_created": "1/7/15 15:02",
        "tweet_id": "5.52963e+17",
        "user_timezone": "",
        "label": "neutral",
    } | changes
    return json.dumps({k: v for k, v in native.items() if v is not ...}).encode()


def event(**changes: Any) -> dict[str, Any]:
    result = decode_records([row(**changes)], CHANNEL)
    assert result.failed.to_pylist() == []
    (found,) = result.events.to_pylist()
    return found


def failure(**changes: Any) -> tuple[str, str]:
    result = decode_records([row(**changes), row()], CHANNEL)
    assert result.events.num_rows == 1
    (found,) = result.failed.to_pylist()
    return found["reason"], found["path"]


def test_the_fixture_decodes_to_the_golden_file() -> None:
    check_golden_channel(CHANNEL)


def test_every_kind_is_shown() -> None:
    check_every_kind_is_shown(CHANNEL)


@pytest.mark.parametrize("zone", ["", "Quito", "Tokyo", "Pacific Time (US & Canada)"])
def test_the_time_is_on_the_exporters_clock_whatever_the_authors_zone(zone: str) -> None:
    found = event(tweet_created="1/7/15 15:02", user_timezone=zone)

    assert found["event_time"].isoformat() == "2015-01-07T23:02:00+00:00"
    assert found["time_basis"] == "true"


@pytest.mark.parametrize(
    ("created", "expected"),
    [
        ("7/14/15 21:00", "2015-07-15T04:00:00+00:00"),  # summer: UTC-7
        ("3/8/15 1:59", "2015-03-08T09:59:00+00:00"),  # the minute before summer time
        ("3/8/15 3:00", "2015-03-08T10:00:00+00:00"),  # the minute after
        ("11/1/15 1:30", "2015-11-01T08:30:00+00:00"),  # happens twice: the first
        ("01/07/2015 15:02:30", "2015-01-07T23:02:30+00:00"),
    ],
)
def test_summer_time_of_the_exporter_is_right(created: str, expected: str) -> None:
    assert event(tweet_created=created)["event_time"].isoformat() == expected


@pytest.mark.parametrize(
    ("zone", "created", "minutes"),
    [
        ("Quito", "1/7/15 15:02", -300),
        ("Eastern Time (US & Canada)", "1/7/15 15:02", -300),
        ("Eastern Time (US & Canada)", "7/7/15 15:02", -240),
        ("Arizona", "7/7/15 15:02", -420),
        ("New Delhi", "1/7/15 15:02", 330),
        ("Sydney", "1/7/15 15:02", 660),
        ("America/Boise", "1/7/15 15:02", -420),
        ("London", "3/28/15 17:59", 0),  # 00:59 UTC, an hour before British summer time
        ("London", "3/28/15 18:00", 60),
    ],
)
def test_the_authors_civil_time_follows_the_zone_at_that_instant(
    zone: str, created: str, minutes: int
) -> None:
    assert event(user_timezone=zone, tweet_created=created)["tz_offset_min"] == minutes


@pytest.mark.parametrize(
    "zone",
    [
        "",
        "Atlantis",
        "../etc/passwd",
        "America/",
        "/etc/localtime",
        "Europe/\x00",
        None,
        5,
        [],
        ...,
    ],
)
def test_a_zone_nobody_knows_gives_no_offset_and_no_failure(zone: Any) -> None:
    assert event(user_timezone=zone)["tz_offset_min"] is None


def test_every_rails_zone_is_in_the_zone_database() -> None:
    assert len(RAILS_ZONES) == 151
    assert [name for name, zone in RAILS_ZONES.items() if ZoneInfo(zone).key != zone] == []


@pytest.mark.parametrize(
    "created",
    [
        "2015-01-07 15:02",
        "13/7/15 15:02",
        "2/30/15 15:02",
        "1/7/15 25:02",
        "1/7/15",
        "soon",
        "12/31/9999 23:59",
        "1/7/1815 15:02",
    ],
)
def test_a_time_in_another_form_is_refused(created: str) -> None:
    assert failure(tweet_created=created) == ("invalid_time", "$.tweet_created")


@pytest.mark.parametrize("created", ["", None, ...])
def test_a_post_without_a_time_is_refused(created: Any) -> None:
    assert failure(tweet_created=created) == ("missing_field", "$.tweet_created")


def test_a_post_without_words_of_its_own_is_refused() -> None:
    assert failure(text=...) == ("missing_field", "$.text")
    assert failure(text=None) == ("wrong_shape", "$.text")


@pytest.mark.parametrize("count", ["-1", "many", "nan", "inf", [2]])
def test_a_retweet_count_that_is_no_count_is_refused(count: Any) -> None:
    assert failure(retweet_count=count) == ("invalid_number", "$.retweet_count")


@pytest.mark.parametrize(
    ("count", "ext"),
    [
        ("3", '{"retweet_count":3}'),
        (3, '{"retweet_count":3}'),
        ("1.2e+03", '{"retweet_count":1200}'),
        ("", None),
        (..., None),
    ],
)
def test_a_retweet_count_is_kept_beside_the_event(count: Any, ext: str | None) -> None:
    assert event(retweet_count=count)["ext"] == ext


def test_a_retweet_is_a_share_and_the_retweeted_handle_appears_nowhere_written() -> None:
    found = event(text="RT @secret_handle: RT @secret_handle: well said")

    assert (found["event_type"], found["action"]) == ("social_listening.retweet", "share")
    assert found["text"] == "well said"
    assert [name for name, value in found.items() if "secret" in str(value)] == ["id_key"]


@pytest.mark.parametrize(
    "text",
    ["@other_example thanks", "So ready. RT @other: hello", "RT if you agree", "RT @other hello"],
)
def test_a_mention_or_a_quotation_stays_a_post(text: str) -> None:
    found = event(text=text)

    assert (found["action"], found["modality"], found["text"]) == ("comment", "text", text)


def test_entities_are_undone_once_and_broken_text_is_kept() -> None:
    assert event(text="a &amp; b &lt;3 &amp;amp;")["text"] == "a & b <3 &amp;"
    assert event(text="_Ã\x99Ã\x93Â´")["text"] == "_Ã\x99Ã\x93Â´"


def test_the_author_is_a_handle_of_the_network_in_any_case() -> None:
    assert event(name="@Marie_Example")["raw_actor"] == "handle:twitter:marie_example"
    assert event(name="marie_example")["actor_basis"] == "channel_native"
    assert (event(name="")["raw_actor"], event(name="")["actor_basis"]) == (None, "none")


def test_a_later_export_of_the_same_post_gives_the_same_event() -> None:
    first = event(index="0", retweet_count="0", tweet_id="5.52963e+17", label="positive")
    again = event(index="812", retweet_count="40", tweet_id="", label="negative")

    assert first["event_id"] == again["event_id"]
    assert first["source_event_id"] is None


@pytest.mark.parametrize(
    "change", [{"name": "paul_example"}, {"tweet_created": "1/7/15 15:03"}, {"text": "other"}]
)
def test_author_time_and_text_make_the_event(change: dict[str, str]) -> None:
    assert event(**change)["event_id"] != event()["event_id"]


@pytest.mark.parametrize("label", ["positive", "negative", None, 7, ...])
def test_the_human_label_is_never_read(label: Any) -> None:
    assert event(label=label) == event()


def test_only_rows_of_this_export_are_recognised() -> None:
    assert CHANNEL.recognise(row())
    assert not CHANNEL.recognise(b'{"text": "hello", "name": "marie", "created_at": "2026-03-02"}')


@given(
    st.dictionaries(
        st.sampled_from(["name", "user_timezone", "retweet_count"]),
        st.none()
        | st.integers()
        | st.text("a1-/é", max_size=8)
        | st.lists(st.integers(), max_size=2),
    )
)
def test_any_odd_value_makes_one_event_or_one_failure_with_a_path(odd: dict[str, Any]) -> None:
    result = decode_records([row(**odd)], CHANNEL)

    assert result.events.num_rows + result.failed.num_rows == 1
    assert {f["path"] for f in result.failed.to_pylist()} <= {"$.retweet_count"}
