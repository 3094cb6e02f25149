"""SKETCH: the distinct people of a local day and place, as a theta sketch. Beside partials."""

from __future__ import annotations

import pyarrow as pa

SKETCH_DIMENSIONS: tuple[tuple[str, pa.DataType, str], ...] = (
    ("grouping", pa.int8(), "index in GROUPINGS"),
    ("content", pa.int64(), "label key; 0 where the grouping lacks it"),
    ("brand", pa.int64(), "label key; 0 where the grouping lacks it"),
    ("channel", pa.int64(), "label key; 0 where the grouping lacks it"),
    ("traffic", pa.int8(), "index in TRAFFIC, or BOTH"),
    ("start", pa.int32(), "local day number"),
)

SKETCH = pa.schema(
    [
        *(
            pa.field(name, type, False, {"meaning": meaning})
            for name, type, meaning in SKETCH_DIMENSIONS
        ),
        pa.field("people", pa.binary(), False, {"meaning": "see transforms/statistics/theta.py"}),
    ],
    metadata={"name": "sketch"},
)

SKETCH_KEY = tuple(name for name, _, _ in SKETCH_DIMENSIONS)
