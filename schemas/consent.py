"""Consent: what statements of purposes allowed and refused mean for measurement."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schemas.channel import Sheet
from schemas.columns import Few
from schemas.failure import Reason

MEASUREMENT_WORDS = frozenset(
    {
        "analytics", "analytic", "analytique", "analytiques", "analyse", "analysis", "performance",
        "performances", "measurement", "measure", "measuring", "mesure", "mesures", "statistics",
        "statistic", "statistique", "statistiques", "statistik", "statistiken", "estadisticas",
        "statistiche", "messung", "misurazione", "medicion", "c0002",
        "analitica", "analiticas", "analitico", "analiticos", "analitici", "analitiche",
        "analytisch", "analytische", "statistiek", "statistieken", "leistung", "leistungs",
        "prestazioni", "rendimiento", "prestaties",
    }
)  # fmt: skip
"""Words, without accents, by which consent platforms name the measuring of an audience: a purpose
with one of them is that of measuring. C0002 is OneTrust's category."""

MEASUREMENT_ENDINGS = ("messung", "analyse", "statistik", "statistiken")
"""Ends of German words of the same meaning: `Reichweitenmessung`, `Webanalyse`."""

OTHER_WORDS = frozenset(
    {
        "necessary", "necessaire", "necessaires", "essential", "essentiel", "essentiels",
        "required", "functional", "fonctionnel", "fonctionnels", "functionality", "preferences",
        "personalization", "personalisation", "personnalisation", "advertising", "advertisement",
        "ads", "ad", "publicite", "targeting", "ciblage", "marketing", "social", "media",
        "security", "email", "sms", "push", "c0001", "c0003", "c0004", "c0005",
    }
)  # fmt: skip
"""Words of purposes that are others than measuring, which needs no consent where it is exempt."""

IUBENDA = {
    "1": "necessary",
    "2": "functionality",
    "3": "experience",
    "4": "measurement",
    "5": "marketing",
}
"""Purposes that iubenda numbers, which RudderStack hands on as they are."""

NOT_STATED = msgspec.Raw()
"""Default of a field that may hold a statement."""


class Statement(msgspec.Struct, rename="camel"):
    """Purposes answered one by one (Segment), or listed as allowed and denied (RudderStack)."""

    provider: str | None = None
    category_preferences: dict[str, bool | None] | None = None
    allowed_consent_ids: list[str | int] | None = None
    denied_consent_ids: list[str | int] | None = None

    def answered(self) -> tuple[list[str], list[str]]:
        """The names of the purposes denied, and of those allowed."""
        answers = (self.category_preferences or {}).items()
        denied = [name for name, answer in answers if answer is False]
        allowed = [name for name, answer in answers if answer]
        named = IUBENDA if (self.provider or "").casefold() == "iubenda" else {}
        for names, ids in ((denied, self.denied_consent_ids), (allowed, self.allowed_consent_ids)):
            names += [named.get(str(id), str(id)) for id in ids or ()]
        return denied, allowed


class Verdict(NamedTuple):
    """`consent_basis`, the purpose that decided it, and what is wrong with the statement if any."""

    basis: str | None
    purpose: str | None = None
    error: str | None = None


@lru_cache(maxsize=4096)
def judge(statement: bytes) -> Verdict:
    """Verdict of a JSON Statement: any refusal of a measurement purpose refuses.

    So does the refusal of every purpose, where none has a name that is known: a site may call
    measuring anything. And so do answers of which there are none, `"categoryPreferences": {}`, by
    which Segment says that every category is refused; a statement without answers says nothing.
    """
    try:
        stated = _STATEMENT.decode(statement) or Statement()
    except msgspec.ValidationError as error:
        return Verdict("unknown", error=str(error).partition(" - at ")[0])
    denied, allowed = stated.answered()
    if stated.category_preferences == {} and not denied and not allowed:
        return Verdict("denied", "every purpose")
    for basis, names in (("denied", denied), ("granted", allowed)):
        purposes = [name.strip().lower() for name in names if _measures(name)]
        if purposes:
            return Verdict(basis, min(purposes))
    if denied and not allowed and not any(_words(name) & OTHER_WORDS for name in denied):
        return Verdict("denied", "every purpose")
    return Verdict("unknown")


def _measures(name: str) -> bool:
    words = _words(name)
    return bool(words & MEASUREMENT_WORDS) or any(w.endswith(MEASUREMENT_ENDINGS) for w in words)


def _words(name: str) -> set[str]:
    """The words of a purpose's name: `Mesure d'audience`, `analytics_storage`, `siteAnalytics`."""
    plain = unicodedata.normalize("NFKD", _HUMP.sub(" ", name).casefold())
    return set(_WORD.findall("".join(c for c in plain if not unicodedata.combining(c))))


_WORD = re.compile(r"[a-z0-9]+")
_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])")


_STATEMENT = msgspec.json.Decoder(Statement | None, strict=False)
_SILENT = Verdict(None)
_ANSWERS = {"denied": "false", "granted": "true"}


def put_consent(
    sheet: Sheet, source: str, statements: Sequence[tuple[str, Sequence[msgspec.Raw]]]
) -> None:
    """Fill the consent columns from JSON Statements: (path, a statement or NOT_STATED a row).

    Each distinct text is judged once: a site has a handful of them. One in error rejects its rows.
    Of two statements a refusal holds, then a grant, then what was said first; where nobody states
    anything the columns stay away. The reason reads `source.purpose=answer`.
    """
    for path, raws in statements:
        if raws.count(NOT_STATED) == len(raws):
            continue
        stated = [b"" if raw is NOT_STATED else bytes(raw) for raw in raws]
        places = {text: place for place, text in enumerate(dict.fromkeys(stated))}
        verdicts = [judge(text) if text else _SILENT for text in places]
        codes = np.fromiter(map(places.__getitem__, stated), np.int32, len(stated))
        for code, verdict in enumerate(verdicts):
            if verdict.error:
                sheet.reject_where(codes == code, Reason.WRONG_SHAPE, path, verdict.error)
        reasons = [v.purpose and f"{source}.{v.purpose}={_ANSWERS[str(v.basis)]}" for v in verdicts]
        bases = [verdict.basis for verdict in verdicts]
        _join(sheet, *(Few(pa.array(of, pa.string())).spread(codes) for of in (bases, reasons)))
    if "consent_basis" in sheet.columns and sheet.columns["consent_basis"].null_count:
        sheet.put("consent_basis", pc.fill_null(sheet.columns["consent_basis"], "unknown"))


def _join(sheet: Sheet, basis: pa.Array, reason: pa.Array) -> None:
    if "consent_basis" in sheet.columns:
        first = sheet.columns["consent_basis"]
        refused = pc.equal(basis, "denied").fill_null(False)
        silent = pc.not_equal(first.fill_null("unknown"), "denied")
        granted = pc.and_(pc.equal(basis, "granted").fill_null(False), silent)
        later = pc.or_(pc.or_(refused, granted), pc.is_null(first))
        basis = pc.if_else(later, basis, first)
        reason = pc.if_else(later, reason, sheet.columns["consent_reason"])
    sheet.put("consent_basis", basis)
    sheet.put("consent_reason", reason)
