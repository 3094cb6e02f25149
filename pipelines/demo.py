"""`moment demo`: a simulated live, measured, reported."""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pipelines.arguments import add_measure_arguments
from pipelines.errors import OptionError
from pipelines.measure import measure, print_summary
from pipelines.options import measure_options
from pipelines.report import write_report
from pipelines.simulator import BRAND, FILES, write
from pipelines.sinks.own_files import TRUTH, is_truth


def demo(output: Path, simulation: Callable[[], Any]) -> int:
    """Simulate into OUTPUT/native, measure into OUTPUT/figures, report; 3 if not balanced."""
    native, figures = output / "native", output / "figures"
    if output.exists() and not output.is_dir():
        raise OptionError(f"--output {output}: expected a directory, found a file")
    if output.exists() and any(p.name not in ("native", "figures") for p in output.iterdir()):
        raise OptionError(f"--output {output}: expected a new directory or an earlier demo")
    if native.is_dir() and (foreign := _foreign(native)):
        raise OptionError(
            f"--output {output}: expected a new directory or an earlier demo, found"
            f" native/{foreign}, which no demo wrote; move it, or give another directory"
        )
    simulated = simulation()
    shutil.rmtree(native, ignore_errors=True)
    try:
        native.mkdir(parents=True)
        write(simulated, native)
    except OSError as error:
        raise OptionError(
            f"--output {output}: expected to write in it, found {error.strerror}; name another"
            " directory"
        ) from error
    parser = argparse.ArgumentParser()
    add_measure_arguments(parser)
    arguments = parser.parse_args(
        [
            *(str(path) for path in sorted(native.iterdir()) if path.name != TRUTH),
            *("--output", str(figures), "--brand", BRAND, "--replace"),
        ]
    )
    measured = measure(measure_options(arguments, []))
    print_summary(measured)
    page = write_report(figures, figures / "report.html")
    print(f"open {page}")
    return 3 if measured.unbalanced else 0


def _foreign(native: Path) -> str | None:
    """A file that no simulation wrote, by its name; None: there is none, or nothing at all."""
    found = sorted(path.name for path in native.iterdir())
    if not found or is_truth(str(native / TRUTH)):
        return next((name for name in found if name not in {*FILES.values(), TRUTH}), None)
    return found[0]
