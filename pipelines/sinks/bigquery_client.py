"""How BigQuery is reached: Google's service with the account of the environment, or an emulator."""

from __future__ import annotations

import os
import re

from google.api_core.exceptions import GoogleAPIError
from google.auth.credentials import AnonymousCredentials
from google.auth.exceptions import GoogleAuthError
from google.cloud import bigquery

from pipelines.errors import OptionError
from pipelines.sinks.bigquery_sql import Datasets

EMULATOR = "BIGQUERY_EMULATOR_HOST"
"""Address of an emulator, such as http://localhost:9050; Google's client reads it too."""

SCHEME = "bigquery://"
_PLACE = re.compile(r"bigquery://([a-z][a-z0-9:.\-]{4,}[a-z0-9])/([A-Za-z0-9_]{1,1000})$")


def parse_datasets(place: str, restricted_dataset: str | None = None) -> Datasets:
    """The datasets of bigquery://PROJECT/DATASET; failed payloads are in DATASET_restricted."""
    found = _PLACE.match(place)
    if found is None:
        raise OptionError(
            f"{place}: expected bigquery://PROJECT/DATASET, as in bigquery://ours/live"
        )
    project, dataset = found.groups()
    return Datasets(project, dataset, restricted_dataset or f"{dataset}_restricted")


def bigquery_client(project: str) -> bigquery.Client:
    """A client. OptionError, one sentence, where the environment has no account."""
    if os.environ.get(EMULATOR):
        return bigquery.Client(project, credentials=AnonymousCredentials())
    try:
        return bigquery.Client(project)
    except GoogleAuthError as error:
        raise OptionError(
            f"bigquery://{project}: expected an account of Google Cloud in the environment, found"
            " none; run `gcloud auth application-default login`, or set"
            " GOOGLE_APPLICATION_CREDENTIALS"
        ) from error


def refusal(error: GoogleAPIError, place: str) -> OptionError:
    """What BigQuery refused, in one sentence."""
    status = getattr(error, "code", None)
    if status == 403:
        return OptionError(
            f"{place}: expected an account that may do this, found one that may not"
            f" ({getattr(error, 'message', error)})"
        )
    return OptionError(f"{place}: BigQuery refused: {getattr(error, 'message', error)}")
