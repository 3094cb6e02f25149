"""What of the graph of the streaming job an update on Dataflow depends on: `GOLDEN` is it, written down.

A running job is updated to another graph where each step of the old one is found again by its
label, with coders, state and timers that fit. `python -m tests.deploy.dataflow_graph` writes the file again.
"""

from __future__ import annotations

import argparse
import json
from functools import cache
from pathlib import Path
from typing import Any

import apache_beam as beam
from apache_beam.portability.api import beam_runner_api_pb2
from apache_beam.runners.pipeline_context import PipelineContext

from pipelines.arguments import add_measure_arguments
from pipelines.graph import build
from pipelines.measure import pipeline_options, source_of
from pipelines.options import MeasureOptions, measure_options
from pipelines.stream import sink_of

GOLDEN = Path(__file__).resolve().parent.parent / "golden" / "dataflow.json"
REGENERATE = "python -m tests.deploy.dataflow_graph"

ARGUMENTS = (
    "pubsub://projects/example/subscriptions/any",
    "segment=pubsub://projects/example/subscriptions/web",
    "--output=bigquery://example/moment",
    "--archive=gs://example-archive/payloads",
    "--shards=32",
    "--runner=DataflowRunner",
    "--dry_run=True",
    "--project=example",
    "--region=europe-west1",
    "--job_name=moment-stream",
    "--temp_location=gs://example-dataflow/temp",
    "--staging_location=gs://example-dataflow/staging",
    "--sdk_container_image=europe-west1-docker.pkg.dev/example/moment/moment-dataflow:1",
    # Nobody is asked for credentials, which a machine without Google is asked for at length.
    "--no_auth",
)


def job_options(*more: str) -> MeasureOptions:
    """The options of the streaming job, as `moment measure` validates them."""
    parser = argparse.ArgumentParser()
    add_measure_arguments(parser)
    given, beam_arguments = parser.parse_known_args([*ARGUMENTS, *more])
    return measure_options(given, beam_arguments)


@cache
def dry_run() -> Any:
    """Dataflow's runner after a dry run of the job: its graph, its options, and a job not sent."""
    options = job_options()
    root = beam.Pipeline(options=pipeline_options(options.beam_arguments))
    build(root, source_of(options), sink_of(options), options.rules)
    root.run()
    return root.runner


def described() -> list[dict[str, Any]]:
    """Steps that do something, by label: URN, coders of what they give, state and timers."""
    components = dry_run().proto_pipeline.components
    coders = PipelineContext(components).coders

    def coder(id: str) -> str:
        proto = components.coders[id]
        urn = proto.spec.urn.removeprefix("beam:coder:").removesuffix(":v1")
        # Of a coder that only Python knows, its class: the bytes of a pickle say less.
        name = type(coders.get_by_id(id)).__name__ if urn == "pickled_python" else urn
        inner = ", ".join(coder(each) for each in proto.component_coder_ids)
        return f"{name}({inner})" if inner else name

    steps = []
    for transform in components.transforms.values():
        if transform.subtransforms:
            continue
        step: dict[str, Any] = {
            "label": transform.unique_name,
            "urn": transform.spec.urn,
            "gives": {
                tag: coder(components.pcollections[id].coder_id)
                for tag, id in sorted(transform.outputs.items())
            },
        }
        if transform.spec.urn == "beam:transform:pardo:v1":
            payload = beam_runner_api_pb2.ParDoPayload.FromString(transform.spec.payload)
            state = {name: _state(spec, coder) for name, spec in payload.state_specs.items()}
            if state:
                step["state"] = dict(sorted(state.items()))
                step["timers"] = sorted(payload.timer_family_specs)
        steps.append(step)
    return sorted(steps, key=lambda step: step["label"])


def _state(spec: Any, coder: Any) -> str:
    kind = spec.WhichOneof("spec")
    inner = getattr(spec, kind)
    id = inner.element_coder_id if kind == "bag_spec" else inner.coder_id
    return f"{kind.removesuffix('_spec')} of {coder(id)}"


def golden_text() -> str:
    """Text of the golden file: a line a step, so that a difference reads as one."""
    lines = ",\n".join(f"  {json.dumps(step)}" for step in described())
    return f"[\n{lines}\n]\n"


if __name__ == "__main__":
    GOLDEN.write_text(golden_text(), encoding="utf-8")
