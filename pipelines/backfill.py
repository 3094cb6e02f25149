"""`moment backfill`: past days computed anew, one by one, and published where they differ."""

from __future__ import annotations

import shutil
import sys

from pipelines.backfill_day import NotBalancedError, restate
from pipelines.backfill_decode import add_balance, add_failures, decode_into, source_of
from pipelines.backfill_lock import exclusively
from pipelines.backfill_manifest import Manifest, begin
from pipelines.backfill_options import BackfillOptions
from pipelines.backfill_partitions import news, replace_partition
from pipelines.backfill_plan import describe, plan
from pipelines.errors import OptionError
from pipelines.options import MeasureOptions
from pipelines.sinks.duckdb_views import create_views

NOT_BALANCED = 3
WORK, DECODED = ".backfill", "decoded"
"""The folder of the dataset in which all is staged: on the same disk, so that renames are whole."""


def backfill(options: BackfillOptions) -> int:
    """Plan, print, and unless only the plan was asked for, restate day after day. 0: done; 3: a
    recomputation lost or made events.

    Raises OptionError or InputError, before anything is written. A run that was killed is gone on
    with by the same command; a finished one is begun anew, and appends nothing where nothing
    changed.
    """
    decoding = source_of(options, options.dataset / WORK / DECODED) if options.decodes else None
    size = decoding.inputs.size_bytes if decoding else 0
    if options.only_plan:
        print(describe(options, plan(options, size)))
        return 0
    with exclusively(options.dataset):
        planned = plan(options, size)
        print(describe(options, planned), flush=True)
        manifest = begin(options.dataset, options.record(), planned.epoch, options.restart)
        try:
            if decoding is not None:
                _replace_events(options, decoding, manifest)
            else:
                manifest.write()
            restate_days(options, manifest)
        except NotBalancedError as error:
            print(f"moment: {error}", file=sys.stderr)
            return NOT_BALANCED
        if decoding is not None:
            _add_the_rest(options)
        shutil.rmtree(options.dataset / WORK, ignore_errors=True)
        manifest.finish()
        create_views(options.dataset)
    return 0


def _replace_events(options: BackfillOptions, decoding: MeasureOptions, manifest: Manifest) -> None:
    """Put what is decoded in place of the events of all days, before any day is computed.

    A day rests on others too: it is computed when they are what they will be.
    """
    work = options.dataset / WORK
    if manifest.begun_now:
        shutil.rmtree(work, ignore_errors=True)
    decoded = work / DECODED
    decode_into(options, decoding, decoded)
    try:
        print(news(options.dataset, decoded, options.days, options.remove).sentence(), flush=True)
    except OptionError:
        shutil.rmtree(work)
        raise
    manifest.write()
    for day in options.days:
        for partition in day.partitions:
            staging = work / "events" / f"day={partition.isoformat()}"
            if replace_partition(options.dataset, decoded, day, partition, staging):
                print(f"{day.day}: its part of the partition {partition} is replaced", flush=True)


def _add_the_rest(options: BackfillOptions) -> None:
    """What failed now and not before, and how the records that were read are accounted for."""
    decoded = options.dataset / WORK / DECODED
    failed = add_failures(options.dataset, decoded)
    print(f"new failed events: {failed:,}")
    if not add_balance(options, decoded):
        print("the balance stays as it was: the source has events of other days too")


def restate_days(options: BackfillOptions, manifest: Manifest) -> None:
    """Compute and publish each day that is not done. Raises NotBalancedError."""
    for day in options.days:
        name = day.day.isoformat()
        if name in manifest.days:
            print(f"{name}: done before, {manifest.days[name]['done']}", flush=True)
            continue
        staging = options.dataset / WORK / name
        restated = restate(
            options.dataset, day, options.run, manifest.epoch, options.cause, staging
        )
        manifest.done(name, restated.record())
        print(f"{name}: {restated.sentence(manifest.epoch)}", flush=True)
