"""Arguments of a job on Flink: what must be given, what is checked, what is set for the traps.

docs/flink.md says what each option does and why it has its value.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from apache_beam.options.pipeline_options import (
    PipelineOptions,
    _BeamArgumentParser,
)

from pipelines.errors import OptionError
from pipelines.flink_checks import BOUNDS, CHOICES, SWITCHES, check_values, switch
from pipelines.flink_cluster import (
    EMBEDDED,
    Cluster,
    is_local,
    job_server_options,
    session_cluster,
)
from pipelines.flink_keys import (
    MOST_MAX_PARALLELISM,
    default_max_parallelism,
    default_shards,
    shard_keys,
)
from pipelines.runners import runner_name

EXAMPLES = {
    "checkpointing_interval": "10000",
    "state_backend": "rocksdb",
    "state_backend_storage_path": "gs://YOUR-BUCKET/checkpoints",
    "flink_version": "1.19",
    "environment_type": "EXTERNAL",
    "environment_config": "localhost:50000",
    "parallelism": "2",
    "sdk_worker_parallelism": "2",
}
"""What a streaming job may not start without, each with a value as it could be."""

_STATE = ("checkpointing_interval", "state_backend", "state_backend_storage_path")

_TEXTS = (
    "flink_master",
    "job_endpoint",
    "output_executable_path",
    "state_backend_storage_path",
    "environment_config",
    "environment_option",
    "environment_options",
    "artifacts_dir",
    "savepoint_path",
)


@dataclass(frozen=True)
class FlinkJob:
    """A job on Flink: Beam's arguments, and the integer that keys each shard of its state.

    `checkpoint_seconds`: from one checkpoint to the next, and `spaced_by`, the option that says it;
    None: there are none.
    """

    arguments: tuple[str, ...]
    parallelism: int
    max_parallelism: int
    keys: tuple[int, ...]
    checkpoint_seconds: float | None
    spaced_by: str


class FlinkJobServerOptions(PipelineOptions):
    """Options that Beam's Flink job server knows and Beam's Python does not.

    Declared, they are parsed here as any other; else each is told to be an unparseable argument,
    and a switch could be turned on only.
    """

    @classmethod
    def _add_argparse_args(cls, parser: _BeamArgumentParser) -> None:
        for name in ("checkpointing_interval", "max_bundle_size", "max_bundle_time_mills"):
            parser.add_argument(f"--{name}", type=int)
        parser.add_argument("--min_pause_between_checkpoints", type=int)
        for name in (
            "checkpointing_mode",
            "savepoint_path",
            "state_backend",
            "state_backend_storage_path",
        ):
            parser.add_argument(f"--{name}")
        for name in SWITCHES:
            parser.add_argument(f"--{name}", nargs="?", const=True, type=switch)


def runs_on_flink(given: Sequence[str]) -> bool:
    """Whether Beam's arguments name Flink: by runner, or by a job server that knows its options.

    Raises OptionError where a job server is named that does not answer.
    """
    runner = runner_name(given)
    if runner == "flink":
        return True
    endpoint = _parsed(given).get("job_endpoint", "embed")
    if runner != "portable" or endpoint == "embed":
        return False
    return "checkpointing_interval" in job_server_options(endpoint)


def flink_arguments(given: Sequence[str]) -> tuple[str, ...]:
    """Beam's arguments of a streaming job on Flink: those given, and those set by us.

    Raises OptionError, one sentence, as `flink_job` does.
    """
    return flink_job(given).arguments


def flink_job(given: Sequence[str], shards: int | None = None, streaming: bool = True) -> FlinkJob:
    """A job on Flink from Beam's arguments, checked, with what was not given set for the traps.

    The cluster of a --flink_master that is an address is asked for its version and slots. Bounded
    input (`streaming` false) needs no checkpoints. Raises OptionError, one sentence, where an
    option is missing or wrong, where the cluster does not answer or has another version, and where
    checkpoints on this machine cannot be written.
    """
    options = _parsed(given)
    _check_present(options, streaming)
    check_values(options)
    cluster = _cluster(options)
    parallelism = int(options["parallelism"])
    most = int(options.get("max_parallelism", MOST_MAX_PARALLELISM))
    shards = shards or min(default_shards(parallelism), most)
    max_parallelism = int(options.get("max_parallelism", default_max_parallelism(shards)))
    if max_parallelism < max(shards, parallelism):
        raise OptionError(
            f"--max_parallelism {max_parallelism}: expected at least {max(shards, parallelism)},"
            f" a key group for each of {shards} shards and of {parallelism} slots"
        )
    settings = _settings(options, streaming, max_parallelism)
    settings["sdk_worker_parallelism"] = _workers(options, cluster)
    if cluster and not is_local(options["flink_master"]) and "artifacts_dir" not in options:
        # Else what the job stages lies in a folder of this machine, where no TaskManager finds it.
        settings["flink_submit_uber_jar"] = True
    _check_savepoint(options, cluster, "flink_submit_uber_jar" in {**options, **settings})
    added = [
        f"--{name}" if value is True else f"--{name}={value}"
        for name, value in settings.items()
        if name not in options
    ]
    # A pause that is longer than the interval is what happens.
    spaced_by = max(
        ("checkpointing_interval", "min_pause_between_checkpoints"),
        key=lambda name: int(options.get(name, 0)),
    )
    return FlinkJob(
        arguments=(*given, *added),
        parallelism=parallelism,
        max_parallelism=max_parallelism,
        keys=shard_keys(shards, max_parallelism),
        checkpoint_seconds=int(options.get(spaced_by, 0)) / 1000 or None,
        spaced_by=spaced_by,
    )


def _settings(
    options: Mapping[str, str], streaming: bool, max_parallelism: int
) -> dict[str, int | str | bool]:
    """What is set unless it is given."""
    settings: dict[str, int | str | bool] = {
        "max_bundle_size": 32,
        # Our machines stay in memory by themselves and read a token. Beam weighs all that it caches
        # by walking through the globals of every module, which took a sixth of a worker's time.
        "max_cache_memory_usage_mb": 0,
    }
    if not streaming:
        return settings
    return settings | {
        "streaming": True,
        "max_parallelism": max_parallelism,
        "max_bundle_time_mills": 500,
        "checkpointing_mode": "EXACTLY_ONCE",
        "min_pause_between_checkpoints": int(options["checkpointing_interval"]) // 2,
        "finish_bundle_before_checkpointing": True,
        "externalized_checkpoints_enabled": True,
        "retain_externalized_checkpoints_on_cancellation": True,
    }


def _parsed(given: Sequence[str]) -> dict[str, str]:
    """The options named here that were given, as text."""
    parser = _BeamArgumentParser(
        add_help=False, allow_abbrev=False, exit_on_error=False, argument_default=argparse.SUPPRESS
    )
    for name in (*BOUNDS, *CHOICES, *_TEXTS):
        parser.add_argument(f"--{name}")
    for name in ("streaming", "flink_submit_uber_jar"):
        parser.add_argument(f"--{name}", action="store_const", const="true")
    for name in SWITCHES:
        parser.add_argument(f"--{name}", nargs="?", const="true")
    try:
        known, _ = parser.parse_known_args(list(given))
    except argparse.ArgumentError as error:
        raise OptionError(f"{error.argument_name}: {error.message}") from error
    return vars(known)


def _check_present(options: Mapping[str, str], streaming: bool) -> None:
    needed = [name for name in EXAMPLES if streaming or name not in _STATE]
    if options.get("job_endpoint"):
        # A job server that already runs is of one version, whatever is said here.
        needed.remove("flink_version")
    loopback = options.get("environment_type") == "LOOPBACK"
    if loopback or {"environment_option", "environment_options"} & options.keys():
        needed.remove("environment_config")
    if not options.get("output_executable_path"):
        needed.remove("sdk_worker_parallelism")
    missing = [f"--{name}={EXAMPLES[name]}" for name in needed if not options.get(name)]
    if missing:
        kind = "a streaming job" if streaming else "a job"
        raise OptionError(
            f"{kind} on Flink does not start without {' '.join(missing)}: give"
            f" {'it' if len(missing) == 1 else 'each of them'} a value, such as this"
        )


def _cluster(options: Mapping[str, str]) -> Cluster | None:
    """The session cluster of the job; None where it brings its own, or a job server knows it."""
    master = options.get("flink_master", "[auto]").strip()
    jar = options.get("output_executable_path")
    if jar and master not in EMBEDDED:
        raise OptionError(
            f"--flink_master {master}: expected none beside --output_executable_path {jar}, for a"
            " jar runs on the cluster that starts it, and with another's address on none"
        )
    if jar or master in EMBEDDED or options.get("job_endpoint"):
        return None
    cluster = session_cluster(master)
    if cluster.minor != options["flink_version"]:
        raise OptionError(
            f"--flink_version {options['flink_version']}: expected {cluster.minor}, for the cluster"
            f" at {master} is Flink {cluster.version}"
        )
    return cluster


def _check_savepoint(options: Mapping[str, str], cluster: Cluster | None, in_jar: bool) -> None:
    """Beam drops the savepoint of a job that is not sent to an address: it would start empty."""
    path = options.get("savepoint_path")
    if path and not options.get("job_endpoint") and (cluster is None or in_jar):
        raise OptionError(
            f"--savepoint_path {path}: expected a --flink_master host:port, and an --artifacts_dir"
            " that its TaskManagers read; a job in a jar is given its savepoint where the jar is"
            " started"
        )


def _workers(options: Mapping[str, str], cluster: Cluster | None) -> int:
    """Python workers of a TaskManager: one a slot, or one process would serve them all."""
    if "sdk_worker_parallelism" in options:
        return int(options["sdk_worker_parallelism"])
    if cluster is None:
        return int(options["parallelism"])
    if cluster.slots is None:
        raise OptionError(
            f"--flink_master {options['flink_master']}: no TaskManager is registered yet, so give"
            " --sdk_worker_parallelism=2 with the slots that one will have"
        )
    return min(cluster.slots, int(options["parallelism"]))
