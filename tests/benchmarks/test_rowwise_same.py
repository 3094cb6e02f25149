"""The row by row rival that does the same makes Moment's events, and keeps what fails."""

from __future__ import annotations

import json

import pytest

from benchmarks import rowwise_same_event
from benchmarks.alike import unlike
from benchmarks.inputs import generate
from benchmarks.rowwise_same import run_events
from transforms.redact import redact

TEXTS = (
    "ask me at ana@example.com, or @ana.b",
    "+33 6 12 34 56 78 or 06.12.34.56.78",
    "20:00 12/03/2026, 10 sur 10",
    "06\u202f12\u202f34\u202f56\u202f78 from 192.168.0.1",
)


def test_its_events_are_moment_s_in_every_column(tmp_path):
    assert unlike(str(generate(tmp_path, 3_000).path)) == []


def test_an_event_that_differs_is_told_by_its_column(tmp_path, monkeypatch):
    monkeypatch.setitem(
        rowwise_same_event.ACTIONS, "Product Reviewed", ("reply", "interaction", "text")
    )

    assert unlike(str(generate(tmp_path, 300).path)) == ["action"]


@pytest.mark.parametrize("text", TEXTS)
def test_texts_are_redacted_by_the_same_rules(text):
    import pyarrow as pa

    (ours,) = redact(pa.array([text], pa.large_string())).to_pylist()
    assert rowwise_same_event.redacted(text) == ours


def test_the_job_counts_events_and_keeps_failures_with_reason_and_path(tmp_path):
    tracks = generate(tmp_path, 200)
    bad = [b"{", b'{"event":"Whatever"}', b'{"event":"Product Reviewed","sentAt":"soon"}']
    tracks.path.write_bytes(tracks.path.read_bytes() + b"\n".join(bad))

    run_events(str(tracks.path), str(tmp_path / "count"))

    assert int((tmp_path / "count").read_text()) == 200
    failed = [json.loads(line) for line in (tmp_path / "count.failed").read_text().splitlines()]
    assert [(reason, path) for _, reason, path in failed] == [
        ("invalid_syntax", "$"),
        ("unknown_kind", "$.type"),
        ("invalid_time", "$.sentAt"),
    ]
