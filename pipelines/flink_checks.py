"""The values of Flink's options, checked before anything is built."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryFile
from urllib.parse import unquote, urlsplit

from apache_beam.options.pipeline_options import FlinkRunnerOptions

from pipelines.errors import OptionError
from pipelines.flink_cluster import is_local
from pipelines.flink_keys import MOST_MAX_PARALLELISM

BOUNDS = {
    "checkpointing_interval": (1_000, 600_000),
    "parallelism": (1, MOST_MAX_PARALLELISM),
    "max_parallelism": (1, MOST_MAX_PARALLELISM),
    "sdk_worker_parallelism": (1, 256),
    "max_bundle_size": (1, 10_000),
    "max_bundle_time_mills": (10, 60_000),
    "max_cache_memory_usage_mb": (0, 16_384),
    "min_pause_between_checkpoints": (0, 600_000),
}
"""Least and greatest value of whole numbers; times are in milliseconds."""

CHOICES = {
    "state_backend": ("rocksdb", "filesystem"),
    "flink_version": tuple(FlinkRunnerOptions.PUBLISHED_FLINK_VERSIONS),
    "environment_type": ("EXTERNAL", "DOCKER", "PROCESS", "LOOPBACK"),
    # At least once would add the same deltas again after a restart.
    "checkpointing_mode": ("EXACTLY_ONCE",),
}

SWITCHES = (
    "externalized_checkpoints_enabled",
    "retain_externalized_checkpoints_on_cancellation",
    "finish_bundle_before_checkpointing",
)


def switch(value: str) -> bool:
    """`true` or `false` as a boolean; ValueError for anything else."""
    if value.lower() not in ("true", "false"):
        raise ValueError(f"expected true or false, found {value}")
    return value.lower() == "true"


def check_values(options: Mapping[str, str]) -> None:
    """Raise OptionError, one sentence, for the first value that Flink or Beam could not use."""
    for name, (least, greatest) in BOUNDS.items():
        value = options.get(name)
        if value is not None and not (
            re.fullmatch(r"[0-9]{1,9}", value) and least <= int(value) <= greatest
        ):
            unit = " milliseconds" if name == "checkpointing_interval" else ""
            raise OptionError(
                f"--{name} {value}: expected a whole number from {least} to {greatest}{unit}"
            )
    for name, choices in CHOICES.items():
        value = options.get(name)
        if value is not None and value not in choices:
            raise OptionError(f"--{name} {value}: expected {' or '.join(choices)}")
    for name in SWITCHES:
        value = options.get(name, "true")
        try:
            switch(value)
        except ValueError as error:
            raise OptionError(f"--{name} {value}: expected true or false") from error
    if options.get("environment_type") == "EXTERNAL" and "environment_config" in options:
        _check_external(options["environment_config"])
    master = options.get("flink_master", "[auto]")
    if options.get("environment_type") == "LOOPBACK" and not is_local(master):
        raise OptionError(
            f"--environment_type LOOPBACK: expected EXTERNAL or DOCKER, for the cluster at {master}"
            " cannot reach workers in this process"
        )
    if "state_backend_storage_path" in options:
        # A job server in a container, or a jar, has its own files.
        elsewhere = {"job_endpoint", "output_executable_path"} & options.keys()
        _check_storage(options["state_backend_storage_path"], is_local(master) and not elsewhere)


def _check_external(address: str) -> None:
    if not re.fullmatch(r"[^\s:/]+:[0-9]{1,5}", address):
        raise OptionError(
            f"--environment_config {address}: expected host:port of the worker pool, as each"
            " TaskManager sees it, such as localhost:50000"
        )


def _check_storage(path: str, local: bool) -> None:
    """Checkpoints have a place that outlives a TaskManager; one on this machine can be written."""
    told = f"--state_backend_storage_path {path}"
    parts = urlsplit(path)
    if not re.match(r"[a-z][a-z0-9+.-]*:/", path):
        raise OptionError(
            f"{told}: expected a URI such as gs://YOUR-BUCKET/checkpoints or file:///srv/checkpoints"
        )
    if parts.scheme != "file":
        if not parts.netloc:
            raise OptionError(f"{told}: expected a bucket or host after {parts.scheme}://")
        return
    if parts.netloc or not parts.path.startswith("/"):
        raise OptionError(f"{told}: expected three slashes and an absolute path after file:")
    if not local:
        return
    folder = Path(unquote(parts.path))
    above = next(place for place in (folder, *folder.parents) if place.exists())
    if not above.is_dir():
        raise OptionError(f"{told}: expected a directory, found the file {above}")
    try:
        with TemporaryFile(dir=above):
            pass
    except OSError as error:
        raise OptionError(
            f"{told}: expected to make files in {above}, found {error.strerror}"
        ) from error
