"""`moment verify`: a dataset recomputed in batch from the same input, and what then differs."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pyarrow as pa

from pipelines.errors import OptionError
from pipelines.measure import measure
from pipelines.options import MeasureOptions
from pipelines.recompute import recomputation
from pipelines.verify.compare import compare, latest_end
from pipelines.verify.dataset import (
    LateEvent,
    add_view,
    late_events,
    left_out,
    passed_over,
)
from pipelines.verify.options import VerifyOptions
from pipelines.verify.report import report
from schemas.metric import METRIC

NOT_BALANCED = 3
NOT_IDENTICAL = 4


def verify(options: VerifyOptions) -> int:
    """Recompute, compare, print. 0: identical; 4: not; 3: the recomputation lost or made events.

    Raises OptionError or InputError where the dataset or the input cannot be used.
    """
    with tempfile.TemporaryDirectory(prefix="moment-verify-") as folder:
        again = Path(folder, "recomputed")
        measuring = recomputation(
            options.dataset, options.inputs, options.run, again, options.kafka_properties
        )
        with options.dataset.published(options.days) as connection:
            latest = latest_end(connection)
            late, copies = late_events(connection), passed_over(connection)
            measured = measure(_without(measuring, late, copies))
            add_view(connection, "recomputed_metrics", again / "metrics", METRIC)
            compared = compare(
                connection,
                options.through or latest,
                options.days,
                options.limit,
                since=options.run.since,
            )
    if not compared.figures:
        raise OptionError(
            f"{options.dataset}: expected a day that both it and the input have figures of by"
            f" {compared.through.isoformat()}, found none; give the input that it was computed from"
        )
    hot = options.run.hot_minutes
    settled = None if hot is None else latest - timedelta(minutes=hot)
    zone = ZoneInfo(options.run.time_zone)
    print(report(compared, late, zone, options.limit, settled, copies.num_rows))
    if measured.unbalanced:
        print("moment: the balance of the recomputation does not close", file=sys.stderr)
        return NOT_BALANCED
    return NOT_IDENTICAL if compared.differing else 0


def _without(
    measuring: MeasureOptions, late: Sequence[LateEvent], copies: pa.Table
) -> MeasureOptions:
    if not late and not copies.num_rows:
        return measuring
    return replace(measuring, rules=replace(measuring.rules, excluded=left_out(late, copies)))
