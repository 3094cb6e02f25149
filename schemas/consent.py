"""Consent: what statements of purposes allowed and refused mean for measurement."""

from __future__ import annotations

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

MEASUREMENT_PURPOSES = frozenset(("analytics", "performance", "measurement", "statistics", "c0002"))
"""Names that consent platforms give to measuring an audience; C0002 is OneTrust's category."""

NOT_STATED = msgspec.Raw()
"""Default of a field that may hold a statement."""


class Statement(msgspec.Struct, rename="camel"):
    """Purposes answered one by one (Segment), or listed as allowed and denied (RudderStack)."""

    category_preferences: dict[str, bool] | None = None
    allowed_consent_ids: list[str] = []
    denied_consent_ids: list[str] = []


class Verdict(NamedTuple):
    """`consent_basis`, the purpose that decided it, and what is wrong with the statement if any."""

    basis: str | None
    purpose: str | None = None
    error: str | None = None


@lru_cache(maxsize=4096)
def judge(statement: bytes) -> Verdict:
    """Verdict of a JSON Statement: any refusal of a measurement purpose refuses."""
    try:
        stated = _STATEMENT.decode(statement) or Statement()
    except msgspec.ValidationError as error:
        return Verdict("unknown", error=str(error).partition(" - at ")[0])
    answers = (stated.category_preferences or {}).items()
    denied = [name for name, answer in answers if not answer] + stated.denied_consent_ids
    allowed = [name for name, answer in answers if answer] + stated.allowed_consent_ids
    for basis, names in (("denied", denied), ("granted", allowed)):
        purposes = {name.lower() for name in names} & MEASUREMENT_PURPOSES
        if purposes:
            return Verdict(basis, min(purposes))
    return Verdict("unknown")


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
