"""What becomes of a survey response, and which answer of a person counts."""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.channels.survey import CHANNEL
from schemas.redactions import redact
from tests.checks import check_every_kind_is_shown, check_golden_channel, decode_records

RECOMMEND = {"question_id": "recommend", "type": "nps", "value": 9}


def response(*answers: dict[str, Any], **changes: Any) -> bytes:
    native = {
        "response_id": "r-1",
        "survey_id": "s-1",
        "status": "completed",
        "submitted_at": "2026-03-02T10:00:00Z",
        "respondent": {"user_id": "17"},
        "answers": list(answers or (RECOMMEND,)),
    } | changes
    return json.dumps({k: v for k, v in native.items() if v is not ...}).encode()


def table_row(**changes: Any) -> bytes:
    native = {
        "response_id": "r-1",
        "survey_id": "s-1",
        "submitted_at": "2026-03-02T10:00:00Z",
        "user_id": "17",
        "content_id": "evening-live",
        "question_id": "recommend",
        "type": "nps",
        "value": "9",
    } | changes
    return json.dumps(native).encode()


def events(record: bytes) -> list[dict[str, Any]]:
    result = decode_records([record], CHANNEL)
    assert result.failed.to_pylist() == []
    return result.events.to_pylist()


def event(record: bytes) -> dict[str, Any]:
    (found,) = events(record)
    return found


def failure(record: bytes) -> tuple[str, str]:
    result = decode_records([record, response()], CHANNEL)
    assert result.events.num_rows == 1
    (found,) = result.failed.to_pylist()
    return found["reason"], found["path"]


def test_the_fixture_decodes_to_the_golden_file() -> None:
    check_golden_channel(CHANNEL)


def test_every_kind_is_shown() -> None:
    check_every_kind_is_shown(CHANNEL)


def test_several_answers_are_several_events_of_one_response() -> None:
    found = events(
        response(
            RECOMMEND,
            {"question_id": "bored", "type": "boredom", "value": 0.5},
            {"question_id": "why", "type": "text", "value": "too long"},
        )
    )

    assert [(e["action"], e["object_id"], e["rating_value"], e["text"]) for e in found] == [
        ("rate", "recommend", 9.0, None),
        ("rate", "bored", 0.5, None),
        ("answer", "why", None, "too long"),
    ]
    assert len({e["event_id"] for e in found}) == 3
    assert {e["parent_id"] for e in found} == {"s-1"}


@pytest.mark.parametrize(
    ("scale", "least", "greatest"),
    [("nps", 0.0, 10.0), ("csat", 1.0, 5.0), ("ces", 1.0, 7.0), ("boredom", 0.0, 1.0)],
)
def test_a_scale_has_its_customary_bounds(scale: str, least: float, greatest: float) -> None:
    for value in (least, greatest):
        found = event(response({"question_id": "q", "type": scale, "value": value}))
        assert found["rating_scale"] == scale
        assert (found["rating_min"], found["rating_value"], found["rating_max"]) == (
            least,
            value,
            greatest,
        )
    for value in (least - 0.5, greatest + 0.5):
        record = response({"question_id": "q", "type": scale, "value": value})
        assert failure(record) == ("invalid_number", "$.answers[].value")


def test_the_bounds_a_survey_states_are_used() -> None:
    found = event(
        response({"question_id": "q", "type": "csat", "value": "7", "min": 1, "max": "10"})
    )

    assert (found["rating_min"], found["rating_value"], found["rating_max"]) == (1.0, 7.0, 10.0)


@pytest.mark.parametrize(
    ("bounds", "path"),
    [
        ({"min": 1}, "$.answers[].min"),
        ({"min": 1, "max": 10}, "$.answers[].min"),
        ({"max": 5}, "$.answers[].max"),
        ({"min": "0", "max": "100"}, "$.answers[].max"),
    ],
)
def test_a_net_promoter_score_is_of_zero_to_ten_and_of_no_other_scale(
    bounds: dict[str, Any], path: str
) -> None:
    assert failure(response(RECOMMEND | bounds)) == ("invalid_value", path)


def test_a_net_promoter_score_may_state_its_own_bounds() -> None:
    found = event(response(RECOMMEND | {"min": "0", "max": 10}))

    assert (found["rating_min"], found["rating_value"], found["rating_max"]) == (0.0, 9.0, 10.0)


@pytest.mark.parametrize(
    ("answer", "path"),
    [
        ({"value": "nine"}, "$.answers[].value"),
        ({"value": "nan"}, "$.answers[].value"),
        ({"value": "1_0"}, "$.answers[].value"),
        ({"value": 11}, "$.answers[].value"),
        ({"value": 5, "max": "many"}, "$.answers[].max"),
        ({"value": 5, "min": 10, "max": 0}, "$.answers[].max"),
    ],
)
def test_a_rating_that_is_no_number_of_its_scale_is_refused(
    answer: dict[str, Any], path: str
) -> None:
    assert failure(response(RECOMMEND | answer)) == ("invalid_number", path)


@pytest.mark.parametrize("value", [True, [1, 2], {"a": 1}])
def test_a_value_of_another_shape_is_refused(value: Any) -> None:
    assert failure(response(RECOMMEND | {"value": value}))[0] == "wrong_shape"


def test_one_bad_answer_refuses_the_whole_response() -> None:
    bad = {"question_id": "bored", "type": "boredom", "value": 2}

    assert failure(response(RECOMMEND, bad)) == ("invalid_number", "$.answers[].value")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"response_id": ...}, ("missing_field", "$.response_id")),
        ({"survey_id": ""}, ("missing_field", "$.survey_id")),
        ({"submitted_at": None}, ("missing_field", "$.submitted_at")),
        ({"submitted_at": "yesterday"}, ("invalid_time", "$.submitted_at")),
        ({"answers": ...}, ("missing_field", "$.answers")),
        ({"answers": [{"type": "nps", "value": 9}]}, ("missing_field", "$.answers[].question_id")),
        ({"answers": [{"question_id": "q", "value": 9}]}, ("missing_field", "$.answers[].type")),
        ({"answers": [RECOMMEND, RECOMMEND]}, ("invalid_value", "$.answers[].question_id")),
        ({"answers": [RECOMMEND | {"type": "matrix"}]}, ("unknown_kind", "$.answers[].type")),
        (
            {"answers": [RECOMMEND | {"question_id": 1}, RECOMMEND | {"question_id": "1"}]},
            ("invalid_value", "$.answers[].question_id"),
        ),
        ({"revision": "two"}, ("invalid_number", "$.revision")),
        ({"revision": 2.5}, ("invalid_number", "$.revision")),
        ({"revision": "1_0"}, ("invalid_number", "$.revision")),
        ({"revision": "9" * 5_000}, ("invalid_number", "$.revision")),
        ({"revision": True}, ("wrong_shape", "$.revision")),
        ({"status": "deleted"}, ("invalid_value", "$.status")),
        ({"status": "retracted", "answers": []}, ("missing_field", "$.answers")),
    ],
)
def test_what_a_response_must_say(changes: dict[str, Any], expected: tuple[str, str]) -> None:
    assert failure(response(**changes)) == expected


def test_a_skipped_question_and_an_empty_response_are_counted_and_ignored() -> None:
    skipped = response(RECOMMEND, {"question_id": "why", "type": "text", "value": ""})
    result = decode_records([skipped, response(answers=[])], CHANNEL)

    assert result.events.column("object_id").to_pylist() == ["recommend"]
    assert result.ignored == {"survey.skipped question": 1, "survey.empty response": 1}
    assert result.failed.num_rows == 0


def test_a_person_answering_a_question_again_states_the_same_fact_later() -> None:
    first = event(response(response_id="r-1", submitted_at="2026-03-02T10:00:00Z"))
    again = event(response(response_id="r-2", submitted_at="2026-03-02T10:00:01Z"))

    assert first["fact_id"] == again["fact_id"]
    assert first["event_id"] != again["event_id"]
    assert first["revision"] < again["revision"]


@pytest.mark.parametrize(
    "other",
    [
        response(survey_id="s-2"),
        response(respondent={"user_id": "18"}),
        response(respondent={"anonymous_id": "17"}),
        response(RECOMMEND | {"question_id": "other"}),
    ],
)
def test_another_survey_respondent_or_question_is_another_fact(other: bytes) -> None:
    assert event(other)["fact_id"] != event(response())["fact_id"]


def test_a_retraction_takes_back_the_same_fact_and_wins_within_the_instant() -> None:
    stated = event(response(revision=998))
    taken_back = event(response({"question_id": "recommend", "type": "nps"}, status="retracted"))

    assert (taken_back["op"], taken_back["action"]) == ("retract", "rate")
    assert taken_back["fact_id"] == stated["fact_id"]
    assert taken_back["event_id"] != stated["event_id"]
    assert taken_back["revision"] > stated["revision"]
    assert taken_back["rating_value"] is None


def test_an_answer_given_after_a_retraction_stands() -> None:
    taken_back = event(response(status="retracted", submitted_at="2026-03-02T10:00:00.000Z"))
    later = event(response(submitted_at="2026-03-02T10:00:00.002Z"))

    assert later["revision"] > taken_back["revision"]


def test_revisions_order_statements_of_one_instant_only() -> None:
    first = event(response(revision=1))
    second = event(response(revision=2))
    tomorrow = event(response(revision=1, submitted_at="2026-03-03T10:00:00Z"))

    assert first["revision"] < second["revision"] < tomorrow["revision"]
    assert first["event_id"] != second["event_id"]


def test_a_response_sent_twice_gives_the_same_events() -> None:
    assert [e["event_id"] for e in events(response())] == [
        e["event_id"] for e in events(response())
    ]


@pytest.mark.parametrize(
    ("respondent", "actor", "basis"),
    [
        ({"user_id": "17", "email": "marie@example.com"}, "user:17", "login"),
        ({"user_id": 17}, "user:17", "login"),
        ({"email": " Marie@Example.com"}, "email:marie@example.com", "channel_native"),
        ({"anonymous_id": "cookie-5"}, "anonymous:cookie-5", "exempt_cookie"),
        ({}, None, "none"),
        (None, None, "none"),
    ],
)
def test_who_answered(respondent: Any, actor: str | None, basis: str) -> None:
    found = event(response(respondent=respondent))

    assert (found["raw_actor"], found["actor_basis"]) == (actor, basis)
    written = {k: v for k, v in found.items() if k != "raw_actor"}
    assert "marie" not in str(written).lower()


def test_responses_of_two_surveys_with_the_same_number_are_two_events() -> None:
    spring, summer = (event(response(survey_id=name)) for name in ("s-spring", "s-summer"))

    assert spring["event_id"] != summer["event_id"]
    assert spring["source_event_id"] == "s-spring:r-1:recommend:completed:2026-03-02T10:00:00Z:0"


def test_answers_of_nobody_are_facts_of_their_response() -> None:
    one, changed, other = (
        event(response(respondent=..., response_id=response_id, submitted_at=time))
        for response_id, time in (
            ("r-1", "2026-03-02T10:00:00Z"),
            ("r-1", "2026-03-02T10:05:00Z"),
            ("r-2", "2026-03-02T10:00:00Z"),
        )
    )

    assert one["fact_id"] == changed["fact_id"]
    assert one["fact_id"] != other["fact_id"]


@pytest.mark.parametrize(
    ("consent", "basis", "reason"),
    [
        ({"analytics": True}, "granted", "survey.consent.analytics=true"),
        ({"analytics": False}, "denied", "survey.consent.analytics=false"),
        ({}, "unknown", None),
        (None, "unknown", None),
    ],
)
def test_consent_is_what_the_response_says(consent: Any, basis: str, reason: str | None) -> None:
    found = event(response(consent=consent))

    assert (found["consent_basis"], found["consent_reason"]) == (basis, reason)


@pytest.mark.parametrize(
    ("locale", "country"),
    [
        ("fr-FR", "FR"),
        ("fr_be", "BE"),
        ("zh-Hant-TW", "TW"),
        ("fr", None),
        ("es-419", None),
        ("en-u-ca-gregory", None),
        ("ar-EG-u-nu-latn", "EG"),
        ("en-x-us", None),
        (None, None),
    ],
)
def test_the_country_is_the_region_of_the_locale(locale: str | None, country: str | None) -> None:
    assert event(response(locale=locale))["country"] == country


@pytest.mark.parametrize(
    ("option", "ext"),
    [
        ("The interview", '{"choice": "The interview"}'),
        (3, '{"choice": "3"}'),
        ("write to marie@example.com", '{"choice": "redacted"}'),
        ("call 0612345678", '{"choice": "redacted"}'),
        ("Other: call 06 12 34 56 78", '{"choice": "redacted"}'),
        ("192.0.2.17", '{"choice": "redacted"}'),
        ("Other:\n06 12 34 56 78", '{"choice": "redacted"}'),
        ("06\u00a012\u00a034\u00a056\u00a078", '{"choice": "redacted"}'),
        ("06\u202f12\u202f34\u202f56\u202f78", '{"choice": "redacted"}'),
        ("(415) 555-2671", '{"choice": "redacted"}'),
        ("marie%40example.com", '{"choice": "redacted"}'),
        ("marie\uff20example", '{"choice": "redacted"}'),
        ("2001:db8:85a3::8a2e:370:7334", '{"choice": "redacted"}'),
        ("https://shop.example/?token=SECRET", '{"choice": "redacted"}'),
        ("the one with all the names " * 4, '{"choice": "redacted"}'),
        ("Neither\nof them", '{"choice": "Neither\\nof them"}'),
        ("from 1 000 000 to 2 euros", '{"choice": "from 1 000 000 to 2 euros"}'),
    ],
)
def test_a_choice_answers_a_poll_and_what_was_typed_into_it_is_redacted(
    option: Any, ext: str
) -> None:
    found = event(response({"question_id": "q", "type": "choice", "value": option}))

    assert (found["action"], found["ext"], found["text"]) == ("poll_answer", ext, None)


@given(st.text(alphabet="0612 .-/+@%:\n\u00a0abé", min_size=1, max_size=24))
def test_a_choice_in_which_a_text_would_be_redacted_is_redacted(words: str) -> None:
    (choice,) = events(response({"question_id": "q", "type": "choice", "value": words}))
    (kept,) = redact(pa.array([words], pa.large_string())).to_pylist()

    assert kept == words or choice["ext"] == '{"choice": "redacted"}'


def test_a_row_of_a_table_is_the_response_with_that_one_answer() -> None:
    document = event(response(content_id="evening-live"))

    assert event(table_row()) == document


def test_a_row_of_a_table_has_empty_text_for_no_value() -> None:
    found = event(table_row(user_id="", content_id="", status=""))

    assert (found["raw_actor"], found["actor_basis"], found["content_id"]) == (None, "none", None)
    assert failure(table_row(question_id="")) == ("missing_field", "$.answers")
    assert failure(table_row(value="eleven")) == ("invalid_number", "$.answers[].value")


@pytest.mark.parametrize(("text", "number"), [("2", 2), (" 2 ", 2), ("2.0", 2), ("", 0)])
def test_a_row_of_a_table_may_have_a_revision_as_text(text: str, number: int) -> None:
    assert event(table_row(revision=text)) == event(
        response(revision=number, content_id="evening-live")
    )
    assert event(table_row(revision=text)) == event(table_row(revision=float(number)))


def test_only_survey_responses_are_recognised() -> None:
    assert CHANNEL.recognise(response())
    assert CHANNEL.recognise(table_row())
    assert not CHANNEL.recognise(b'{"response_id": "r-1", "form_id": "f", "submitted_at": "now"}')


_ODD = st.none() | st.booleans() | st.integers(-5, 5) | st.floats() | st.text("ab1@", max_size=4)


@given(
    st.lists(
        st.fixed_dictionaries(
            {},
            optional={
                "question_id": _ODD,
                "type": st.sampled_from(["nps", "boredom", "choice", "text", "", "matrix"]),
                "value": _ODD,
                "min": _ODD,
                "max": _ODD,
            },
        ),
        max_size=3,
    ),
    st.sampled_from(["completed", "partial", "retracted"]),
)
def test_a_response_is_either_all_its_answers_or_one_failure(
    answers: list[dict[str, Any]], status: str
) -> None:
    result = decode_records([response(answers=answers, status=status)], CHANNEL)

    if result.failed.num_rows:
        assert result.events.num_rows + result.ignored.total() == 0
        assert "the channel's code raised" not in result.failed["detail"][0].as_py()
    else:
        assert result.events.num_rows + result.ignored.total() == max(1, len(answers))
