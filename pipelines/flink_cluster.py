"""What a Flink cluster, or a job server, says of itself before a job is built for it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import urlopen

from pipelines.errors import OptionError

SECONDS = 5.0
"""A cluster in reach answers in milliseconds: who waits longer waits for one that is not there."""

EMBEDDED = ("[local]", "[auto]")
"""Masters that are no address: the job server runs the job in itself, a jar where it is started."""


@dataclass(frozen=True)
class Cluster:
    """A session cluster: `version` such as 1.19.3, and the slots of its largest TaskManager.

    `slots` is None where none is registered: an operator starts them when a job comes.
    """

    version: str
    slots: int | None

    @property
    def minor(self) -> str:
        """The version as --flink_version names it: 1.19."""
        return ".".join(self.version.split(".")[:2])


def session_cluster(master: str, seconds: float = SECONDS) -> Cluster:
    """What the cluster at host:port says. Raises OptionError where none answers as Flink does."""
    address = rest_address(master)
    configuration = _get(master, f"{address}/v1/config", seconds)
    taskmanagers = _get(master, f"{address}/v1/taskmanagers", seconds)
    try:
        slots = [int(each["slotsNumber"]) for each in taskmanagers["taskmanagers"]]
        return Cluster(str(configuration["flink-version"]), max(slots, default=None))
    except (KeyError, TypeError, ValueError) as error:
        raise _no_flink(master, "an answer that is not Flink's") from error


def rest_address(master: str) -> str:
    """The URL of a master given as host:port or as a URL."""
    url = master if re.match("https?://", master) else f"http://{master}"
    try:
        parts = urlsplit(url)
        told = bool(parts.hostname) and parts.port is not None
    except ValueError:
        told = False
    if not told:
        raise OptionError(
            f"--flink_master {master}: expected host:port of Flink's REST interface, such as"
            " localhost:8081"
        )
    return url.rstrip("/")


def is_local(master: str) -> bool:
    """Whether the job's processes are on this machine, and its paths so too."""
    if master in EMBEDDED:
        return True
    return urlsplit(rest_address(master)).hostname in ("localhost", "127.0.0.1", "::1")


def job_server_options(endpoint: str, seconds: float = SECONDS) -> frozenset[str]:
    """Names of the options that the job server at host:port knows.

    Raises OptionError where none answers.
    """
    import grpc
    from apache_beam.portability.api import beam_job_api_pb2, beam_job_api_pb2_grpc

    with grpc.insecure_channel(endpoint) as channel:
        stub = beam_job_api_pb2_grpc.JobServiceStub(channel)
        try:
            told = stub.DescribePipelineOptions(
                beam_job_api_pb2.DescribePipelineOptionsRequest(), timeout=seconds
            )
        except grpc.RpcError as error:
            raise OptionError(
                f"--job_endpoint {endpoint}: expected a Beam job server that answers within"
                f" {seconds:g} s, found {error.code().name.lower().replace('_', ' ')}; start it, or"
                " use --runner=FlinkRunner, which starts one"
            ) from error
    return frozenset(option.name for option in told.options)


def _get(master: str, url: str, seconds: float) -> Any:
    try:
        with urlopen(url, timeout=seconds) as answer:
            return json.load(answer)
    except HTTPError as error:
        raise _no_flink(master, f"HTTP status {error.code}") from error
    except URLError as error:
        raise _no_flink(master, _reason(error.reason)) from error
    except OSError as error:
        raise _no_flink(master, _reason(error)) from error
    except ValueError as error:
        raise _no_flink(master, "an answer that is not Flink's") from error


def _reason(error: object) -> str:
    if isinstance(error, TimeoutError):
        return "no answer"
    told = (isinstance(error, OSError) and error.strerror) or str(error)
    return told[:1].lower() + told[1:]


def _no_flink(master: str, found: str) -> OptionError:
    return OptionError(
        f"--flink_master {master}: expected a Flink cluster whose REST interface answers within"
        f" {SECONDS:g} s, found {found}; start it, or give its host:port"
    )
