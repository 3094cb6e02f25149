"""FAILED_EVENT: one record that could not become events, with all that is needed to mend it."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

import pyarrow as pa

from schemas.event import INSTANT, UUID

FAILED_EVENT = pa.schema(
    [
        pa.field(
            "failure_id", UUID, False, {"meaning": "BLAKE2b of input, position, item and payload"}
        ),
        pa.field("input", pa.string(), False, {"meaning": "file, topic or subscription"}),
        pa.field("position", pa.int64(), False, {"meaning": "line number, row or offset, from 1"}),
        pa.field(
            "channel", pa.string(), True, {"meaning": "channel asked to decode it; null if none"}
        ),
        pa.field("stage", pa.string(), False, {"meaning": "read | recognise | decode | write"}),
        pa.field("reason", pa.string(), False, {"meaning": "stable reason code, see Reason"}),
        pa.field("path", pa.string(), True, {"meaning": "JSON path or field name of the offender"}),
        pa.field(
            "detail", pa.string(), True, {"meaning": "what was expected and found, without values"}
        ),
        pa.field("arrived_time", INSTANT, False, {"meaning": "when file or broker had it"}),
        pa.field("failed_time", INSTANT, False, {"meaning": "when this pipeline refused it"}),
        pa.field(
            "payload", pa.binary(), False, {"meaning": "the original bytes: restricted, expires"}
        ),
        pa.field(
            "expires_on", pa.date32(), False, {"meaning": "day after which the row must be gone"}
        ),
    ],
    metadata={"name": "failed_event"},
)


class Reason(str, Enum):
    """Stable codes: dashboards and replays select by them."""

    EMPTY = "empty_payload"
    TOO_LARGE = "payload_too_large"
    ENCODING = "invalid_utf8"
    SYNTAX = "invalid_syntax"
    TOO_DEEP = "nested_too_deep"
    WRONG_SHAPE = "wrong_shape"
    MISSING_FIELD = "missing_field"
    INVALID_TIME = "invalid_time"
    INVALID_NUMBER = "invalid_number"
    INVALID_VALUE = "invalid_value"
    UNKNOWN_KIND = "unknown_kind"
    UNKNOWN_CHANNEL = "unknown_channel"
    CORRUPT_FILE = "corrupt_file"
    LOST = "lost_records"
    DECODER_ERROR = "decoder_error"
    REFUSED = "refused_by_sink"
    DAY_OUT_OF_RANGE = "day_out_of_range"


class Reject(NamedTuple):
    """Why one native row cannot become an event. `row` is the row's index in its draft."""

    row: int
    reason: Reason
    path: str
    detail: str
