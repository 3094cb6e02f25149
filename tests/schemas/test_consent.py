"""Consent: which purposes are those of measuring, and what a statement of them means."""

from __future__ import annotations

import json

import pytest

from schemas.consent import Verdict, judge

NAMES = [
    "Analytics", "analytics_storage", "C0002 ", "Performance", "Analytics & Performance",
    "Mesure d'audience", "Mesure d\u2019audience", "Statistiques", "statistics", "Estadísticas",
    "Reichweitenmessung", "Webanalyse", "Besucherstatistiken", "Leistungs-Cookies",
    "Cookies analíticas", "Analitici", "Statistieken", "Analytisch",
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


@pytest.mark.parametrize("name", ["SiteAnalytics", "analyticsCookies", "analyticsStorage"])
def test_words_that_are_written_together_are_words(name):
    assert _judged(**{name: False, "Necessary": True}) == Verdict("denied", name.lower())


def _listed(**statement):
    return judge(json.dumps(statement).encode())


def test_purposes_that_iubenda_numbers_have_names():
    said = {"allowedConsentIds": ["1", "2", 3], "deniedConsentIds": ["4", 5]}

    assert _listed(provider="iubenda", **said) == Verdict("denied", "measurement")
    assert _listed(**said) == Verdict("unknown")


def test_a_list_that_is_null_and_a_purpose_without_an_answer_say_nothing():
    denied = _listed(allowedConsentIds=None, deniedConsentIds=["analytics"])

    assert denied == Verdict("denied", "analytics")
    assert _judged(Analytics=None, Marketing=True) == Verdict("unknown")


def test_answers_of_which_there_are_none_refuse_every_purpose():
    assert _judged() == Verdict("denied", "every purpose")
    assert _listed(categoryPreferences={}, allowedConsentIds=[]) == Verdict(
        "denied", "every purpose"
    )
    assert _listed(categoryPreferences={}, allowedConsentIds=["analytics"]) == Verdict(
        "granted", "analytics"
    )


@pytest.mark.parametrize("statement", [b"null", b"{}", b'{"categoryPreferences":null}'])
def test_nothing_stated_is_not_known(statement):
    assert judge(statement) == Verdict("unknown")
