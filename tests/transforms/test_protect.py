"""Protect: consent is obeyed, identifiers become keyed pseudonyms, what people wrote is redacted."""

import pytest

from schemas.event import RAW_COLUMNS
from tests.transforms.events import NOON, event, native
from transforms.protect import LABELS, PROTECTED_EVENT, PseudonymKeys, protect

KEYS = PseudonymKeys(b"actor key, sixteen", b"routing key, sixteen", "2026-03")
ROTATED = PseudonymKeys(b"actor key, rotated", b"routing key, sixteen", "2026-04")
REROUTED = PseudonymKeys(b"actor key, sixteen", b"routing key, another", "2026-03")


def _column(name, *rows, keys=KEYS):
    return protect(native(*rows), keys).events.column(name).to_pylist()


def test_one_person_has_one_pseudonym_and_another_person_another():
    ana, again, ben = _column(
        "actor_id", event(), event(action="like"), event(raw_actor="email:ben@example.com")
    )

    assert ana == again != ben
    assert len(ana) == 16
    assert _column("actor_id", event()) == [ana]


def test_another_key_gives_other_pseudonyms_of_people_and_sessions():
    row = event(raw_session="s1")
    for name in ("actor_id", "session_id"):
        assert _column(name, row) != _column(name, row, keys=ROTATED)
    assert _column("actor_key_id", row, keys=ROTATED) == ["2026-04"]


def test_an_actor_and_a_session_of_the_same_text_cannot_be_linked():
    protected = protect(native(event(raw_actor="same", raw_session="same")), KEYS).events

    assert protected.column("actor_id")[0] != protected.column("session_id")[0]


def test_the_route_outlives_a_rotation_of_the_actor_key_but_not_of_its_own():
    rows = [event(), event(raw_actor="email:ben@example.com"), event(raw_actor=None)]

    assert _column("route", *rows) == _column("route", *rows, keys=ROTATED)
    assert _column("route", *rows)[:2] != _column("route", *rows, keys=REROUTED)[:2]


def test_without_an_actor_there_is_no_pseudonym_no_basis_and_the_event_is_the_route():
    unknown = [event(raw_actor=None, event_id=bytes([n] * 16)) for n in (1, 2)]
    protected = protect(native(event(), *unknown), KEYS).events

    assert protected.column("actor_id").null_count == 2
    assert protected.column("actor_key_id").to_pylist() == ["2026-03", None, None]
    assert protected.column("actor_basis").to_pylist() == ["login", "none", "none"]
    assert len(set(protected.column("route").to_pylist())) == 3


def test_an_empty_identifier_identifies_nobody():
    assert _column("actor_id", event(raw_actor="")) == [None]


def test_denied_consent_withholds_the_event_and_leaves_only_what_can_be_counted():
    rows = [event(consent_basis=b) for b in ("granted", "denied", "exempt", "unknown", "denied")]
    found = protect(native(*rows), KEYS)

    assert found.events.column("consent_basis").to_pylist() == ["granted", "exempt", "unknown"]
    assert found.withheld.to_pylist() == [{"ingested_time": NOON, "channel": "app"}] * 2


def test_a_batch_all_denied_or_empty_protects_to_nothing():
    assert protect(native(event(consent_basis="denied")), KEYS).events.num_rows == 0
    assert protect(native(), KEYS).events.num_rows == 0


def test_raw_columns_are_gone_and_no_raw_value_is_left_anywhere():
    secret = "0612345678"
    row = event(
        raw_actor=f"phone:{secret}",
        raw_session=f"s{secret}",
        raw_user_agent=f"agent {secret}",
        raw_ip="192.0.2.7",
        fact_key=f"like:{secret}",
        id_key=f"open:{secret}",
        text=f"call me: {secret}",
    )
    protected = protect(native(row), KEYS).events

    assert protected.schema.equals(PROTECTED_EVENT.with_metadata(native().schema.metadata))
    assert {c.name for c in RAW_COLUMNS} & set(protected.schema.names) == set()
    assert secret not in str(protected.to_pylist())
    assert "192.0.2.7" not in str(protected.to_pylist())


def test_ids_made_of_identifiers_are_hashed_under_a_key_so_that_nobody_can_try_addresses():
    plain = event(event_id=b"a" * 16, source_event_id="m-1", fact_id=b"f" * 16)
    personal = event(event_id=b"a" * 16, fact_id=b"f" * 16, id_key="open:ana@example.com")
    first, second = protect(native(plain, personal), KEYS).events.to_pylist()

    assert first["event_id"] == b"a" * 16 != second["event_id"]
    assert first["fact_id"] == second["fact_id"] != b"f" * 16
    assert second["event_id"] == _column("event_id", personal, keys=ROTATED)[0]
    assert second["event_id"] != _column("event_id", personal, keys=REROUTED)[0]


def test_ids_made_of_a_records_bytes_are_hashed_under_a_key_too():
    """A line of a log is an address and a second: whoever knows the rest soon has tried all."""
    of_bytes = event(event_id=b"a" * 16, source_event_id=None)
    empty = event(event_id=b"a" * 16, source_event_id="")
    native_id = event(event_id=b"a" * 16, source_event_id="m-1")
    first, second, third = _column("event_id", of_bytes, empty, native_id)

    assert first == second != third == b"a" * 16
    assert first == _column("event_id", of_bytes, keys=ROTATED)[0]
    assert first != _column("event_id", of_bytes, keys=REROUTED)[0]


def test_a_native_id_that_holds_an_identifier_is_not_written_and_hashed_under_a_key():
    row = event(event_id=b"a" * 16, source_event_id="open:ana@example.com")

    assert _column("source_event_id", row, event(source_event_id="m-1")) == [None, "m-1"]
    assert _column("event_id", row) != [b"a" * 16]
    assert _column("event_id", row) == _column("event_id", row, keys=ROTATED)


def test_an_id_made_of_a_source_that_is_somebody_is_hashed_under_a_key():
    row = event(event_id=b"a" * 16, source="tel:+33612345678", source_event_id="1")

    assert _column("source", row) == ["redacted"]
    assert _column("event_id", row) != [b"a" * 16]
    assert _column("event_id", row) == _column("event_id", row, keys=ROTATED)


@pytest.mark.parametrize("label", [name for name in LABELS if name != "source_event_id"])
def test_every_label_is_redacted_on_the_way_through(label):
    assert _column(label, event(**{label: "/to/ana@example.com"})) == ["/to/redacted"]


@pytest.mark.parametrize(
    ("basis", "consent", "expected"),
    [
        ("exempt_cookie", "granted", "consented_cookie"),
        ("exempt_cookie", "unknown", "exempt_cookie"),
        ("login", "granted", "login"),
    ],
)
def test_a_cookie_that_was_consented_to_is_told_from_one_that_needs_no_consent(
    basis, consent, expected
):
    assert _column("actor_basis", event(actor_basis=basis, consent_basis=consent)) == [expected]


def test_text_is_redacted_on_the_way_through():
    assert _column("text", event(text="écris à ana@example.com")) == ["écris à [address]"]


@pytest.mark.parametrize("size", [0, 15, 65])
def test_a_key_of_the_wrong_size_is_refused_without_showing_it(size):
    with pytest.raises(ValueError, match="16 to 64 bytes") as refused:
        PseudonymKeys(b"s" * size, b"r" * 16, "k")

    assert "ss" not in str(refused.value)


def test_keys_are_never_printed():
    assert repr(KEYS) == "PseudonymKeys(key_id='2026-03')"
    assert "sixteen" not in f"{KEYS} {KEYS!r}"
