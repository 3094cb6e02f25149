"""Where in BigQuery tables are, parsed from bigquery://PROJECT/DATASET."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from pipelines.errors import OptionError
from pipelines.sinks.table import Table
from pipelines.sinks.views import View

SCHEME = "bigquery://"
REST_VARIABLE = "BIGQUERY_EMULATOR_HOST"
WRITE_VARIABLE = "MOMENT_BIGQUERY_WRITE_EMULATOR"
_PROJECT = re.compile(r"(?:[a-z0-9.-]+:)?[a-z][a-z0-9-]{4,28}[a-z0-9]")
_DATASET = re.compile(r"\w{1,1000}", re.ASCII)


@dataclass(frozen=True)
class Destination:
    """A dataset, the one beside it that few may read, and an emulator's addresses if it is one.

    A third has the views that BI reads: it is named after the first.
    `rest_emulator`: URL of its REST interface; `write_emulator`: host:port of Storage Write.
    `expires`: partitions go as their tables say; of an emulator none does.
    `most_bytes`: a query that would be billed for more is refused; None: each is run.
    """

    project: str
    dataset: str
    restricted_dataset: str
    rest_emulator: str | None = None
    write_emulator: str | None = None
    expires: bool = True
    most_bytes: int | None = None

    @property
    def views_dataset(self) -> str:
        return f"{self.dataset}_views"

    def dataset_of(self, table: Table | View) -> str:
        if table.restricted:
            return self.restricted_dataset
        return (
            self.views_dataset if isinstance(table, View) and not table.personal else self.dataset
        )

    def name(self, table: Table | View) -> str:
        """project.dataset.table, as SQL and people say it."""
        return f"{self.project}.{self.dataset_of(table)}.{table.name}"

    def path(self, table: Table) -> str:
        """projects/…/tables/…, as Storage Write says it."""
        dataset = self.dataset_of(table)
        return f"projects/{self.project}/datasets/{dataset}/tables/{table.name}"

    def __str__(self) -> str:
        return f"{SCHEME}{self.project}/{self.dataset}"


def is_bigquery(output: str) -> bool:
    return output.startswith(SCHEME)


def parse_destination(
    output: str, environment: Mapping[str, str], option: str = "--output "
) -> Destination:
    """The destination that an address names. Raises OptionError, one sentence.

    The restricted dataset is DATASET_restricted unless `?restricted=NAME` says another. `option`
    is what stands before the address where it was given.
    """
    place, _, query = output.removeprefix(SCHEME).partition("?")
    project, _, dataset = place.partition("/")
    key, _, restricted = query.partition("=")
    if not (
        _PROJECT.fullmatch(project) and _DATASET.fullmatch(dataset) and (not query or restricted)
    ) or (query and (key != "restricted" or not _DATASET.fullmatch(restricted))):
        raise OptionError(
            f"{option}{output}: expected bigquery://PROJECT/DATASET, and for raw payloads another"
            " dataset than DATASET_restricted as in bigquery://PROJECT/DATASET?restricted=NAME"
        )
    restricted = restricted or f"{dataset}_restricted"
    if restricted in (dataset, f"{dataset}_views"):
        raise OptionError(
            f"{option}{output}: expected a restricted dataset of its own, found {restricted} for"
            " another too"
        )
    rest, write = environment.get(REST_VARIABLE), environment.get(WRITE_VARIABLE)
    if bool(rest) != bool(write):
        given, other = (REST_VARIABLE, WRITE_VARIABLE) if rest else (WRITE_VARIABLE, REST_VARIABLE)
        raise OptionError(
            f"{given}: expected {other} beside it, or neither, for an emulator has two addresses"
        )
    if rest and "://" not in rest:
        rest = f"http://{rest}"
    return Destination(project, dataset, restricted, rest or None, write or None, not rest)
