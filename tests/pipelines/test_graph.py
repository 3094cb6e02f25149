"""The graph: our coder wherever batches travel, labels that last, elements worth a shuffle."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from pathlib import Path

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pytest
from apache_beam.coders import FastPrimitivesCoder, TupleCoder, VarIntCoder
from apache_beam.portability.api import beam_runner_api_pb2
from apache_beam.runners.pipeline_context import PipelineContext

from pipelines.graph import Rules, build
from pipelines.keys import pseudonym_keys
from pipelines.measure import IN_PROCESS
from pipelines.simulator import tracks
from pipelines.sinks.parquet import WriteParquet
from pipelines.sources.discover import discover
from pipelines.sources.read_files import ReadFiles
from schemas.channels import registered_channels
from schemas.coder import PackedCoder, RecordBatchCoder
from transforms import observe
from transforms.event_steps import Decode, Protect, Screen
from transforms.observe import Observe

FIXTURES = Path(__file__).parent.parent / "fixtures"


def _rules() -> Rules:
    return Rules("Europe/Paris", tuple(registered_channels()), pseudonym_keys())


def _built(directory: Path) -> beam.Pipeline:
    root = beam.Pipeline(runner=IN_PROCESS)
    files = discover([str(FIXTURES / "survey.ndjson")])
    build(
        root,
        ReadFiles(files),
        lambda table: WriteParquet(table, str(directory / table.name)),
        _rules(),
    )
    return root


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory) -> beam_runner_api_pb2.Pipeline:
    return _built(tmp_path_factory.mktemp("graph")).to_runner_api()


def _coders(graph: beam_runner_api_pb2.Pipeline) -> dict[str, beam.coders.Coder]:
    """The coder of each PCollection, by name of the step that makes it."""
    context = PipelineContext(graph.components)
    names = {
        collection: f"{step.unique_name}.{tag}"
        for step in graph.components.transforms.values()
        if not step.subtransforms
        for tag, collection in step.outputs.items()
    }
    return {
        names[key]: context.coders.get_by_id(collection.coder_id)
        for key, collection in graph.components.pcollections.items()
    }


def test_what_crosses_a_shuffle_is_a_shard_number_and_a_batch_in_our_coder(graph):
    context = PipelineContext(graph.components)
    shuffles = {
        step.unique_name: context.coders.get_by_id(graph.components.pcollections[source].coder_id)
        for step in graph.components.transforms.values()
        if step.spec.urn == "beam:transform:group_by_key:v1"
        for source in step.inputs.values()
    }
    packed = TupleCoder((VarIntCoder(), PackedCoder()))

    assert shuffles == {
        **{f"Attend/GroupLane{number}": packed for number in range(16)},
        "Accumulate/GroupByFamily": packed,
        "Balance/GroupCounts": TupleCoder((VarIntCoder(), RecordBatchCoder())),
    }


def test_only_file_names_and_the_empty_outputs_of_writing_have_beams_general_coder(graph):
    general = {
        name for name, coder in _coders(graph).items() if isinstance(coder, FastPrimitivesCoder)
    }

    assert general == {
        "Read/ListFiles/Map(decode).None",
        "WriteEvents/WriteDays.None",
        "WriteMetrics/WriteDays.None",
        "WritePartials/WriteDays.None",
        "WriteFailedEvents/WriteDays.None",
        "WriteBalance/WriteDays.None",
    }


def test_building_and_running_warns_of_no_fallback_and_no_pickle(tmp_path, caplog):
    with caplog.at_level(logging.INFO):
        _built(tmp_path).run().wait_until_finish()
    told = [r.getMessage() for r in caplog.records if r.levelno >= logging.WARNING]
    whispered = [r.getMessage() for r in caplog.records if "fallback" in r.getMessage().lower()]

    assert told == []
    assert whispered == []
    assert list(tmp_path.glob("events/day=2026-03-02/*.parquet"))


STEPS = [
    "Accumulate",
    "Accumulate/AccumulateFamily",
    "Accumulate/GroupByFamily",
    "AllCounts",
    "AllFailed",
    "Attend",
    "Attend/AllCounts",
    "Attend/AllPartials",
    *(f"Attend/AttendLane{number}" for number in range(16)),
    *(f"Attend/ChooseLane{number}" for number in range(16)),
    *(f"Attend/GroupLane{number}" for number in range(16)),
    "Attribute",
    "Attribute/AttributeBatches",
    "Balance",
    "Balance/GroupCounts",
    "Balance/SumCounts",
    "Balance/ToOnePlace",
    "Decode",
    "Decode/DecodeBatches",
    "JoinFamilies",
    "Observe",
    "Observe/ObserveBatches",
    "Protect",
    "Protect/ProtectBatches",
    "Read",
    "Read/ListFiles",
    "Read/ReadRecords",
    "RouteLabels",
    "RouteLabels/SplitLabels",
    "Screen",
    "Screen/ScreenBatches",
    "WriteBalance",
    "WriteBalance/WriteDays",
    "WriteEvents",
    "WriteEvents/WriteDays",
    "WriteFailedEvents",
    "WriteFailedEvents/WriteDays",
    "WriteMetrics",
    "WriteMetrics/WriteDays",
    "WritePartials",
    "WritePartials/WriteDays",
]
"""State and updates of a running job hang on these names: changing one is a breaking change."""


def test_every_step_has_its_stable_name(graph):
    # Beam names what is within its own Create, WithKeys and outputs; that is not ours to fix.
    within_beam = re.compile(r"/ListFiles/|/ToOnePlace/|/ParDo\(|^ref_")
    names = {step.unique_name for step in graph.components.transforms.values()}
    ours = sorted(name for name in names if not within_beam.search(name))

    assert ours == sorted(STEPS)
    assert [n for n in ours if not re.fullmatch(r"[A-Z][A-Za-z]+(/[A-Z][A-Za-z]+[0-9]*)*", n)] == []


def test_the_median_element_that_crosses_the_shuffle_has_a_thousand_rows(tmp_path, monkeypatch):
    (tmp_path / "segment.ndjson").write_bytes(b"".join(tracks(100_000, 5_000, 20, seed=3)))
    rows: list[int] = []
    split = observe.split_by_shard

    def counted(
        observations: pa.RecordBatch, route: np.ndarray, shards: int
    ) -> Iterator[tuple[int, pa.RecordBatch]]:
        for shard, part in split(observations, route, shards):
            rows.append(part.num_rows)
            yield shard, part

    monkeypatch.setattr(observe, "split_by_shard", counted)
    rules = _rules()
    with beam.Pipeline(runner=IN_PROCESS) as root:
        read = root | "Read" >> ReadFiles(discover([str(tmp_path)]))
        events = (read.payloads | "Decode" >> Decode()).events | "Screen" >> Screen()
        protected = events | "Protect" >> Protect(rules.keys)
        _ = protected.events | "Observe" >> Observe(rules.observe())

    assert sum(rows) == 100_000
    assert np.median(rows) >= 1_000
    assert len(rows) <= 2 * 16
