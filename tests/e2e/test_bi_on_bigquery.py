"""The questions of docs/bi.md through SQLAlchemy, as a BI tool asks, on BigQuery's emulator.

Tables and views are those that `moment tables apply` makes; rows come over Storage Write.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest
import sqlalchemy
from google.cloud.bigquery import QueryJobConfig

from deploy.local.bigquery import PROJECT, Emulator
from pipelines.measure import Measured
from pipelines.questions import QUESTIONS
from pipelines.sinks.bigquery.destination import parse_destination
from pipelines.sinks.bigquery.tables import apply, plan
from pipelines.sinks.tables import EVENTS, METRICS, PARTIALS
from tests.bi import ANSWERS, dataset_of_two_epochs, plain
from tests.e2e.in_bigquery import copy_table

pytestmark = pytest.mark.timeout(900)

DATA = "questions"


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory, measured: Callable[..., Measured]) -> Path:
    return dataset_of_two_epochs(tmp_path_factory.mktemp("bi"), measured)


@pytest.fixture(scope="module")
def client(bigquery: Emulator, dataset: Path) -> Any:
    """Google's client of an emulator that holds the dataset."""
    to = parse_destination(f"bigquery://{PROJECT}/{DATA}", bigquery.variables)
    client = bigquery.client()
    apply(plan(client, to, "EU"), lambda sentence: None)
    for table in (EVENTS, METRICS, PARTIALS):
        copy_table(table, dataset, to)
    return client


def _from(client: Any, dataset: str) -> Any:
    """The client, with a default dataset: the texts name none."""
    # With a priority the client does not take its short way, jobs.query, on which the emulator
    # knows no default dataset.
    client.default_query_job_config = QueryJobConfig(
        default_dataset=f"{PROJECT}.{dataset}", priority="INTERACTIVE"
    )
    return client


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.name)
def test_bigquery_answers_through_sqlalchemy_as_duckdb_does(client, dataset, question):
    """Figures from the dataset that BI reads; what asks for people, from that of the tables."""
    place = DATA if question.of_people else f"{DATA}_views"
    engine = sqlalchemy.create_engine(
        f"bigquery://{PROJECT}/{place}?user_supplied_client=True",
        connect_args={"client": _from(client, place)},
    )
    with engine.connect() as connection:
        found = plain(connection.exec_driver_sql(question.bigquery).fetchall())

    assert found == ANSWERS[question.name]
    with duckdb.connect(str(dataset / "moment.duckdb"), read_only=True) as files:
        assert found == plain(files.execute(question.select).fetchall())
