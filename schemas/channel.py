"""What a channel is: its documented kinds, how its bytes are read, how rows become columns.

One channel is one file in `schemas/channels/` (or a third party's, by the entry point group
`moment.channels`). It declares a `Channel`; everything else is shared: unwrapping, failures,
ids, clocks, conformity.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schemas.event import ACTION_CLASS, MODALITIES
from schemas.failure import Reason, Reject
from schemas.times import instants_from_epoch, instants_from_text


@dataclass(frozen=True)
class Kind:
    """One kind of native event, as its vendor documents it, and what becomes of it.

    Either `action` or `ignored` is set. `mutable` facts may be changed or retracted later, by the
    same `fact_key`; `op` says which of the three a kind is.
    """

    name: str
    action: str | None = None
    op: str = "insert"
    modality: str = "passive"
    mutable: bool = False
    ignored: str | None = None
    undoes: str | None = None

    def __post_init__(self) -> None:
        if (self.action is None) == (self.ignored is None):
            raise ValueError(f"kind {self.name!r}: give either an action or a reason to ignore it")
        if self.action is not None and self.action not in ACTION_CLASS:
            raise ValueError(f"kind {self.name!r}: {self.action!r} is not an action of the schema")
        if self.modality not in MODALITIES:
            raise ValueError(f"kind {self.name!r}: {self.modality!r} is not a permitted modality")
        if self.op not in ("insert", "update", "retract"):
            raise ValueError(
                f"kind {self.name!r}: op is insert, update or retract, not {self.op!r}"
            )
        if self.op != "insert" and not self.mutable:
            object.__setattr__(self, "mutable", True)


class Sheet:
    """The columns a channel fills for one batch of native rows.

    A row of the sheet is one event. `expand` says so when a native row makes several. Rejected rows
    take their whole record with them: a record is either events or a failed event.
    """

    def __init__(self, rows: int) -> None:
        self.length = rows
        self.origin: np.ndarray | None = None
        self.columns: dict[str, Any] = {}
        self.rejects: list[Reject] = []

    def expand(self, origin: Sequence[int]) -> None:
        """Row i of the sheet comes from native row `origin[i]`. Call before any `put`."""
        if self.columns:
            raise RuntimeError("expand() must come before the first column")
        self.origin = np.asarray(origin, dtype=np.int64)
        self.length = len(origin)

    def put(self, name: str, values: Any) -> None:
        """Fill a column by a list, an Arrow array, or one value for all rows."""
        is_column = isinstance(values, (list, pa.Array, pa.ChunkedArray, np.ndarray))
        if is_column and len(values) != self.length:
            raise ValueError(f"column {name}: {len(values)} values for {self.length} rows")
        self.columns[name] = values

    def put_instants(
        self,
        name: str,
        values: Sequence[str | None] | Sequence[float | None] | pa.Array,
        path: str,
        unit: str = "text",
        required: bool = False,
    ) -> None:
        """Fill a timestamp column from text (`unit="text"`) or epoch numbers (s, ms, us, auto)."""
        if unit == "text":
            array, bad = instants_from_text(values)
        else:
            array, bad = instants_from_epoch(values, unit)  # type: ignore[arg-type]
        self.columns[name] = array
        if bad.any():
            detail = f"expected a time ({unit}) of 1990 to 2100"
            self.reject_where(bad, Reason.INVALID_TIME, path, detail)
        if required and array.null_count:
            absent = np.asarray(array.is_null()) & ~bad
            self.reject_where(absent, Reason.MISSING_FIELD, path, "expected a time, found none")

    def numbers(
        self,
        values: Sequence[Any] | pa.Array,
        path: str,
        low: float,
        high: float,
        where: np.ndarray,
    ) -> pa.Array:
        """The values of some rows as float64, not put yet; refused as in `put_number`."""
        column = _within(values, low, high)
        if column is None:
            listed = values.to_pylist() if isinstance(values, pa.Array) else values
            some = [value if wanted else None for value, wanted in zip(listed, where.tolist())]
            column = pa.array(self._numbers(some, path, low, high), pa.float64())
        return column if where.all() else pc.if_else(pa.array(where), column, _NO_NUMBER)

    def put_number(
        self, name: str, values: Sequence[Any], path: str, low: float, high: float
    ) -> None:
        """Fill a numeric column; numbers as text count, NaN and out-of-range are rejected."""
        if _within(values, low, high) is None:
            values = self._numbers(values, path, low, high)
        self.columns[name] = values

    def _numbers(
        self, values: Sequence[Any], path: str, low: float, high: float
    ) -> list[float | None]:
        numbers: list[float | None] = []
        for row, value in enumerate(values):
            number: float | None = None
            if value is not None:
                try:
                    number = _number(value)
                except (TypeError, ValueError, OverflowError):
                    self.reject(row, Reason.INVALID_NUMBER, path, "expected a number")
                else:
                    if not low <= number <= high:
                        detail = f"expected a number from {low:g} to {high:g}"
                        self.reject(row, Reason.INVALID_NUMBER, path, detail)
                        number = None
            numbers.append(number)
        return numbers

    def require(self, values: Sequence[Any], path: str) -> None:
        """Reject the rows where a value is absent or empty."""
        if not all(values):
            for row, value in enumerate(values):
                if value is None or value == "":
                    self.reject(row, Reason.MISSING_FIELD, path, "expected a value, found none")

    def reject(self, row: int, reason: Reason, path: str, detail: str) -> None:
        """Refuse one row. `detail` never repeats a value: it may be personal."""
        self.rejects.append(Reject(row, reason, path, detail))

    def reject_where(self, mask: np.ndarray, reason: Reason, path: str, detail: str) -> None:
        for row in np.flatnonzero(mask):
            self.rejects.append(Reject(int(row), reason, path, detail))


def _number(value: Any) -> float:
    """A number, also as text, but not with the underscores that only Python reads."""
    if isinstance(value, str) and "_" in value:
        raise ValueError
    return float(value)


_NO_NUMBER = pa.scalar(None, pa.float64())


def _within(values: Sequence[Any] | pa.Array, low: float, high: float) -> pa.Array | None:
    """The values as float64 where all are numbers of the range or null: a pass in C, as usual."""
    try:
        numbers = values if isinstance(values, pa.Array) else pa.array(values, pa.float64())
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):
        return None
    plain = numbers.to_numpy(zero_copy_only=False)
    # A null is NaN here, and neither is within.
    within = np.count_nonzero((plain >= low) & (plain <= high))
    return numbers if within == len(numbers) - numbers.null_count else None


class ParseError(ValueError):
    """Raised by a channel's `parse` with a stable reason and the path of the offender."""

    def __init__(self, reason: Reason, path: str, detail: str) -> None:
        super().__init__(detail)
        self.reason, self.path, self.detail = reason, path, detail


class Rows(Protocol):
    """Native rows: a list of what `parse` gives, or a channel's own columns of them."""

    def __len__(self) -> int: ...

    def __getitem__(self, rows: slice, /) -> Any:
        """Some consecutive rows, as Rows of the same class."""


class Columns(Rows, Protocol):
    """Native rows as columns, made some hundred at a time.

    Rows that are few are in the processor's cache: taken out then, their fields cost a third of
    what they cost once ten thousand rows are parsed.
    """

    def concat(self, others: Sequence[Any]) -> Any:
        """These rows and, behind them, those of others of the same class."""


@dataclass(frozen=True)
class Channel:
    """A registered channel.

    parse      bytes of one record to one native row; raises msgspec errors or ParseError
    parse_lines  many records, one a line, to the same rows at once; raises where any is refused.
               Optional, for speed
    columns    the rows that `parse` gave, one or more, as Columns. Where a channel has it,
               `parse_lines` gives Columns too, equal to those of the rows, and `fill` takes them
    fill       native rows to columns of a Sheet; must put `kind` and whatever else is known
    unwrap     bytes of a container (a batch, a page of results) to its records; None if it is
               none. Asked only where `parse` refuses, so `parse` must refuse containers
    recognise  does a sample record look like this channel? Used where no channel is given
    clock      `server` when the native time is a server's receipt, `device` when a device's claim

    A worker calls these on several threads at once: what they remember between calls needs a lock.
    """

    name: str
    title: str
    document: str
    media_type: str
    provenance: str
    kinds: tuple[Kind, ...]
    parse: Callable[[bytes], Any]
    fill: Callable[[Any, Sheet], None]
    recognise: Callable[[bytes], bool]
    kind_path: str
    parse_lines: Callable[[memoryview], Rows] | None = None
    columns: Callable[[list[Any]], Columns] | None = None
    unwrap: Callable[[bytes], list[bytes] | None] = field(default=lambda payload: None)
    clock: str = "server"
    heartbeat_ms: int | None = None
    format: str = "ndjson"

    def __post_init__(self) -> None:
        if self.clock not in ("server", "device"):
            raise ValueError(f"channel {self.name}: clock is server or device, not {self.clock!r}")
        names = [kind.name for kind in self.kinds]
        if len(set(names)) != len(names):
            raise ValueError(f"channel {self.name}: a kind is declared twice")
