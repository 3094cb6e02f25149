"""`moment backfill`: past days computed anew, one by one, and published where they differ."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from pipelines.backfill_day import NotBalancedError, restate
from pipelines.backfill_lock import exclusively
from pipelines.backfill_manifest import Manifest, begin
from pipelines.backfill_options import BackfillOptions
from pipelines.backfill_plan import describe, plan
from pipelines.sinks.duckdb_views import create_views

NOT_BALANCED = 3
WORK = ".backfill"
"""The folder of the dataset in which all is staged: on the same disk, so that renames are whole."""


def backfill(options: BackfillOptions) -> int:
    """Plan, print, and unless only the plan was asked for, restate day after day. 0: done; 3: a
    recomputation lost or made events.

    Raises OptionError or InputError, before anything is written. A run that was killed is gone on
    with by the same command; a finished one is begun anew, and appends nothing where nothing
    changed.
    """
    if options.only_plan:
        print(describe(options, plan(options)))
        return 0
    with exclusively(options.dataset):
        planned = plan(options)
        print(describe(options, planned), flush=True)
        manifest = begin(options.dataset, options.record(), planned.epoch, options.restart)
        manifest.write()
        try:
            _restate_days(options, manifest)
        except NotBalancedError as error:
            print(f"moment: {error}", file=sys.stderr)
            return NOT_BALANCED
        shutil.rmtree(options.dataset / WORK, ignore_errors=True)
        manifest.finish()
        create_views(options.dataset)
    return 0


def _restate_days(options: BackfillOptions, manifest: Manifest) -> None:
    staging = Path(options.dataset, WORK)
    for day in options.days:
        name = day.day.isoformat()
        if name in manifest.days:
            print(f"{name}: done before, {manifest.days[name]['done']}", flush=True)
            continue
        restated = restate(
            options.dataset, day, options.run, manifest.epoch, options.cause, staging / name
        )
        manifest.done(name, restated.record())
        print(f"{name}: {restated.sentence(manifest.epoch)}", flush=True)
