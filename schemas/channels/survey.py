"""Survey responses in Moment's own form: one event for each answer.

A response is one JSON object ("Moment survey response 1.0", docs/channels.md):

    {"response_id": "r-1", "survey_id": "s-1", "status": "completed",
     "submitted_at": "2026-03-02T10:00:00Z", "respondent": {"user_id": "17"},
     "consent": {"analytics": true}, "locale": "fr-FR", "content_id": "evening-live",
     "brand_id": "acme", "revision": 2,
     "answers": [{"question_id": "q1", "type": "nps", "value": 9, "min": 0, "max": 10}]}

- `status` is completed (if not said), partial or retracted; a retraction repeats the answers it
  takes back. A response answers a question once.
- `respondent` has `user_id`, `email` or `anonymous_id`, the first of these counts; without one the
  answers are nobody's. `submitted_at` is the survey server's time.
- `type` is nps, csat, ces, boredom (scales: `value` from `min` to `max`), choice or text. A scale
  without bounds has its customary ones: nps 0 to 10, csat 1 to 5, ces 1 to 7, boredom 0 to 1. An
  nps has no others: promoters are nines and tens of 0 to 10, and a 9 of 1 to 10 is another answer.
- One respondent's answer to one question is one fact: answering again, in any response, replaces
  the answer, and the latest `submitted_at` stands. `revision` orders statements of one instant.
- A row of a table is a response with one answer: `question_id`, `type`, `value` and `user_id` stand
  beside `response_id`, numbers may be text, and empty text is no value.
"""

from __future__ import annotations

import json
import re
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schemas.channel import Channel, Kind, ParseError, Sheet
from schemas.failure import Reason
from schemas.redactions import redact
from schemas.text import COUNTRIES

SCALES = {"nps": (0.0, 10.0), "csat": (1.0, 5.0), "ces": (1.0, 7.0), "boredom": (0.0, 1.0)}
"""Least and greatest answer. Net promoter score: Reichheld 2003; customer effort: CES 2.0, 2013."""
RETRACTION_RANK = 1_000
"""Added to a retraction's revision, in µs: it is final among statements of one instant."""

Number = int | float | str | None


class Respondent(msgspec.Struct, gc=False):
    user_id: str | int | None = None
    email: str | None = None
    anonymous_id: str | int | None = None


class Consent(msgspec.Struct, gc=False):
    analytics: bool | None = None


class Answer(msgspec.Struct, gc=False):
    question_id: str | int | None = None
    type: str | None = None
    value: Number = None
    min: Number = None
    max: Number = None


class Response(msgspec.Struct, gc=False):
    """A response; the last fields are those of a table's row and of no document."""

    response_id: str | int | None = None
    survey_id: str | int | None = None
    status: str | None = None
    submitted_at: str | None = None
    respondent: Respondent | None = None
    consent: Consent | None = None
    locale: str | None = None
    content_id: str | int | None = None
    brand_id: str | int | None = None
    revision: Number = None
    answers: list[Answer] | None = None
    user_id: str | int | None = None
    question_id: str | int | None = None
    type: str | None = None
    value: Number = None
    min: Number = None
    max: Number = None


_ACTIONS = {
    **dict.fromkeys(SCALES, ("rate", "scale")),
    "choice": ("poll_answer", "gesture_ui"),
    "text": ("answer", "text"),
}
KINDS = (
    *(Kind(f"answer: {t}", a, modality=m, mutable=True) for t, (a, m) in _ACTIONS.items()),
    *(
        Kind(f"retraction: {t}", a, op="retract", modality=m, undoes=f"answer: {t}")
        for t, (a, m) in _ACTIONS.items()
    ),
    Kind("skipped question", ignored="nothing was answered"),
    Kind("empty response", ignored="nothing was answered"),
)
_NO_ANSWER, _NOBODY = Answer(), Respondent()
_BASES = {"user": "login", "email": "channel_native", "anonymous": "exempt_cookie"}
_CONSENT: dict[bool | None, tuple[str, str | None]] = {
    True: ("granted", "survey.consent.analytics=true"),
    False: ("denied", "survey.consent.analytics=false"),
    None: ("unknown", None),
}
_LONGEST_OPTION = 100
"""Characters of an option that somebody offered; what is longer was typed."""
_TYPED = re.compile(r"[@＠]|\d{7}|(?:\d[\s.\-/]?){9}")
"""Beside what is redacted in texts: any sign of an address, and numbers that may be called."""
_WHOLE = re.compile(r"\s*([+-]?[0-9]{1,18})(?:\.0*)?\s*")
_decode = msgspec.json.Decoder(Response).decode


def parse(payload: bytes) -> Response:
    """One response. A table's row gets its answer as the only one of `answers`."""
    response = _decode(payload)
    response.status = response.status or "completed"
    if response.status not in ("completed", "partial", "retracted"):
        detail = "expected completed, partial or retracted"
        raise ParseError(Reason.INVALID_VALUE, "$.status", detail)
    if response.answers is None:
        if not response.question_id:
            detail = "expected answers, or the question_id of a table's row; found neither"
            raise ParseError(Reason.MISSING_FIELD, "$.answers", detail)
        r = response
        response.answers = [Answer(r.question_id, r.type, r.value, r.min, r.max)]
        response.respondent = r.respondent or Respondent(user_id=r.user_id)
    if response.status == "retracted" and not response.answers:
        detail = "expected the answers that are taken back, found none"
        raise ParseError(Reason.MISSING_FIELD, "$.answers", detail)
    response.revision = _whole(response.revision)
    if len({str(a.question_id) for a in response.answers}) < len(response.answers):
        detail = "expected each question once, found one twice"
        raise ParseError(Reason.INVALID_VALUE, "$.answers[].question_id", detail)
    return response


def _whole(revision: Number) -> int:
    """A revision as a whole number, 0 where none is said."""
    if _blank(revision):
        return 0
    if isinstance(revision, int):
        return revision
    said = _WHOLE.fullmatch(str(revision))
    if said is None:
        detail = "expected a whole number, or text of one"
        raise ParseError(Reason.INVALID_NUMBER, "$.revision", detail)
    return int(said[1])


def fill(responses: list[Response], sheet: Sheet) -> None:
    """Columns of answers, one row an answer; a response without any is one ignored row."""
    answers = [answer for r in responses for answer in r.answers or (_NO_ANSWER,)]
    origin = [row for row, r in enumerate(responses) for _ in r.answers or (_NO_ANSWER,)]
    sheet.expand(origin)
    owners = [responses[row] for row in origin]
    kinds = [_kind(r, a) for r, a in zip(owners, answers)]
    sheet.put("kind", kinds)
    sheet.require([r.response_id for r in owners], "$.response_id")
    sheet.require([r.survey_id for r in owners], "$.survey_id")
    questions = ["-" if a is _NO_ANSWER else a.question_id for a in answers]
    sheet.require(questions, "$.answers[].question_id")
    types = ["-" if a is _NO_ANSWER else a.type for a in answers]
    sheet.require(types, "$.answers[].type")
    sheet.put_instants(
        "event_time", [r.submitted_at or None for r in owners], "$.submitted_at", required=True
    )
    sheet.put("object_id", [_text(a.question_id) for a in answers])
    sheet.put("object_type", "question")
    sheet.put("parent_id", [_text(r.survey_id) for r in owners])
    sheet.put("content_id", [_text(r.content_id) for r in owners])
    sheet.put("brand_id", [_text(r.brand_id) for r in owners])
    sheet.put("country", [COUNTRIES[r.locale] for r in owners])
    _respondents(owners, sheet)
    _facts(owners, answers, sheet)
    _ratings(kinds, answers, sheet)
    _words(kinds, answers, sheet)


def _kind(response: Response, answer: Answer) -> str:
    if answer is _NO_ANSWER:
        return "empty response"
    if response.status == "retracted":
        return f"retraction: {answer.type}"
    if _blank(answer.value) and answer.type in _ACTIONS:
        return "skipped question"
    return f"answer: {answer.type}"


def _respondents(owners: list[Response], sheet: Sheet) -> None:
    people = [r.respondent or _NOBODY for r in owners]
    actors = [
        f"user:{p.user_id}"
        if p.user_id
        else f"email:{p.email.strip().lower()}"
        if p.email
        else f"anonymous:{p.anonymous_id}"
        if p.anonymous_id
        else None
        for p in people
    ]
    sheet.put("raw_actor", actors)
    sheet.put("actor_basis", [_BASES[a.partition(":")[0]] if a else "none" for a in actors])
    verdicts = [_CONSENT[r.consent.analytics if r.consent else None] for r in owners]
    sheet.put("consent_basis", [basis for basis, _ in verdicts])
    sheet.put("consent_reason", [reason for _, reason in verdicts])


def _facts(owners: list[Response], answers: list[Answer], sheet: Sheet) -> None:
    """Ids, facts and the order of statements about one fact.

    A statement's order is its time in µs, then `revision` (to 999) within the instant.
    """
    sheet.put(
        "source_event_id",
        [
            f"{r.survey_id}:{r.response_id}:{a.question_id}:{r.status}:{r.submitted_at}:{r.revision}"
            for r, a in zip(owners, answers)
        ],
    )
    sheet.put(
        "fact_key",
        [
            f"{r.survey_id}\x1f{actor or f'response:{r.response_id}'}\x1f{a.question_id}"
            for r, a, actor in zip(owners, answers, sheet.columns["raw_actor"])
        ],
    )
    order = [
        min(max(int(r.revision or 0), 0), RETRACTION_RANK - 1)
        + (RETRACTION_RANK if r.status == "retracted" else 0)
        for r in owners
    ]
    times = sheet.columns["event_time"].cast(pa.int64())
    sheet.put("revision", pc.add(times, pa.array(order, pa.int64())))


def _ratings(kinds: list[str], answers: list[Answer], sheet: Sheet) -> None:
    """Scale, value and bounds of ratings; a value out of its bounds refuses the response."""
    sheet.put("rating_scale", [a.type if a.type in SCALES else None for a in answers])
    scales = [SCALES.get(kind.removeprefix("answer: ")) for kind in kinds]
    native: dict[str, list[Any]] = {
        "value": [a.value if scale else None for a, scale in zip(answers, scales)],
        "min": [
            (scale[0] if _blank(a.min) else a.min) if scale else None
            for a, scale in zip(answers, scales)
        ],
        "max": [
            (scale[1] if _blank(a.max) else a.max) if scale else None
            for a, scale in zip(answers, scales)
        ],
    }
    columns = []
    for name, values in native.items():
        sheet.put_number(f"rating_{name}", values, f"$.answers[].{name}", -1e9, 1e9)
        columns.append(np.array(sheet.columns[f"rating_{name}"], dtype=np.float64))
    value, least, greatest = columns
    detail = "expected a number above min"
    sheet.reject_where(least >= greatest, Reason.INVALID_NUMBER, "$.answers[].max", detail)
    nps = np.array([kind == "answer: nps" for kind in kinds])
    detail = "expected 0 to 10, the only scale of a net promoter score"
    for name, bound, only in zip(("min", "max"), (least, greatest), SCALES["nps"]):
        sheet.reject_where(
            nps & (bound != only), Reason.INVALID_VALUE, f"$.answers[].{name}", detail
        )
    outside = (value < least) | (value > greatest)
    detail = "expected a number from min to max of its scale"
    sheet.reject_where(outside, Reason.INVALID_NUMBER, "$.answers[].value", detail)


def _words(kinds: list[str], answers: list[Answer], sheet: Sheet) -> None:
    """Words of text answers; the option of choices, in `ext`, unless somebody typed his own."""
    texts = [str(a.value) if k == "answer: text" else None for k, a in zip(kinds, answers)]
    sheet.put("text", texts)
    options = [str(a.value) if k == "answer: choice" else None for k, a in zip(kinds, answers)]
    kept = redact(pa.array(options, pa.large_string())).to_pylist()
    sheet.put("ext", [o and _choice(o, o == k) for o, k in zip(options, kept)])


def _choice(option: str, bare: bool) -> str:
    """`ext` of one choice; `bare` says that nothing in it is redacted in a text."""
    offered = bare and len(option) <= _LONGEST_OPTION and not _TYPED.search(option)
    return json.dumps({"choice": option if offered else "redacted"}, ensure_ascii=False)


def _blank(value: Any) -> bool:
    return value is None or value == ""


def _text(value: str | int | None) -> str | None:
    return None if _blank(value) else str(value)


def recognise(payload: bytes) -> bool:
    return all(name in payload for name in (b'"response_id"', b'"survey_id"', b'"submitted_at"'))


CHANNEL = Channel(
    name="survey",
    title="Survey responses",
    document="Moment survey response 1.0",
    media_type="owned",
    provenance="first_party",
    kinds=KINDS,
    parse=parse,
    fill=fill,
    recognise=recognise,
    kind_path="$.answers[].type",
    clock="server",
)
