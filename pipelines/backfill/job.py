"""`moment backfill`: past days computed anew, one by one, and published where they differ."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from pipelines.backfill.day import Computation, NotBalancedError, restate
from pipelines.backfill.decode import add_balance, add_failures, decode_into, source_of
from pipelines.backfill.manifest import Manifest, begin
from pipelines.backfill.options import BackfillOptions
from pipelines.backfill.partitions import news
from pipelines.backfill.plan import describe, plan
from pipelines.errors import OptionError
from pipelines.options import MeasureOptions
from pipelines.place import Place, StillAlone
from pipelines.sinks.bigquery.faults import SinkError
from pipelines.sinks.tables import BALANCES, DECODED_EVENTS, EVENTS, FAILED_EVENTS

NOT_BALANCED = 3
DECODED = "decoded"
WRITTEN = (DECODED_EVENTS, EVENTS, FAILED_EVENTS, BALANCES)
"""Tables that are written where events are decoded anew, beside those of figures."""


def backfill(options: BackfillOptions) -> int:
    """Plan, print, and unless only the plan was asked for, restate day after day. 0: done; 3: a
    recomputation lost or made events.

    Raises OptionError or InputError, before anything is written, or where the place ceased to take
    what is written. A run that was killed or ceased is gone on with by the same command; a finished
    one is begun anew, and appends nothing where nothing changed.
    """
    place = options.dataset
    with place.work() as work:
        decoding = source_of(options, work / DECODED) if options.decodes else None
        size = decoding.inputs.size_bytes if decoding else 0
        if options.only_plan:
            print(describe(options, plan(options, size)))
            return 0
        place.check_writable(WRITTEN if options.decodes else ())
        with place.alone() as still_alone:
            planned = plan(options, size)
            print(describe(options, planned), flush=True)
            manifest = begin(place.shelf(), options.record(), planned.epoch, options.restart)
            return ended(place, lambda: _refill(options, decoding, manifest, work, still_alone))


def ended(place: Place, run: Callable[[], int]) -> int:
    """The exit code of what restates days of a place; 3 where a recomputation lost or made events.

    Raises OptionError, one sentence, where the place ceased to take what is written.
    """
    try:
        return run()
    except NotBalancedError as error:
        print(f"moment: {error}", file=sys.stderr)
        return NOT_BALANCED
    except SinkError as error:
        raise OptionError(
            f"{place}: {error}; what is done is done, run the same command again"
        ) from error


def _refill(
    options: BackfillOptions,
    decoding: MeasureOptions | None,
    manifest: Manifest,
    work: Path,
    still_alone: StillAlone,
) -> int:
    if decoding is not None:
        _replace_events(options, decoding, manifest, work, still_alone)
    else:
        manifest.write()
    restate_days(options, manifest, work, still_alone)
    if decoding is not None:
        _add_the_rest(options, work / DECODED, still_alone)
    shutil.rmtree(work, ignore_errors=True)
    manifest.finish()
    options.dataset.finished()
    return 0


def _replace_events(
    options: BackfillOptions,
    decoding: MeasureOptions,
    manifest: Manifest,
    work: Path,
    still_alone: StillAlone,
) -> None:
    """Put what is decoded in place of the events of all days, before any day is computed.

    A day rests on others too: it is computed when they are what they will be.
    """
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
            if options.dataset.replace_partition(decoded, day, partition, staging, still_alone):
                print(f"{day.day}: its part of the partition {partition} is replaced", flush=True)


def _add_the_rest(options: BackfillOptions, decoded: Path, still_alone: StillAlone) -> None:
    """What failed now and not before, and how the records that were read are accounted for."""
    print(add_failures(options.dataset, decoded, still_alone))
    if not add_balance(options, decoded, still_alone):
        print("the balance stays as it was: the source has events of other days too")


def restate_days(
    options: BackfillOptions, manifest: Manifest, work: Path, still_alone: StillAlone
) -> None:
    """Compute and publish each day that is not done. Raises NotBalancedError."""
    # Asked for now: partitions may just have been replaced.
    parquet = options.dataset.sizes(()).parquet
    computation = Computation(options.run, manifest.epoch, options.cause, parquet)
    for day in options.days:
        name = day.day.isoformat()
        if name in manifest.days:
            print(f"{name}: done before, {manifest.days[name]['done']}", flush=True)
            continue
        restated = restate(options.dataset, day, computation, work / name, still_alone)
        still_alone()
        manifest.done(name, restated.record())
        print(f"{name}: {restated.sentence(manifest.epoch)}", flush=True)
