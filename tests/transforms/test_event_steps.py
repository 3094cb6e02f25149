"""Decode as a step: what it counts, and under which names."""

from __future__ import annotations

import pyarrow as pa
import pytest
from apache_beam.pvalue import TaggedOutput

from schemas.event import INSTANT
from schemas.payload import payload_batch
from tests.transforms.events import NOON
from transforms.balance import balance
from transforms.event_steps import _DecodeBatches


def tagged(channel: str | None) -> dict[str, pa.RecordBatch]:
    """What two records of a channel become."""
    columns = pa.array([b"{}", b"[]"]), pa.array([7, 8]), pa.array([NOON, NOON], INSTANT)
    found = list(_DecodeBatches().process(payload_batch(*columns, "kafka:live/0", channel)))
    assert all(isinstance(output, TaggedOutput) for output in found)
    return {output.tag: output.value for output in found}


@pytest.mark.parametrize(
    ("channel", "counted", "failed", "detail"),
    [
        (
            "anna.muster@example.com",
            "unregistered",
            "unregistered",
            "expected the name of a registered channel (`moment channels`), found another",
        ),
        (
            None,
            "unknown",
            None,
            "no channel recognises these records; name one as channel=path",
        ),
    ],
)
def test_records_of_no_registered_channel_are_counted_without_the_name_that_they_brought(
    channel, counted, failed, detail
):
    found = tagged(channel)

    (row,) = balance([found["counts"]], NOON).to_pylist()
    assert (row["channel"], row["received"], row["failed"]) == (counted, 2, 2)
    assert "anna" not in str(found["counts"].schema.metadata)
    assert [
        (each["channel"], each["reason"], each["detail"]) for each in found["failed"].to_pylist()
    ] == [(failed, "unknown_channel", detail)] * 2
