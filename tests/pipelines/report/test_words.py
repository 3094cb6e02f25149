"""Words for what a code says."""

from __future__ import annotations

from pipelines.report.words import failure_in_words
from schemas.failure import Reason


def test_every_reason_of_a_failure_has_words() -> None:
    told = {reason.value: failure_in_words(reason.value) for reason in Reason}
    unsaid = [reason for reason, words in told.items() if words == reason.replace("_", " ")]

    assert unsaid == ["nested_too_deep"]  # its code is in words already
