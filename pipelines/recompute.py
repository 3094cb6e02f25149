"""`moment measure` once more: of the input and with the options that a dataset was made of."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from pipelines.arguments import add_measure_arguments
from pipelines.errors import OptionError
from pipelines.inputs import is_topic
from pipelines.measure import IN_PROCESS
from pipelines.options import MeasureOptions, measure_options
from pipelines.place import Place
from pipelines.sources.kafka.source import check_kafka
from pipelines.verify.run import Run


def recomputation(
    dataset: Place,
    inputs: Sequence[str],
    run: Run,
    output: Path,
    kafka_properties: str | None = None,
    archived_since: datetime | None = None,
) -> MeasureOptions:
    """`moment measure INPUT... --output OUTPUT`, read once, with the options of the dataset's run.

    Raises OptionError or InputError where the input gives nothing a second time, cannot be read, or
    is the dataset itself.
    """
    given: list[str] = []
    if run.start is not None and any(map(is_topic, inputs)):
        if run.start == "latest":
            raise OptionError(
                f"{dataset}: its topics were read from the end that they had at its start"
                " (--start latest), which nothing tells; give an archive of what was read since"
            )
        given.append(f"--start={run.start}")
    if kafka_properties is not None:
        given.append(f"--kafka-properties={kafka_properties}")
    measuring = as_run(run, inputs, output, given, archived_since)
    found = measuring.inputs
    if found.subscriptions:
        raise OptionError(
            f"{dataset}: expected files or topics, found a subscription, which gives what"
            " was read no second time; give an archive of it"
        )
    if found.topics:
        check_kafka(found.topics, measuring.stream.kafka)
        return measuring
    if found.archives:
        return measuring
    native = tuple(file for file in found.files if not dataset.holds(file.path))
    if not native:
        raise OptionError(f"{dataset}: expected raw input elsewhere, found all of it there")
    return replace(measuring, inputs=replace(found, files=native))


def as_run(
    run: Run,
    inputs: Sequence[str],
    output: Path,
    given: Sequence[str] = (),
    archived_since: datetime | None = None,
) -> MeasureOptions:
    """Options of `moment measure` as a run had them, of other inputs and output."""
    parser = argparse.ArgumentParser(allow_abbrev=False)
    add_measure_arguments(parser)
    arguments = [f"--output={output}", f"--time-zone={run.time_zone}", f"--epoch={run.epoch}"]
    arguments.append(f"--channels={','.join(run.channels)}")
    arguments += [] if run.brand is None else [f"--brand={run.brand}"]
    # Which shard a late change meets its fact in depends on how many there are.
    arguments += [] if run.shards is None else [f"--shards={run.shards}"]
    # The runner is named, for without one a topic is refused: other jobs would never end it.
    return measure_options(
        parser.parse_args([*arguments, *given, "--", *inputs]),
        (f"--runner={IN_PROCESS}",),
        archived_since,
    )
