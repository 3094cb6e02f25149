"""`python -m deploy.local up|down|status`: the local services of this checkout."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from deploy.local.download import MissingTool
from deploy.local.ports import PortError, ports_from
from deploy.local.processes import StartError, running
from deploy.local.services import FOLDER, USUAL, down, status, up


def main(arguments: list[str] | None = None) -> int:
    """Exit code: 0, or 1 where something failed or, for status, where not everything runs."""
    parser = argparse.ArgumentParser(prog="python -m deploy.local", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    starting = commands.add_parser("up", help="start what does not run, and wait until ready")
    starting.add_argument("--slots", type=_slots, default=2, help="of the TaskManager (default 2)")
    starting.add_argument("--bigquery", action="store_true", help="BigQuery's emulator too")
    starting.add_argument("--storage", action="store_true", help="Cloud Storage's emulator too")
    commands.add_parser("down", help="stop everything that up started")
    commands.add_parser("status", help="print what runs and where its log is")
    chosen = parser.parse_args(arguments)
    if chosen.command == "up":
        optional = [name for name in ("bigquery", "storage") if getattr(chosen, name)]
        return _up(chosen.slots, (*USUAL, *optional))
    if chosen.command == "down":
        stopped = down(FOLDER)
        print(f"stopped: {', '.join(stopped)}" if stopped else "nothing was running")
        return 0
    return _status()


def _up(slots: int, optional: Sequence[str]) -> int:
    try:
        services = up(FOLDER, ports_from(os.environ), slots, print, optional)
    except (MissingTool, PortError, StartError) as failure:
        print(failure, file=sys.stderr)
        return 1
    print(f"\nFlink dashboard  {services.flink_rest}\nKafka broker     {services.kafka}")
    if running(FOLDER, "pubsub"):
        print(f"Pub/Sub emulator PUBSUB_EMULATOR_HOST={services.emulator.address}")
    if running(FOLDER, "bigquery"):
        variables = services.bigquery.variables.items()
        print(f"BigQuery emulator {' '.join(f'{name}={value}' for name, value in variables)}")
    if running(FOLDER, "storage"):
        variables = services.storage.variables.items()
        print(f"Storage emulator {' '.join(f'{name}={value}' for name, value in variables)}")
    print("A Beam Python pipeline runs here with the arguments:")
    print("  " + " \\\n  ".join(services.pipeline_arguments()))
    return 0


def _status() -> int:
    all_run = True
    for name, number, addresses, log in status(FOLDER):
        state = f"process {number}" if number else "not running"
        all_run = all_run and number is not None
        print(f"{name:<12} {state:<16} {addresses:<32} {log if log.exists() else ''}".rstrip())
    return 0 if all_run else 1


def _slots(given: str) -> int:
    slots = int(given)
    if not 1 <= slots <= 64:
        raise argparse.ArgumentTypeError(f"expected 1 to 64 slots, found {slots}")
    return slots


if __name__ == "__main__":
    sys.exit(main())
