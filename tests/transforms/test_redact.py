"""Redact: addresses, handles and numbers in what people wrote; addresses and numbers in labels."""

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.laws import examples
from transforms.redact import redact, redact_labels

REDACTIONS = [
    ("write to ana@example.com today", "write to [address] today"),
    ("ANA.B+news@mail.example.co.uk", "[address]"),
    ("merci @ana_b!", "merci @[handle]!"),
    ("@ana @ben", "@[handle] @[handle]"),
    ("(@ana)", "(@[handle])"),
    ("@ana@mastodon.example", "@[address]"),
    ("0612345678", "[number]"),
    ("06 12 34 56 78", "[number]"),
    ("06.12.34.56.78, merci", "[number], merci"),
    ("06-12-34-56-78", "[number]"),
    ("+33612345678", "[number]"),
    ("+33 6 12 34 56 78", "[number]"),
    ("0033 6 12 34 56 78", "[number]"),
    ("+44 20 7946 0958", "[number]"),
    ("00 33 6 12 34 56 78", "[number]"),
    ("from 192.168.1.10 tonight", "from [number] tonight"),
    ("from 2001:db8:85a3::8a2e:370:7334", "from [number]"),
    ("2001:db8:0:0:0:0:0:1 too", "[number] too"),
    ("79 12 or 079 123 45 67", "79 12 or [number]"),
    ("0151 23456789", "[number]"),
    ("07700 900123", "[number]"),
    ("call 415-555-2671 or (415) 555-2671", "call [number] or [number]"),
    ("33612345678", "[number]"),
    ("4111 1111 1111 1111", "[number]"),
    ("FR76 3000 6000 0112 3456 7890 189", "[number]"),
    ("mon IBAN FR7630006000011234567890189", "mon IBAN [number]"),
    ("fr7630006000011234567890189, merci", "[number], merci"),
    ("GB82 WEST 1234 5698 7654 32", "[number]"),
    ("NL91ABNA0417164300", "[number]"),
    ("Amex 3782 822463 10005", "Amex [number]"),
    ("3782-822463-10005", "[number]"),
    ("+ 33 6 12 34 56 78", "[number]"),
    ("tel0612345678 or Phone06 12 34 56 78", "[number] or [number]"),
    ("@ana.lima-75 bravo", "@[handle] bravo"),
    ("ana%40example.com", "[address]"),
    ("ana\uff20example.com", "[address]"),
    (
        "see https://shop.example/leave?email=ana%40example.com now",
        "see https://shop.example/leave now",
    ),
    ("https://shop.example/a#access_token=abc", "https://shop.example/a"),
    ("Https://shop.example/reset?token=SECRET", "Https://shop.example/reset"),
    ("HTTPS://shop.example/reset?token=SECRET", "HTTPS://shop.example/reset"),
]
MISSED = [
    ("06/12/34/56/78", "[number]"),
    ("06\u00a012\u00a034\u00a056\u00a078", "[number]"),
    ("06\u202f12\u202f34\u202f56\u202f78", "[number]"),
    ("06\u201112\u201134\u201156\u201178", "[number]"),
    ("06\u201312\u201334\u201356\u201378", "[number]"),
    ("TÉL0612345678", "[number]"),
    ("+33 (0)6 12 34 56 78", "[number]"),
    ("josé@example.fr", "[address]"),
    ("@élodie bravo", "@[handle] bravo"),
    ("https://social.example/@ana", "https://social.example/@[handle]"),
]
KEPT = [
    "100 000 000 000 euros",
    "rendez-vous à 20:00 12/03/2026",
    "j'adore, 10/10 !",
    "le 01/02/2026 à 20 h 30",
    "1 234 567 890 euros",
    "2025 2026 2027",
    "20:15:30 and 8:05",
    "std::sort, a ratio of 3:1",
    "https://shop.example/live, really?",
    "rendez-vous @ 20 h",
    "M6 et TF1, 25 % de part d'audience",
    "https://video.example/watch/dQw4w9WgXcQ or FR76AbCdEfG",
    "1 + 2 = 3, + 10 000 000 de vues",
    "entre 2010\u20132015, de 10 h\u201312 h, le 3\u20134/05/2026",
    "commande CMD0612345678, vol AF1234, EN17 ON24 PLUS TARD",
    "a hotel0 and 1080p, tele2026",
    "B2B SaaS, H264, ISO 8601",
    "",
]


def _redacted(text):
    return redact(pa.array([text, None], pa.large_string())).to_pylist()


@pytest.mark.parametrize(("text", "expected"), REDACTIONS)
def test_addresses_handles_telephone_and_ip_numbers_are_redacted(text, expected):
    assert _redacted(text) == [expected, None]


@pytest.mark.parametrize(("text", "expected"), MISSED)
def test_what_the_french_write_is_redacted_too(text, expected):
    assert _redacted(text) == [expected, None]


@pytest.mark.parametrize("text", KEPT)
def test_other_words_and_numbers_are_kept(text):
    assert _redacted(text) == [text, None]


@examples(50)
@given(st.text(max_size=60))
def test_redacting_twice_changes_nothing_more(text):
    once = _redacted(text)[0]

    assert _redacted(once)[0] == once


LABELS = [
    ("/invite/jane.doe@example.com", "/invite/redacted"),
    ("/invite/jane%40example.com/accept", "/invite/redacted/accept"),
    ("/invite/jane%2540example.co.uk", "/invite/redacted"),
    ("/invite/jane%40example%2Ecom", "/invite/redacted"),
    ("jane@example.com, spring letter", "redacted"),
    ("/call/+33612345678", "/call/redacted"),
    ("/call/%2B33 6 12 34 56 78/now", "/call/redacted/now"),
    ("/from/203.0.113.77", "/from/redacted"),
    ("/from/2001:db8:85a3:8d3:1319:8a2e:370:7344/now", "/from/redacted/now"),
    ("/from/2001:db8::1", "/from/redacted"),
    ("/from/2001%3Adb8%3a%3A1", "/from/redacted"),
    ("viewer FD12:3456::9", "redacted"),
    ("sms:+33612345678-7", "redacted"),
]
NAMES = [
    "/live", "live-0", "/video/@maison.lumiere", "a+b", "spring+letter+2026", "50 % off",
    "/download/10.0.19041.1", "/release/v1.2.3", "0747532699", "/product/0612345678",
    "urn:isbn:2070360024", "face::cafe", "20:15:30", "2026:03:14", "ab:cd:ef:01", "std::sort",
    "/c%C3%A9line", "evening.live", "", "2026.03.14", "\u2764\ufe0f", "t+20260314",
]  # fmt: skip


@pytest.mark.parametrize(("label", "expected"), LABELS)
def test_the_part_of_a_label_that_holds_an_identifier_is_redacted(label, expected):
    assert redact_labels(pa.array([label, None, "/live"])).to_pylist() == [expected, None, "/live"]


@pytest.mark.parametrize("label", NAMES)
def test_other_labels_stay_as_they_are(label):
    labels = pa.array([label, None])

    assert redact_labels(labels) is labels


def test_only_the_rows_of_a_slice_are_looked_at():
    labels = pa.array(["/to/jane@example.com", "/live", "/to/ben@example.com"])

    assert redact_labels(labels[1:2]).to_pylist() == ["/live"]
    assert redact_labels(labels[1:]).to_pylist() == ["/live", "/to/redacted"]
    assert redact_labels(labels[:0]).to_pylist() == []


@examples(50)
@given(st.lists(st.one_of(st.none(), st.text(alphabet="/@.+%240abé", max_size=24))))
def test_redacting_labels_twice_changes_nothing_more(labels):
    once = redact_labels(pa.array(labels, pa.string()))

    assert redact_labels(once).equals(once)
