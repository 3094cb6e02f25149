"""Assertions shared by the tests: golden files, decoded fixtures."""

from __future__ import annotations

import json
import os
from datetime import date, datetime, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa

from schemas.channel import Channel
from schemas.payload import payload_batch
from transforms.decode import Decoded, decode

TESTS = Path(__file__).parent
ARRIVED = datetime(2026, 3, 2, 12, 0, tzinfo=timezone.utc)
"""When the fixtures arrived, unless a test says otherwise."""

_BORING = {"schema_ref", "pipeline_version", "ingested_time", "retention_until", "channel"}


def payloads_of(
    records: list[bytes], channel: str | None = None, arrived: datetime = ARRIVED
) -> pa.RecordBatch:
    """A PAYLOAD batch of literal records, positions from 1."""
    return payload_batch(
        pa.array(records, pa.large_binary()),
        pa.array(range(1, len(records) + 1), pa.int64()),
        pa.array([arrived] * len(records), pa.timestamp("us", "UTC")),
        input="fixture",
        channel=channel,
    )


def decode_records(records: list[bytes], channel: Channel, arrived: datetime = ARRIVED) -> Decoded:
    return decode(payloads_of(records, channel.name, arrived), channel)


def readable_events(events: pa.RecordBatch | pa.Table) -> list[dict[str, Any]]:
    """Rows with null and constant columns left out and values as JSON can hold them."""
    return [
        {k: _plain(v) for k, v in row.items() if v is not None and k not in _BORING}
        for row in events.to_pylist()
    ]


def check_golden_channel(channel: Channel) -> None:
    """tests/fixtures/<channel>.<format> decodes to exactly tests/golden/<channel>.json.

    One line of the fixture is one record. MOMENT_REWRITE_GOLDEN=1 writes the golden file; read the
    difference before committing it.
    """
    (fixture,) = (TESTS / "fixtures").glob(f"{channel.name}.*")
    lines = fixture.read_bytes().splitlines()
    found = []
    for line in lines:
        result = decode_records([line], channel)
        found.append(
            {
                "events": readable_events(result.events),
                "ignored": dict(result.ignored),
                "failed": [
                    {"reason": f["reason"], "path": f["path"], "detail": f["detail"]}
                    for f in result.failed.to_pylist()
                ],
            }
        )
    golden = TESTS / "golden" / f"{channel.name}.json"
    if os.environ.get("MOMENT_REWRITE_GOLDEN"):
        golden.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n")
    expected = json.loads(golden.read_text())

    assert found == expected


def check_every_kind_is_shown(channel: Channel) -> None:
    """The fixture has at least one record of every kind the channel declares, and none fails."""
    (fixture,) = (TESTS / "fixtures").glob(f"{channel.name}.*")
    result = decode_records(fixture.read_bytes().splitlines(), channel)
    seen = set(result.events.column("event_type").to_pylist()) | set(result.ignored)

    assert result.failed.to_pylist() == []
    assert {f"{channel.name}.{kind.name}" for kind in channel.kinds} - seen == set()


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, (date, Decimal)):
        return str(value)
    return value


def codec_of(encoded: bytes) -> str:
    """The codec of what the coder has encoded, by the magic number that each puts first."""
    magic = {"lz4": b"\x04\x22\x4d\x18", "zstd": b"\x28\xb5\x2f\xfd"}
    return next((name for name, begins in magic.items() if begins in encoded), "none")
