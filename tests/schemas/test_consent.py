"""Consent: which purposes are those of measuring, and what a statement of them means."""

from __future__ import annotations

import json

import pytest

from schemas.consent import Verdict, judge

NAMES = [
    "Analytics", "analytics_storage", "C0002 ", "Performance", "Analytics & Performance",
    "Mesure d'audience", "Mesure d\u2019audience", "Statistiques", "statistics", "Estadísticas",
]  # fmt: skip


def _judged(**purposes):
    return judge(json.dumps({"categoryPreferences": purposes}).encode())


@pytest.mark.parametrize("name", NAMES)
def test_a_purpose_is_that_of_measuring_by_a_word_of_its_name(name):
    said = name.strip().lower()

    assert _judged(**{name: False, "Marketing": True}) == Verdict("denied", said)
    assert _judged(**{name: True, "Marketing": False}) == Verdict("granted", said)


def test_of_two_answers_about_measuring_a_refusal_holds():
    assert _judged(Analytics=True, Performance=False) == Verdict("denied", "performance")


def test_where_all_is_refused_and_no_name_is_known_measuring_is_refused():
    assert _judged(Essaim=False, Ruche=False) == Verdict("denied", "every purpose")
    assert _judged(Essaim=False, Ruche=True) == Verdict("unknown")


def test_to_refuse_advertising_says_nothing_of_measuring_which_may_be_exempt():
    assert _judged(Advertising=False) == Verdict("unknown")
    assert _judged(Publicité=False, C0004=False) == Verdict("unknown")


def test_nothing_stated_is_not_known():
    assert _judged() == Verdict("unknown")
    assert judge(b"null") == Verdict("unknown")
