"""Clients of BigQuery, of the service or an emulator: one of each for a process."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from pipelines.errors import OptionError
from pipelines.sinks.bigquery.connection import METHOD, Call, Connection
from pipelines.sinks.bigquery.destination import Destination
from pipelines.sinks.bigquery.requests import messages

_NO_LIBRARY = (
    "expected the packages google-cloud-bigquery and google-cloud-bigquery-storage for"
    " BigQuery, found none: install moment-pipeline[gcp]"
)
CHANNEL_OPTIONS = [
    ("grpc.max_send_message_length", -1),
    ("grpc.max_receive_message_length", -1),
    # A peer that vanished is noticed while replies are awaited.
    ("grpc.keepalive_time_ms", 60_000),
    # Else two minutes pass between its own attempts after a long outage, whatever ours are.
    ("grpc.max_reconnect_backoff_ms", 10_000),
]


def rest_client(destination: Destination) -> Any:
    """A google.cloud.bigquery.Client. Raises OptionError: no package, no credentials."""
    try:
        from google.api_core.client_options import ClientOptions
        from google.auth.credentials import AnonymousCredentials
        from google.auth.exceptions import DefaultCredentialsError
        from google.cloud import bigquery
    except ImportError:
        raise OptionError(_NO_LIBRARY) from None
    if destination.rest_emulator:
        return bigquery.Client(
            destination.project,
            credentials=AnonymousCredentials(),
            client_options=ClientOptions(api_endpoint=destination.rest_emulator),
        )
    try:
        return bigquery.Client(destination.project)
    except DefaultCredentialsError as error:
        raise OptionError(_no_credentials(error)) from error


@lru_cache(maxsize=8)
def write_client(destination: Destination) -> Any:
    """The process's BigQueryWriteClient; its gRPC channel is the one that all tables share."""
    try:
        from google.auth.exceptions import DefaultCredentialsError
        from google.cloud.bigquery_storage_v1 import BigQueryWriteClient
        from google.cloud.bigquery_storage_v1.services.big_query_write.transports import (
            BigQueryWriteGrpcTransport,
        )
    except ImportError:
        raise OptionError(_NO_LIBRARY) from None
    if destination.write_emulator:
        import grpc

        channel = grpc.insecure_channel(destination.write_emulator, options=CHANNEL_OPTIONS)
        return BigQueryWriteClient(transport=BigQueryWriteGrpcTransport(channel=channel))
    try:
        channel = BigQueryWriteGrpcTransport.create_channel(options=CHANNEL_OPTIONS)
        return BigQueryWriteClient(transport=BigQueryWriteGrpcTransport(channel=channel))
    except DefaultCredentialsError as error:
        raise OptionError(_no_credentials(error)) from error


@lru_cache(maxsize=8)
def read_client(destination: Destination) -> Any | None:
    """The process's BigQueryReadClient; None of an emulator, and rows are then pages of JSON."""
    if destination.rest_emulator:
        return None
    try:
        from google.auth.exceptions import DefaultCredentialsError
        from google.cloud.bigquery_storage_v1 import BigQueryReadClient
    except ImportError:
        raise OptionError(_NO_LIBRARY) from None
    try:
        return BigQueryReadClient()
    except DefaultCredentialsError as error:
        raise OptionError(_no_credentials(error)) from error


def connect(destination: Destination, stream: str, columns: list[str]) -> Connection:
    """A connection to a write stream, over the process's channel."""
    # The client's own method wraps each message and waits for the first reply before it returns.
    call = write_client(destination).transport.grpc_channel.stream_stream(
        METHOD,
        request_serializer=None,
        response_deserializer=messages().AppendRowsResponse.FromString,
    )

    def start(requests: Iterable[bytes]) -> Call:
        routed = (("x-goog-request-params", f"write_stream={stream}"),)
        started: Call = call(iter(requests), metadata=routed)
        return started

    return Connection(start, columns)


def _no_credentials(error: Exception) -> str:
    return (
        f"expected Google Cloud credentials for BigQuery, found {type(error).__name__}:"
        " run `gcloud auth application-default login`, or set GOOGLE_APPLICATION_CREDENTIALS to a"
        " key file"
    )
