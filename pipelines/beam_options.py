"""Beam's arguments: which options there are, and which a mistyped one was meant to be."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator, Sequence
from difflib import get_close_matches

from apache_beam.options.pipeline_options import PipelineOptions, _BeamArgumentParser
from apache_beam.runners.portability.portable_runner import PortableRunner
from apache_beam.runners.runner import create_runner

from pipelines.arguments import add_measure_arguments
from pipelines.errors import OptionError

OF_FLINK = (
    "allow_non_restored_state", "attached_mode", "auto_balance_write_files_sharding_enabled",
    "auto_watermark_interval", "checkpoint_timeout_millis", "disable_metrics",
    "enable_stable_input_drain", "execution_mode_for_batch", "execution_retry_delay",
    "fail_on_checkpointing_errors", "faster_copy", "file_input_split_max_size_m_b",
    "flink_conf_dir", "force_slot_sharing_group", "force_unaligned_checkpoint_enabled",
    "job_check_interval_in_secs", "latency_tracking_interval", "num_concurrent_checkpoints",
    "number_of_execution_retries", "object_reuse", "operator_chaining",
    "re_iterable_group_by_key_result", "report_checkpoint_duration",
    "shutdown_sources_after_idle_ms", "state_backend_factory", "unaligned_checkpoint_enabled",
    "use_data_stream_for_batch",
    # Of Beam's Java at large, and like others.
    "default_environment_config", "default_environment_type", "gcp_temp_location",
    "max_cache_memory_usage_mb_class", "max_cache_memory_usage_percent",
)  # fmt: skip
"""What Flink's job server knows beside what is declared to Beam's Python."""

_ALIKE = 0.8
"""Names so alike are one that is mistyped: `brant` and `brand` just are."""


def check_beam(arguments: Sequence[str]) -> None:
    """Refuse what neither we nor Beam know: Beam itself would pass a mistyped option over.

    On a portable runner a name that is like none is let through: its job server may know it.
    Raises OptionError, one sentence.
    """
    parser = _BeamArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    for part in PipelineOptions.__subclasses__():
        part._add_argparse_args(parser)
    try:
        known, unknown = parser.parse_known_args(list(arguments))
    except argparse.ArgumentError as error:
        message = error.message.replace("ignored explicit argument", "expected no value, found")
        raise OptionError(f"{error.argument_name}: {message}") from error
    except (AttributeError, TypeError, ValueError) as error:
        # Of a mapping, where something else is given: Beam does not say which.
        raise OptionError(
            f"expected options of Apache Beam with values that it reads, found one without: {error}"
        ) from error
    try:
        runner = create_runner(known.runner) if known.runner else None
    except (ValueError, ImportError, AttributeError) as error:
        raise OptionError(
            f"--runner {known.runner}: expected an installed runner of Apache Beam, such as"
            " FlinkRunner; without --runner the job runs in this process"
        ) from error
    portable = isinstance(runner, PortableRunner)
    passed_on = [f"--{name}" for name in OF_FLINK] if portable else []
    for given in _names_given(unknown):
        if given in passed_on:
            continue
        meant = _meant(given, [*_options_of(parser), *passed_on])
        if meant or not portable or not re.fullmatch("--[a-z0-9_]+", given):
            raise OptionError(
                f"{given}: expected an option of `moment measure --help` or of Apache Beam"
                + f"; did you mean {meant}?" * bool(meant)
            )


def _names_given(unknown: Sequence[str]) -> Iterator[str]:
    """What is no option's value: names without theirs, and words that stand alone."""
    takes_value = False
    for text in unknown:
        if text.startswith("-") or not takes_value:
            yield text.partition("=")[0]
        takes_value = text.startswith("--") and "=" not in text


def _options_of(parser: argparse.ArgumentParser) -> list[str]:
    """As they are given: ours, and those of a parser."""
    ours = argparse.ArgumentParser(add_help=False)
    add_measure_arguments(ours)
    actions = (*ours._actions, *parser._actions)
    return [option for action in actions for option in action.option_strings]


def _meant(given: str, options: Sequence[str]) -> str | None:
    """The option that one was meant to be; ours have dashes where Beam's have underscores."""
    by_name = {option.strip("-").replace("-", "_"): option for option in options}
    alike = get_close_matches(given.strip("-").replace("-", "_"), by_name, n=1, cutoff=_ALIKE)
    return by_name[alike[0]] if alike else None
