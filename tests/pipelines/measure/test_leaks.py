"""Nothing exposed: no raw identifier in anything written."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.measure import Measured
from schemas.identity import event_ids, payload_ids
from tests.pipelines.leaks import leaks

_IDENTIFYING = {
    "segment": {"userId", "anonymousId", "ip"},
    "youtube_chat": {"authorChannelId", "channelId", "channelUrl", "displayName"},
    "social_listening": {"name"},
    "mailjet": {"email", "mj_contact_id", "ip"},
    "iterable": {"email", "userId", "ip", "toPhoneNumber", "browserToken"},
    "customerio": {"customer_id", "email_address", "recipient"},
    "survey": {"user_id", "anonymous_id", "email"},
    "cloudevents": {"user_id", "panelist_id", "visitor_id"},
}
"""Fields of each channel's JSON whose values identify somebody, or a message box of theirs."""


def _identifiers(records: dict[str, list[bytes]]) -> set[str]:
    """Every identifier in native records, found by field name and not by decoding."""
    found = {line.split(b" ", 1)[0].decode() for line in records["access_log"]}
    for channel, fields in _IDENTIFYING.items():
        for line in records[channel]:
            with suppress(ValueError):  # malformed on purpose
                found.update(_values(json.loads(line), fields))
    return found


def _values(document: Any, fields: set[str]) -> Iterator[str]:
    if isinstance(document, list):
        for value in document:
            yield from _values(value, fields)
    elif isinstance(document, dict):
        for name, value in document.items():
            if isinstance(value, (dict, list)):
                yield from _values(value, fields)
            elif name in fields and value is not None:
                yield str(value)


def test_no_identifier_of_the_simulation_is_written_anywhere(live):
    identifiers = _identifiers(live.simulation.records)

    assert leaks(live.dataset, identifiers) == {}
    assert len(identifiers) > 1_500


def test_the_scanner_sees_what_is_there_to_see(live, tmp_path):
    # One identifier of each sort; a table of the records as they came has them all.
    shown = {"m100000", "contact8@example.com", "198.18.0.5", "P10000", "@spectateur0", "v000001"}
    lines = [line.decode() for lines in live.simulation.records.values() for line in lines]
    (tmp_path / "events").mkdir()
    (tmp_path / "failed_events").mkdir()
    pq.write_table(pa.table({"payload": lines}), tmp_path / "failed_events" / "part.parquet")
    pq.write_table(
        pa.table({"text": lines, "n": [399000008] * len(lines)}),
        tmp_path / "events" / "part.parquet",
    )
    (tmp_path / "run.json").write_text('{"inputs": ["/home/M100000/live.ndjson"]}')

    assert {*shown, "399000008"} <= _identifiers(live.simulation.records)
    assert leaks(tmp_path, {*shown, "399000008"}) == {
        "run.json": {"m100000"},
        "events.text": {s.lower() for s in shown} | {"399000008"},
        "events.n": {"399000008"},
    }


_FIXTURE_IDENTIFIERS = {
    "access_log": {
        "203.0.113.7", "203.0.113.8", "2001:db8::17", "marie [", "jane%40example.com",
        "198.51.100.4",
    },
    "cloudevents": {"beacon-81f2", "beacon-90aa", "P-1042", "H-77", "u-7", "u-9"},
    "customerio": {
        "anna@example.com", "ben@example.com", "dora@example.com", "c-1042", "cio-77",
        "+33600000001", "+33 6 00 00 00 09", "33600000001", "#signups", "invented-device-token",
        "hooks.example.com",
    },
    "iterable": {
        "5e2b8d@placeholder.email", "cross@example.com", "gone@example.com", "scan@example.com",
        "c59001:t81001", "u-17", "+33700000000", "192.0.2.20", "192.0.2.99", "198.51.100.32",
        "invented-browser-token", "7c4a8d09-ca37-4e0a-9f1e-0c5a2f7b1d33",
    },
    "mailjet": {
        "emil@example.com", "fred@example.com", "old@example.com", "slow@example.com",
        "192.0.2.10", "192.0.2.11", "192.0.2.12", "198.51.100.31", "2001:db8::7",
    },
    "segment": {
        "3f6a1c2e-8d1b-4a55-9c57-0000000000aa", "u-100", "4242", "1772451600", "play-7",
        "amie@example.com",
    },
    "social_listening": {"MarieExample", "lucie_example", "omar_example", "paul_example"},
    "survey": {"marie@example.com", "cookie-5"},
    "youtube_chat": {
        "UCviewer", "UCmomentOwner", "Camille", "Spectateur", "Moment TV", "alert('nom')",
    },
}  # fmt: skip


@pytest.fixture(scope="session")
def fixtures_dataset(
    tmp_path_factory: pytest.TempPathFactory, measured: Callable[..., Measured]
) -> Path:
    output = tmp_path_factory.mktemp("fixtures") / "dataset"
    done = measured([Path(__file__).parents[2] / "fixtures"], output)
    assert done.balance["failed"] == 0
    return output


@pytest.mark.parametrize("channel", list(_FIXTURE_IDENTIFIERS))
def test_no_identifier_of_a_channels_fixture_is_written_anywhere(fixtures_dataset, channel):
    identifiers = _FIXTURE_IDENTIFIERS[channel]
    (fixture,) = (Path(__file__).parents[2] / "fixtures").glob(f"{channel}.*")
    native = fixture.read_text("latin-1").lower()

    assert {i for i in identifiers if i.lower() not in native} == set()
    assert leaks(fixtures_dataset, identifiers) == {}


LINE = (
    b'203.0.113.77 - - [02/Mar/2026:10:00:00 +0100] "GET /invite/jane.doe%2540example.com HTTP/1.1"'
    b' 200 18211 "-" "Mozilla/5.0"'
)
CALL = {
    "type": "page",
    "messageId": "open:jane.doe@example.com",
    "anonymousId": "c-1",
    "originalTimestamp": "2026-03-02T10:00:00Z",
    "context": {
        "page": {"path": "/invite/jane.doe@example.com/accept"},
        "campaign": {"name": "to jane.doe@example.com"},
    },
}
REACTION = {
    "specversion": "1.0",
    "id": "jane.doe@example.com/7",
    "source": "mailto:jane.doe@example.com",
    "type": "com.moment.reaction.given.v1",
    "time": "2026-03-02T10:00:00Z",
    "data": {"user_id": "u-7", "content_id": "for jane.doe@example.com", "reaction": "bored"},
}


@pytest.fixture(scope="session")
def unguarded(tmp_path_factory: pytest.TempPathFactory, measured: Callable[..., Measured]) -> Path:
    """Identifiers where sites and vendors have them without knowing: in paths, names and ids."""
    folder = tmp_path_factory.mktemp("unguarded")
    (folder / "access.log").write_bytes(LINE + b"\n")
    (folder / "calls.ndjson").write_text(json.dumps(CALL) + "\n")
    (folder / "reactions.ndjson").write_text(json.dumps(REACTION) + "\n")
    done = measured([folder], folder / "dataset")
    assert (done.balance["accepted"], done.balance["failed"]) == (3, 0)
    return folder / "dataset"


def test_an_address_in_a_path_a_campaign_or_an_id_is_written_nowhere(unguarded):
    assert leaks(unguarded, {"jane.doe", "203.0.113.77"}) == {}
    events = pq.read_table(unguarded / "events", partitioning=None)
    assert set(events["content_id"].to_pylist()) == {
        "/invite/redacted", "/invite/redacted/accept", "redacted",
    }  # fmt: skip


def test_no_id_of_an_event_can_be_made_by_who_guesses_the_record(unguarded):
    written = set(pq.read_table(unguarded / "events")["event_id"].to_pylist())
    guessed = payload_ids([LINE], [0]).to_pylist()
    guessed += event_ids("segment", [CALL["messageId"]]).to_pylist()
    guessed += event_ids("", [f"{REACTION['source']}\x1f{REACTION['id']}"]).to_pylist()

    assert len(written) == 3
    assert written.isdisjoint(guessed)
