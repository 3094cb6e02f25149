"""Where the CPU-seconds of `moment measure` go, stage by stage, and what crosses its shuffles.

The job runs in this process with a clock around each stage. A generator's clock runs only while it
makes an element, not while Beam hands the element on, so no stage pays for the next.
"""

from __future__ import annotations

import argparse
import functools
import inspect
import json
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

STAGES = (
    "start-up",
    "read",
    "decode",
    "screen",
    "protect",
    "write events",
    "observe",
    "attend",
    "accumulate",
    "write metrics",
    "coder",
)


class Clock:
    """CPU-seconds of this process by stage; of stages within each other the inner one's are its."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self._within: list[str] = []
        self._since = time.process_time()

    @contextmanager
    def of(self, stage: str) -> Iterator[None]:
        self._turn()
        self._within.append(stage)
        try:
            yield
        finally:
            self._turn()
            self._within.pop()

    def _turn(self) -> None:
        now = time.process_time()
        if self._within:
            self.seconds[self._within[-1]] += now - self._since
        self._since = now

    def clocked(self, function: Callable[..., Any], stage: Callable[..., str]) -> Callable:
        """The function, its time and that of the generator it may give counted to a stage.

        `stage` is given the same arguments: a sink's stage is that of its table.
        """

        @functools.wraps(function)
        def timed(*arguments: Any, **named: Any) -> Any:
            place = stage(*arguments)
            with self.of(place):
                given = function(*arguments, **named)
            return self._elements(given, place) if inspect.isgenerator(given) else given

        return timed

    def _elements(self, elements: Iterator[Any], stage: str) -> Iterator[Any]:
        while True:
            with self.of(stage):
                try:
                    element = next(elements)
                except StopIteration:
                    return
            yield element


def run_clocked(file: str, output: Path) -> dict[str, Any]:
    """CPU-seconds of `stages` and of the `whole` process; rows of each element encoded, by schema.

    What fused stages hand on in memory is not encoded. `general_coders`: shuffles whose elements
    would travel in Beam's general coder (pickle).
    """
    from pipelines import cli, measure

    clock = Clock()
    clock.seconds["start-up"] = time.process_time()
    elements: dict[str, list[int]] = defaultdict(list)
    put_clocks(clock)
    count_elements(elements)
    general: list[str] = []
    measure.build = listing_general_coders(measure.build, general)
    given = ["measure", f"segment={file}", "--channels", "segment", "--output", str(output)]
    if code := cli.main(given):
        raise RuntimeError(f"moment measure: expected exit code 0, found {code}")
    return {
        "stages": {stage: clock.seconds[stage] for stage in STAGES},
        "whole": time.process_time(),
        "elements": elements,
        "general_coders": general,
    }


def put_clocks(clock: Clock) -> None:
    """Exchange what each stage runs for the same with a clock."""
    from pipelines.sinks import parquet
    from pipelines.sources import read_files
    from schemas import coder
    from transforms import accumulate, attend, decode, event_steps, observe, protect, screen

    for owner, name, stage in (
        (read_files, "read_payloads", "read"),
        (decode, "decode", "decode"),
        (screen, "screen", "screen"),
        (protect, "protect", "protect"),
        (observe, "observe", "observe"),
        (observe, "split_by_shard", "observe"),
        (attend.Attend, "add", "attend"),
        (attend.Attend, "emit", "attend"),
        (accumulate.Accumulate, "add", "accumulate"),
        (accumulate.Accumulate, "name", "accumulate"),
        (accumulate.Accumulate, "rows", "accumulate"),
        (coder, "encode_batch", "coder"),
        (coder, "decode_batch", "coder"),
    ):
        setattr(owner, name, clock.clocked(getattr(owner, name), _always(stage)))
    for name, module in (("decode", decode), ("screen", screen), ("protect", protect)):
        # Their steps have taken them from their modules, where a pickle looks for them.
        setattr(event_steps, name, getattr(module, name))
    for name in ("process", "finish_bundle"):
        timed = clock.clocked(getattr(parquet._WriteDays, name), _of_table)
        setattr(parquet._WriteDays, name, timed)


def count_elements(elements: dict[str, list[int]]) -> None:
    """Have the coder note the rows of each batch it encodes, by the name of the batch's schema."""
    from schemas import coder

    encode = coder.encode_batch

    @functools.wraps(encode)
    def counted(batch: Any, *arguments: Any, **named: Any) -> bytes:
        elements[(batch.schema.metadata or {}).get(b"name", b"").decode()].append(batch.num_rows)
        return encode(batch, *arguments, **named)

    setattr(coder, "encode_batch", counted)  # noqa: B010


def listing_general_coders(build: Callable[..., None], general: list[str]) -> Callable[..., None]:
    """The graph's `build`, listing shuffles with Beam's general coder when the graph is built."""

    @functools.wraps(build)
    def listing(root: Any, *arguments: Any) -> None:
        build(root, *arguments)
        general.extend(shuffles_in_general_coder(root))

    return listing


def shuffles_in_general_coder(pipeline: Any) -> list[str]:
    """Names of the shuffles of a graph where any part of an element has the fallback coder."""
    from apache_beam.coders import FastPrimitivesCoder, PickleCoder
    from apache_beam.runners.pipeline_context import PipelineContext

    graph = pipeline.to_runner_api()
    context = PipelineContext(graph.components)

    def general(coder: Any) -> bool:
        if isinstance(coder, (FastPrimitivesCoder, PickleCoder)):
            return True
        return any(general(part) for part in coder._get_component_coders())

    return [
        step.unique_name
        for step in graph.components.transforms.values()
        if step.spec.urn == "beam:transform:group_by_key:v1"
        for source in step.inputs.values()
        if general(context.coders.get_by_id(graph.components.pcollections[source].coder_id))
    ]


def _always(stage: str) -> Callable[..., str]:
    return lambda *_: stage


def _of_table(sink: Any, *_: Any) -> str:
    return f"write {sink._table.name}"


def main(arguments: list[str] | None = None) -> None:
    """`python -m benchmarks.stages FILE OUT`: prints one JSON object."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.stages", description=__doc__)
    parser.add_argument("file", help="NDJSON file of Segment tracks")
    parser.add_argument("out", type=Path, help="dataset to write")
    given = parser.parse_args(arguments)
    clocked = run_clocked(given.file, given.out)
    clocked["elements"] = {
        name: {"count": len(rows), "median": median(rows)}
        for name, rows in clocked["elements"].items()
    }
    print(json.dumps(clocked))


if __name__ == "__main__":
    main()
