"""Records: the payloads of a batch, containers unwrapped, and what a parser complains of."""

from __future__ import annotations

import re

import msgspec
import pyarrow as pa

from schemas.channel import Channel, ParseError
from schemas.failure import Reason
from schemas.payload import MAXIMUM_PAYLOAD_BYTES
from transforms.failures import Failure

_PATH = re.compile(r" - at `(?P<path>[^`]*)`")
_FIELD = re.compile(r"missing required field `(?P<field>[^`]*)`")
PARSE_ERRORS = (ParseError, msgspec.DecodeError, UnicodeError, RecursionError)
"""What `Channel.parse` and `Channel.unwrap` may raise; anything else is a `decoder_error`."""


class Records:
    """The records of a batch, containers unwrapped, with where each came from."""

    def __init__(self, batch: pa.RecordBatch) -> None:
        self.payloads: list[bytes] = batch.column("payload").to_pylist()
        self.positions = batch.column("position")
        self.arrived = batch.column("arrived_time")
        self.container: list[int] | None = None
        self.failures: list[Failure] = []
        self.received = len(self.payloads)

    def source_row(self, index: int) -> int:
        return index if self.container is None else self.container[index]

    def failure(self, index: int, reason: Reason, path: str, detail: str) -> Failure:
        row = self.source_row(index)
        return Failure(
            payload=self.payloads[index],
            position=self.positions[row].as_py(),
            arrived=self.arrived[row].as_py(),
            stage="decode",
            reason=reason,
            path=path,
            detail=detail,
        )


def unwrap(batch: pa.RecordBatch, channel: Channel) -> Records:
    records = Records(batch)
    payloads: list[bytes] = []
    container: list[int] = []
    changed = False
    for row, payload in enumerate(records.payloads):
        items: list[bytes] | None = None
        try:
            if not payload or payload.isspace():
                raise ParseError(Reason.EMPTY, "$", "expected a record, found no bytes")
            if len(payload) > MAXIMUM_PAYLOAD_BYTES:
                detail = f"expected at most {MAXIMUM_PAYLOAD_BYTES} bytes, found {len(payload)}"
                raise ParseError(Reason.TOO_LARGE, "$", detail)
            items = channel.unwrap(payload)
        except Exception as error:
            changed = True
            records.failures.append(records.failure(row, *explain(payload, error)))
            continue
        if items is None:
            payloads.append(payload)
            container.append(row)
        else:
            changed = True
            payloads.extend(items)
            container.extend([row] * len(items))
    if changed:
        records.payloads, records.container = payloads, container
        records.received = len(payloads) + len(records.failures)
    return records


def explain(payload: bytes, error: Exception) -> tuple[Reason, str, str]:
    """Stable reason, path and a sentence without values for a parser's complaint."""
    if isinstance(error, ParseError):
        return error.reason, error.path, error.detail
    if not isinstance(error, PARSE_ERRORS):
        return decoder_error(error)
    text = str(error)
    found = _PATH.search(text)
    path = found["path"] if found else "$"
    if isinstance(error, RecursionError):
        return Reason.TOO_DEEP, "$", "expected JSON nested less deeply"
    if isinstance(error, UnicodeError) or not _is_utf8(payload):
        return Reason.ENCODING, path, "expected UTF-8"
    missing = _FIELD.search(text)
    if missing:
        return Reason.MISSING_FIELD, f"{path}.{missing['field']}", "expected a value, found none"
    if isinstance(error, msgspec.ValidationError):
        return Reason.WRONG_SHAPE, path, text[: found.start()] if found else text
    return Reason.SYNTAX, path, "expected well-formed JSON"


def decoder_error(error: Exception) -> tuple[Reason, str, str]:
    """What to say of an error that no record may cause: the channel's code is to be mended."""
    return Reason.DECODER_ERROR, "$", f"the channel's code raised {type(error).__name__}"


def _is_utf8(payload: bytes) -> bool:
    try:
        payload.decode()
    except UnicodeDecodeError:
        return False
    return True
