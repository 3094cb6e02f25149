"""Streams that the Flex Template launches, one after the other, into one dataset of BigQuery.

The template's command line writes Dataflow's graph into Cloud Storage's emulator, looks for its
subscription in Pub/Sub's and for the streams before it in BigQuery's. No job runs: with --update
Beam would ask Dataflow for the one that does, and there is none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from deploy.local import pubsub
from deploy.local.bigquery import Emulator as BigQuery
from deploy.local.storage import Emulator as Storage
from pipelines import flex_template
from pipelines.sinks.bigquery.destination import Destination
from pipelines.sinks.tables import RUNS
from tests.bigquery_tables import rows
from tests.conftest import KEY
from tests.e2e.needs import need

pytestmark = pytest.mark.timeout(600)

REFUSED = "--requirements_file=/nowhere/requirements.txt"
"""What Dataflow's runner refuses when it is given the graph."""


@pytest.fixture(scope="module")
def subscription(storage: Storage) -> Iterator[str]:
    need(pubsub.missing_emulator(), "tests of Pub/Sub's emulator")
    storage.create("dataflow")
    storage.create("archive")
    with pubsub.local_emulator() as running, pytest.MonkeyPatch.context() as patch:
        patch.setenv("PUBSUB_EMULATOR_HOST", running.address)
        yield running.create("launched")


@pytest.fixture
def launch(subscription: str, empty: Destination, anonymous: None) -> Callable[..., int]:
    """Runs what Google's launcher runs; its exit code."""

    def run(*more: str) -> int:
        given = [
            f"--inputs=segment=pubsub://{subscription}", f"--output={empty}",
            "--archive=gs://archive/payloads", "--time_zone=Europe/Paris",
            "--pseudonym_key_secret=projects/example/secrets/key/versions/1",
            "--runner=DataflowRunner", "--no_auth", "--project=example", "--region=europe-west1",
            "--job_name=moment-stream", "--temp_location=gs://dataflow/temp",
            "--staging_location=gs://dataflow/staging", "--template_location=gs://dataflow/graph",
            "--sdk_container_image=europe-west1-docker.pkg.dev/example/moment/moment-dataflow:1",
        ]  # fmt: skip
        return flex_template.main([*given, *more], secret_of=lambda name: KEY)

    return run


@pytest.fixture
def begun(bigquery: BigQuery, empty: Destination) -> Callable[[], list[Any]]:
    """State, kind and options of the rows of `runs`, in order."""

    def read() -> list[Any]:
        found = rows(bigquery.client(), empty, RUNS)
        ordered = sorted(found, key=lambda row: row["recorded_time"])
        return [(row["state"], row["streaming"], row["options"]) for row in ordered]

    return read


def test_a_stream_is_launched_updated_started_anew_and_refused_where_its_options_differ(
    launch, begun, capsys
):
    # One that fails before its graph is written is in nobody's way.
    with pytest.raises(Exception, match="nowhere"):
        launch("--shards=16", REFUSED)
    assert begun() == []

    assert launch("--shards=32") == 0
    assert "the graph is written: Dataflow starts the job from it" in capsys.readouterr().out
    assert launch("--shards=32") == 0
    assert [each[:2] for each in begun()] == [("started", True)] * 2

    assert launch("--shards=64") == 2
    told = "expected shards 32 as it was begun with, found 64; give the same, or a higher --epoch"
    assert told in capsys.readouterr().err
    assert launch("--shards=64", "--epoch=1") == 0
    assert launch("--shards=64", "--time_zone=UTC", "--epoch=2") == 2
    assert launch("--shards=64") == 2
    assert "expected epoch 1 as it was begun with, found 0" in capsys.readouterr().err
    assert len(begun()) == 3
    assert '"epoch": 1' in begun()[-1][2]
    assert '"shards": 64' in begun()[-1][2]
