"""What the end-to-end tests share: helpers whose assertions say what they compared."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

from deploy.local import storage as local_storage
from deploy.local.bigquery import PROJECT, Emulator, local_bigquery, missing_emulator
from deploy.local.download import missing_tool
from deploy.local.services import ROOT
from pipelines.sinks.bigquery.destination import Destination, parse_destination
from pipelines.sinks.bigquery.tables import apply, plan
from tests.e2e.in_bigquery import InBigQuery, copy_of
from tests.e2e.kafka_broker import Broker, own_broker
from tests.e2e.needs import need

# The same three days of raw input in a folder and in BigQuery, and the same commands over both.
from tests.pipelines import conftest as in_folders
from tests.pipelines.refill import Published

pytest.register_assert_rewrite("tests.e2e.cluster", "tests.e2e.dataset", "tests.e2e.streams")

pristine, published = in_folders.pristine, in_folders.published
in_time, streamed = in_folders.in_time, in_folders.streamed
refused, failing = in_folders.refused, in_folders.failing
small, dataset = in_folders.small, in_folders.dataset
moment_verify, moment_backfill = in_folders.moment_verify, in_folders.moment_backfill
moment_replay = in_folders.moment_replay


class BesideTheCluster(LoadScopeScheduling):
    """What needs a Flink cluster runs one after the other, all else on another worker, so that both
    are at work for about as long.
    """

    def _split_scope(self, nodeid: str) -> str:
        return "cluster" if _needs_cluster(nodeid.partition("::")[0]) else "beside"


@cache
def _needs_cluster(file: str) -> bool:
    return "local_services" in (ROOT / file).read_text()


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> BesideTheCluster:
    """With --numprocesses. Marks of groups would do, but pytest-xdist 3.8 loses them on pytest 9."""
    return BesideTheCluster(config, log)


@pytest.fixture(scope="module")
def bigquery() -> Iterator[Emulator]:
    need(missing_emulator(), "tests of BigQuery's emulator")
    with local_bigquery() as running, _told_of(running.variables):
        yield running


@pytest.fixture(scope="module")
def broker() -> Iterator[Broker]:
    """Kafka alone, which no cluster reads."""
    need(missing_tool())
    with own_broker() as running:
        yield running


@pytest.fixture(scope="module")
def storage() -> Iterator[local_storage.Emulator]:
    need(local_storage.missing_emulator(), "tests of Cloud Storage's emulator")
    with local_storage.local_storage() as running, _told_of(running.variables):
        yield running


@contextmanager
def _told_of(variables: Mapping[str, str]) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in variables.items():
            patch.setenv(name, value)
        yield


@pytest.fixture
def empty(bigquery: Emulator, request: pytest.FixtureRequest) -> Destination:
    """Tables and views without a row."""
    name = f"d{abs(hash(request.node.name)) % 10**8}"
    to = parse_destination(f"bigquery://{PROJECT}/{name}", bigquery.variables)
    apply(plan(bigquery.client(), to, "EU"), lambda sentence: None)
    return to


@pytest.fixture
def batch(empty: Destination, bigquery: Emulator, published: Published) -> InBigQuery:
    copy_of(published.dataset, empty)
    return InBigQuery(empty, published.inputs, bigquery.client())


@pytest.fixture
def stream(empty: Destination, bigquery: Emulator, streamed: Published) -> InBigQuery:
    copy_of(streamed.dataset, empty)
    return InBigQuery(empty, streamed.inputs, bigquery.client())


@pytest.fixture
def batch_of_everything(published: Published) -> set[tuple[object, ...]]:
    """The figures that a batch gives in a folder of all the input that `stream` is of."""
    return set(published.standing())
