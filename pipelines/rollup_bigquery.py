"""A roll-up that BigQuery runs: its text over the view of partials, its rows fetched."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from pipelines.errors import OptionError
from pipelines.rollup import FUNCTIONS
from pipelines.sinks.bigquery.clients import rest_client
from pipelines.sinks.bigquery.destination import Destination
from pipelines.sinks.bigquery.sql import BIGQUERY_VIEWS
from pipelines.sources.bigquery import asking, fetch

(_PARTIALS,) = (view for view in BIGQUERY_VIEWS if view.name == "partials_latest")

_ROW = [
    ("days", pa.int64()),
    ("reach", pa.int64()),
    ("reach_low", pa.int64()),
    ("reach_high", pa.int64()),
    ("events", pa.int64()),
    ("watched_hours", pa.float64()),
    ("actions", pa.int64()),
]
"""rollup.COLUMNS, as BigQuery gives them."""


def partials_in(place: Destination) -> str:
    """The view of partials as SQL names it."""
    return f"`{place.name(_PARTIALS)}`"


def shared_functions(place: Destination) -> str:
    """Where bqutil shares DataSketches' functions in the region of a dataset.

    Raises OptionError where there is no such dataset.
    """
    with asking(place):
        location = rest_client(place).get_dataset(f"{place.project}.{place.dataset}").location
    region = (location or "US").lower().replace("-", "_")
    return FUNCTIONS if region == "us" else f"{FUNCTIONS}_{region}"


def roll_up_in_bigquery(
    place: Destination, text: str, columns: Sequence[str], functions: str
) -> list[tuple[Any, ...]]:
    """Rows of a text of `rollup_sql`, in its order; `columns` are those of its places.

    Raises OptionError where the view or the functions are missing, or may not be used.
    """
    from google.api_core.exceptions import BadRequest, Forbidden, NotFound

    schema = pa.schema([*((name, pa.string()) for name in columns), *_ROW])
    with asking(place):
        rest_client(place).get_table(place.name(_PARTIALS))
    try:
        rows = fetch(place, text, schema)
    except OptionError as error:
        if not isinstance(error.__cause__, BadRequest | Forbidden | NotFound):
            raise
        raise OptionError(
            f"{place}: expected the functions of DataSketches in {functions}, in the region of the"
            f" dataset, and the right to use them, found {type(error.__cause__).__name__}: name"
            " another dataset of them with --functions, or install Apache's datasketches-bigquery"
        ) from error
    return [tuple(row.values()) for row in rows.to_pylist()]
