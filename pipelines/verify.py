"""`moment verify`: a dataset recomputed in batch from the same input, and what then differs."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from pipelines.arguments import add_measure_arguments
from pipelines.errors import OptionError
from pipelines.inputs import is_topic
from pipelines.measure import IN_PROCESS, measure
from pipelines.options import MeasureOptions, measure_options
from pipelines.sources.kafka import check_kafka
from pipelines.verify_compare import compare, latest_end
from pipelines.verify_dataset import (
    LateEvent,
    add_view,
    late_events,
    left_out,
    open_published,
)
from pipelines.verify_options import VerifyOptions
from pipelines.verify_report import report
from schemas.metric import METRIC

NOT_BALANCED = 3
NOT_IDENTICAL = 4


def verify(options: VerifyOptions) -> int:
    """Recompute, compare, print. 0: identical; 4: not; 3: the recomputation lost or made events.

    Raises OptionError or InputError where the dataset or the input cannot be used.
    """
    with tempfile.TemporaryDirectory(prefix="moment-verify-") as folder:
        again = Path(folder, "recomputed")
        recomputation = _recomputation(options, again)
        with open_published(options.dataset) as connection:
            latest = latest_end(connection)
            late = late_events(connection)
            measured = measure(_without(recomputation, late))
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
    print(report(compared, late, ZoneInfo(options.run.time_zone), options.limit, settled))
    if measured.unbalanced:
        print("moment: the balance of the recomputation does not close", file=sys.stderr)
        return NOT_BALANCED
    return NOT_IDENTICAL if compared.differing else 0


def _recomputation(options: VerifyOptions, output: Path) -> MeasureOptions:
    """`moment measure` of the same input, read once, with the options of the dataset's run."""
    run = options.run
    parser = argparse.ArgumentParser(allow_abbrev=False)
    add_measure_arguments(parser)
    given = [f"--output={output}", f"--time-zone={run.time_zone}", f"--epoch={run.epoch}"]
    given.append(f"--channels={','.join(run.channels)}")
    given += [] if run.brand is None else [f"--brand={run.brand}"]
    # Which shard a late change meets its fact in depends on how many there are.
    given += [] if run.shards is None else [f"--shards={run.shards}"]
    if run.start is not None and any(map(is_topic, options.inputs)):
        if run.start == "latest":
            raise OptionError(
                f"{options.dataset}: its topics were read from the end that they had at its start"
                " (--start latest), which nothing tells; give an archive of what was read since"
            )
        given.append(f"--start={run.start}")
    if options.kafka_properties is not None:
        given.append(f"--kafka-properties={options.kafka_properties}")
    # The runner is named, for without one a topic is refused: other jobs would never end it.
    measuring = measure_options(
        parser.parse_args([*given, "--", *options.inputs]), (f"--runner={IN_PROCESS}",)
    )
    inputs = measuring.inputs
    if inputs.subscriptions:
        raise OptionError(
            f"{options.dataset}: expected files or topics, found a subscription, which gives what"
            " was read no second time; give an archive of it"
        )
    if inputs.topics:
        check_kafka(inputs.topics, measuring.stream.kafka)
        return measuring
    place = options.dataset.resolve()
    native = tuple(
        file for file in inputs.files if not Path(file.path).resolve().is_relative_to(place)
    )
    if not native:
        raise OptionError(f"{options.dataset}: expected raw input elsewhere, found all of it there")
    return replace(measuring, inputs=replace(inputs, files=native))


def _without(measuring: MeasureOptions, late: Sequence[LateEvent]) -> MeasureOptions:
    if not late:
        return measuring
    return replace(measuring, rules=replace(measuring.rules, excluded=left_out(late)))
