"""Files that broke off while they were read: what came after is in no figure."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb

from schemas.failure import Reason

_BROKEN = f"""
SELECT input, min(position), arg_min(detail, position) FROM failed_events
WHERE stage = 'read' AND reason = '{Reason.CORRUPT_FILE.value}' GROUP BY input ORDER BY input
"""


def damaged(views: duckdb.DuckDBPyConnection) -> Iterator[str]:
    """A sentence on each file that could not be read to its end, and how far it could."""
    for path, position, detail in views.execute(_BROKEN).fetchall():
        rest = f"nothing after record {position - 1:,}" if position > 1 else "nothing of it"
        yield f"{path}: {rest} could be read: {detail}; get the file whole, and measure again"
