"""What becomes of a line of a web server's access log."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.channels.access_log import CHANNEL
from tests.checks import check_every_kind_is_shown, check_golden_channel, decode_records


def line(
    request: str = "GET /news HTTP/1.1",
    status: str = "200",
    host: str = "203.0.113.7",
    user: str = "-",
    time: str = "02/Mar/2026:10:00:00 +0000",
    referrer: str = "-",
    agent: str = "ExampleBrowser/1.0",
) -> bytes:
    return f'{host} - {user} [{time}] "{request}" {status} 512 "{referrer}" "{agent}"'.encode()


def event(record: bytes) -> dict[str, Any]:
    result = decode_records([record], CHANNEL)
    assert result.failed.to_pylist() == []
    (row,) = result.events.to_pylist()
    return row


def kind(record: bytes) -> str:
    """The kind of a record that is neither refused nor, perhaps, kept."""
    result = decode_records([record], CHANNEL)
    assert result.failed.to_pylist() == []
    (name,) = [*result.events.column("event_type").to_pylist(), *result.ignored]
    return name.removeprefix("access_log.")


def failure(record: bytes) -> tuple[str, str]:
    result = decode_records([record], CHANNEL)
    assert result.events.num_rows == 0
    (row,) = result.failed.to_pylist()
    return row["reason"], row["path"]


def test_the_fixture_decodes_to_the_golden_file() -> None:
    check_golden_channel(CHANNEL)


def test_every_kind_is_shown() -> None:
    check_every_kind_is_shown(CHANNEL)


@pytest.mark.parametrize(
    ("request_line", "status", "expected"),
    [
        ("GET / HTTP/1.1", "200", "page"),
        ("GET /a.html HTTP/1.1", "304", "page"),
        ("GET /report.pdf HTTP/1.1", "200", "page"),
        ("GET /release-1.2 HTTP/1.1", "200", "page"),
        ("GET /old-protocol", "200", "page"),
        ("GET http://www.example.com HTTP/1.1", "200", "page"),
        ("GET /logo.PNG?v=3 HTTP/1.1", "200", "asset"),
        ("GET /logo.png HTTP/1.1", "404", "client error"),
        ("GET /setup.tar.gz HTTP/1.1", "200", "download"),
        ("GET /feed/ HTTP/1.1", "200", "feed"),
        ("GET /news.rss HTTP/1.1", "304", "feed"),
        ("GET /?page=2&feed=rss2 HTTP/1.1", "200", "feed"),
        ("GET /.well-known/change-password HTTP/1.1", "200", "machine file"),
        ("GET /news HTTP/1.1", "302", "redirect"),
        ("GET /news HTTP/1.1", "499", "client error"),
        ("POST /news HTTP/1.1", "200", "post"),
        ("POST /news HTTP/1.1", "302", "post"),
        ("POST /news HTTP/1.1", "422", "client error"),
        ("HEAD /news HTTP/1.1", "304", "head"),
        ("DELETE /news HTTP/1.1", "500", "server error"),
        ("PROPFIND /files HTTP/1.1", "207", "webdav"),
        ("PROPFIND /files HTTP/1.1", "401", "client error"),
        ("LOCK /files/plan.odt HTTP/1.1", "200", "webdav"),
        ("VERSION-CONTROL /files HTTP/1.1", "200", "webdav"),
        ("PURGE /news HTTP/1.1", "200", "purge"),
        ("QUERY /search HTTP/1.1", "200", "query"),
        ("-", "408", "client error"),
        ("", "400", "client error"),
        ("GET /news HTTP/1.1", "-", "unanswered"),
    ],
)
def test_method_status_and_resource_make_the_kind(
    request_line: str, status: str, expected: str
) -> None:
    assert kind(line(request_line, status)) == expected


@pytest.mark.parametrize(
    ("request_line", "status"),
    [("PAGE / HTTP/1.1", "200"), ("get / HTTP/1.1", "200"), ("GET / HTTP/1.1", "700")],
)
def test_a_method_that_is_not_registered_or_a_status_of_no_class_is_an_unknown_kind(
    request_line: str, status: str
) -> None:
    assert failure(line(request_line, status)) == ("unknown_kind", "request")


def test_zone_offsets_are_put_right() -> None:
    times = (
        "02/Mar/2026:00:30:00 +0200",
        "01/Mar/2026:17:30:00 -0500",
        "02/Mar/2026:04:00:00 +0530",
    )
    found = decode_records([line(time=time) for time in times], CHANNEL).events

    assert [t.isoformat() for t in found.column("event_time").to_pylist()] == [
        "2026-03-01T22:30:00+00:00",
        "2026-03-01T22:30:00+00:00",
        "2026-03-01T22:30:00+00:00",
    ]
    assert set(found.column("time_basis").to_pylist()) == {"true"}


def test_a_leap_second_is_the_second_before_it() -> None:
    for time in ("31/Dec/2016:23:59:60 +0000", "01/Jan/2017:00:59:60 +0100"):
        assert event(line(time=time))["event_time"].isoformat() == "2016-12-31T23:59:59+00:00"


@pytest.mark.parametrize(
    "time",
    ["31/Feb/2026:10:00:00 +0000", "02/Mär/2026:10:00:00 +0000", "2026-03-02T10:00:00+00:00"],
)
def test_a_time_that_is_none_is_refused_alone(time: str) -> None:
    result = decode_records([line(time=time), line()], CHANNEL)

    assert [(f["reason"], f["path"]) for f in result.failed.to_pylist()] == [
        ("invalid_time", "time")
    ]
    assert result.events.num_rows == 1


@pytest.mark.parametrize(
    "record",
    [b"not a log line", b'203.0.113.7 - - [02/Mar/2026:10:00:00 +0000] "GET / HT', b'{"a": 1}'],
)
def test_a_line_without_its_first_seven_fields_is_refused(record: bytes) -> None:
    assert failure(record) == ("invalid_syntax", "$")


def test_bytes_that_are_no_text_at_all_are_refused_as_such() -> None:
    assert failure(b"\xff\xfe\x00\x01") == ("invalid_utf8", "$")


def test_a_user_agent_in_another_encoding_does_not_lose_the_view() -> None:
    row = event(line(agent="caf\x00").replace(b"\x00", b"\xe9"))

    assert row["raw_user_agent"] == "caf�"


def test_escapes_of_apache_and_nginx_are_undone() -> None:
    assert event(line(agent=r"a \"b\" \\c"))["raw_user_agent"] == r'a "b" \c'
    assert event(line(agent=r"\x22\xC3\xA9\x22"))["raw_user_agent"] == '"é"'


def test_the_actor_is_address_and_user_agent() -> None:
    row = event(line(host="2001:db8::17"))

    assert row["raw_actor"] == "client:2001:db8::17|ExampleBrowser/1.0"
    assert row["actor_basis"] == "session"
    assert row["raw_ip"] == "2001:db8::17"


@pytest.mark.parametrize(
    ("forwarded", "client"),
    [
        ("198.51.100.4, 10.0.0.1", "198.51.100.4"),
        ("198.51.100.5, 10.0.0.1, 10.0.0.2", "198.51.100.5"),
        ("2001:db8::17,10.0.0.1", "2001:db8::17"),
        ("unknown, 198.51.100.6", "198.51.100.6"),
        ("www.example.com:443 198.51.100.7, 10.0.0.1", "198.51.100.7"),
        ("198.51.100.8:50001, 10.0.0.1", "198.51.100.8"),
        ("[2001:db8::17]:50001, 10.0.0.1", "2001:db8::17"),
        ("[2001:db8::17], 10.0.0.1:443", "2001:db8::17"),
        ("unknown, 198.51.100.9:50001", "198.51.100.9"),
        ("198.51.100.10:50001", "198.51.100.10"),
        ("[2001:db8::18]:50001", "2001:db8::18"),
        ("2001:db8::19:5000", "2001:db8::19:5000"),
    ],
)
def test_of_a_list_of_forwarded_addresses_the_client_is_the_first_known(
    forwarded: str, client: str
) -> None:
    row = event(line(host=forwarded))

    assert row["raw_actor"] == f"client:{client}|ExampleBrowser/1.0"
    assert (row["actor_basis"], row["raw_ip"]) == ("session", client)


def test_connections_of_one_client_are_one_actor() -> None:
    records = [line(host=f"203.0.113.7:{port}, 10.0.0.1") for port in (50001, 50002, 50003)]
    found = decode_records(records, CHANNEL).events

    assert set(found.column("raw_actor").to_pylist()) == {"client:203.0.113.7|ExampleBrowser/1.0"}


@pytest.mark.parametrize(
    "record",
    [
        line(host="shop.example:443 203.0.113.7"),
        line(host="blog.example:443 203.0.113.7"),
        line("GET https://blog.example/news HTTP/1.1"),
    ],
)
def test_a_page_is_its_path_whatever_host_the_line_names(record: bytes) -> None:
    row = event(record)

    assert (row["content_id"], row["raw_ip"]) == ("/news", "203.0.113.7")


def test_a_list_that_names_no_client_is_no_actor() -> None:
    row = event(line(host="unknown, unknown"))

    assert (row["raw_actor"], row["actor_basis"], row["raw_ip"]) == (None, "none", None)


def test_a_user_may_be_logged_in_behind_a_list_of_addresses() -> None:
    row = event(line(host="198.51.100.4, 10.0.0.1", user="marie"))

    assert (row["raw_actor"], row["actor_basis"]) == ("user:marie", "login")


@pytest.mark.parametrize("user", ["-", "- -", "--", '""', ""])
def test_dashes_are_nobody_logged_in(user: str) -> None:
    row = event(line(user=user))

    assert row["raw_actor"] == "client:203.0.113.7|ExampleBrowser/1.0"
    assert row["actor_basis"] == "session"


def test_a_remote_user_is_the_actor_and_stays_nowhere_else() -> None:
    row = event(line(user="marie dupont"))

    assert row["raw_actor"] == "user:marie dupont"
    assert row["actor_basis"] == "login"
    assert [name for name, value in row.items() if "marie" in str(value)] == ["raw_actor"]


def test_a_name_of_a_host_is_no_address_to_screen() -> None:
    row = event(line(host="client-7.provider.example"))

    assert row["raw_ip"] is None
    assert row["raw_actor"] == "client:client-7.provider.example|ExampleBrowser/1.0"


def test_no_host_is_no_actor() -> None:
    row = event(line(host="-"))

    assert (row["raw_actor"], row["actor_basis"]) == (None, "none")


def test_query_strings_and_referrers_leave_nothing_personal() -> None:
    row = event(
        line(
            "GET /search;jsessionid=8F2A?q=jane@example.com HTTP/1.1",
            referrer="https://jane:secret@mail.example.com:8443/inbox?from=jane@example.com",
        )
    )

    assert row["content_id"] == row["object_id"] == "/search"
    assert row["ext"] == '{"referrer":"mail.example.com"}'
    assert [name for name, value in row.items() if "jane" in str(value)] == []


def test_an_address_in_a_path_is_redacted() -> None:
    for address in ("jane@example.com", "jane%40example.com", "jane%2540example.com"):
        row = event(line(f"GET /people/{address}/photo HTTP/1.1"))
        assert row["content_id"] == row["object_id"] == "/people/redacted/photo"


@pytest.mark.parametrize(
    ("query", "campaign", "media_type", "sponsored"),
    [
        ("utm_medium=cpc&utm_campaign=Spring%20live", "Spring live", "paid", True),
        ("utm_medium=Paid_Social&amp;utm_campaign=spring", "spring", "paid", True),
        ("utm_medium=email&utm_campaign=news+of+march", "news of march", "owned", None),
        ("utm_campaign=jane@example.com", "redacted", "owned", None),
        ("page=2", None, "owned", None),
    ],
)
def test_utm_parameters_tell_the_campaign_and_whether_it_was_paid(
    query: str, campaign: str | None, media_type: str, sponsored: bool | None
) -> None:
    row = event(line(f"GET /news?{query} HTTP/1.1"))

    assert row["campaign_id"] == campaign
    assert row["media_type"] == media_type
    assert row["is_sponsored"] == sponsored
    assert row["content_id"] == "/news"


def test_the_same_line_read_twice_is_the_same_event() -> None:
    ids = decode_records([line(), line(), line(agent="Other/1.0")], CHANNEL).events["event_id"]

    assert ids[0] == ids[1]
    assert ids[0] != ids[2]


def test_only_lines_of_this_format_are_recognised() -> None:
    assert CHANNEL.recognise(line())
    assert CHANNEL.recognise(b'h - - [02/Mar/2026:10:00:00 +0000] "GET / HTTP/1.0" 200 -')
    assert not CHANNEL.recognise(
        b'{"text": "a - - [02/Mar/2026:10:00:00 +0000] \\"GET /\\" 200 1"}'
    )
    assert not CHANNEL.recognise(b"\xff\x00")


@given(st.binary(max_size=80), st.sampled_from([b"", line()]), st.integers(0, 120))
def test_any_damage_makes_one_event_or_one_failure(noise: bytes, base: bytes, at: int) -> None:
    record = base[:at] + noise + base[at:]
    result = decode_records([record], CHANNEL)

    assert result.events.num_rows + result.ignored.total() + result.failed.num_rows == 1
    assert "the channel's code raised" not in str(result.failed.to_pylist())


@given(st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=40))
def test_a_quoted_field_comes_back_as_it_was_sent(agent: str) -> None:
    escaped = agent.replace("\\", "\\\\").replace('"', '\\"')

    assert event(line(agent=escaped))["raw_user_agent"] == (None if agent in ("", "-") else agent)
