"""The survey after the show: four questions in one response."""

from __future__ import annotations

import numpy as np

from pipelines.simulator.faults import TRUNCATED, Fault, Written, document, written
from pipelines.simulator.participation import Answer
from pipelines.simulator.people import People
from pipelines.simulator.scenario import BRAND, CONTENT, Options, hex_ids, texts_of_instants

BROKEN = (
    TRUNCATED,
    Fault(rb'"submitted_at":"[^"]*"', b'"submitted_at":"2026-13-45T99:00:00Z"'),
    Fault(rb'"type":"nps","value":\d+', b'"type":"nps","value":42'),
    Fault(rb'"answers":\[', b'"answers":"none","was":['),
)
UNKNOWN = Fault(rb'"type":"ces"', b'"type":"telepathy"')


def survey_records(options: Options, people: People, answers: list[Answer]) -> Written:
    """One response an answer; a second one of the same respondent has its own id."""
    rng = options.generator("responses")
    ids = hex_ids(rng, len(answers), 20)
    moments = np.array([answer.at_ms for answer in answers])
    records = [
        document(
            {
                "response_id": f"r-{response_id}",
                "survey_id": f"after-{CONTENT}",
                "status": "completed",
                "submitted_at": f"{stamp}Z",
                "respondent": {"user_id": people.users[answer.member]},
                "consent": {"analytics": answer.allowed},
                "locale": "fr-FR",
                "content_id": CONTENT,
                "brand_id": BRAND,
                "answers": [
                    {"question_id": "q1", "type": "nps", "value": answer.nps},
                    {"question_id": "q2", "type": "csat", "value": answer.csat},
                    {"question_id": "q3", "type": "ces", "value": answer.ces},
                    {"question_id": "q4", "type": "boredom", "value": answer.boredom},
                ],
            }
        )
        for response_id, answer, stamp in zip(ids, answers, texts_of_instants(moments))
    ]
    return written(records, moments, rng, options)
