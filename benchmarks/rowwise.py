"""The row by row rival: the job as a good engineer writes it with stock Beam, one dict an event.

orjson, `datetime.fromisoformat`, keyed BLAKE2b, Beam's GroupByKey and CombinePerKey; exact, without
sketches. It is given its best chance: six small values an event are shuffled and not the dict,
keys are plain tuples and times integers, so that no coder falls back to pickle, calendars are
cached, and sums are made by person before people are counted.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from functools import lru_cache
from operator import add
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import apache_beam as beam
import orjson
from apache_beam.coders import BytesCoder
from apache_beam.runners.portability.fn_api_runner import FnApiRunner

from benchmarks.rowwise_event import EPOCH, decode

TIME_ZONE = ZoneInfo("Europe/Paris")
_MINUTE_US = 60_000_000

Group = tuple[str, str, int, str | None, str | None]
GROUP = ("grouping_set", "window_kind", "window_start", "channel", "content_id")
"""What a figure is about; dimensions that a grouping set lacks are None. A plain tuple, for Beam's
coder of NamedTuples is pickle, three times slower."""


def fact(event: dict[str, Any]) -> tuple[str, tuple[Any, ...]]:
    """(event id, the few values metrics need), event time first so that the least copy counts."""
    return event["event_id"], (
        event["event_time"],
        event["channel"],
        event["content_id"],
        event["actor_id"],
        event["duration_ms"] or 0,
        event["action"] if event["action_class"] != "exposure" else None,
    )


def earliest(copies: tuple[str, Iterable[tuple[Any, ...]]]) -> tuple[Any, ...]:
    """Of the copies of one event the earliest."""
    return min(copies[1], key=lambda values: values[0])


def acts(values: tuple[Any, ...]) -> Iterator[tuple[tuple[Group, str | None, str | None], Any]]:
    """((group, person, item), (events, watched ms, actions)) for each window and grouping set."""
    event_time, channel, content, person, watched, item = values
    counts = (1, watched, 1 if item else 0)
    for window, start in _windows(event_time // _MINUTE_US):
        yield (("total", window, start, None, None), person, item), counts
        yield (("channel", window, start, channel, None), person, item), counts
        if content is not None:
            yield (("content", window, start, None, content), person, item), counts
            yield (("content_channel", window, start, channel, content), person, item), counts


def by_person(
    summed: tuple[tuple[Group, str | None, str | None], tuple[int, int, int]],
) -> tuple[tuple[Group, str | None], tuple[int, int, int]]:
    (group, person, _), counts = summed
    return (group, person), counts


def by_group(
    summed: tuple[tuple[Group, str | None], tuple[int, int, int]],
) -> tuple[Group, tuple[int, ...]]:
    (group, person), (events, watched, actions) = summed
    if person is None:
        return group, (events, watched, 0, 0, 0, 0)
    return group, (events, watched, 1, int(actions > 0), actions, actions * actions)


def by_item(
    summed: tuple[tuple[Group, str | None, str | None], tuple[int, int, int]],
) -> tuple[tuple[Group, str | None], tuple[int, int]]:
    (group, person, item), (events, _, _) = summed
    return (group, item), (events, int(person is not None))


def people_line(row: tuple[Group, tuple[int, ...]]) -> str:
    names = ("events", "watched_ms", "viewers", "engagers", "actions", "action_squares")
    return _line(dict(zip(GROUP, row[0])) | dict(zip(names, row[1])))


def item_line(row: tuple[tuple[Group, str], tuple[int, ...]]) -> str:
    (group, item), (count, authors) = row
    return _line(dict(zip(GROUP, group)) | {"item": item, "count": count, "authors": authors})


def run_decode(path: str, out: str) -> None:
    """JSON file `out` with the number of lines decoded."""
    with beam.Pipeline(runner=FnApiRunner()) as pipeline:
        _ = (
            _events(pipeline, path)
            | "Count" >> beam.combiners.Count.Globally()
            | "Write" >> beam.io.WriteToText(out, shard_name_template="")
        )


def run_whole(path: str, out: str) -> None:
    """JSON lines in folder `out`: `events`, and of each event once `people` and `items`."""
    folder = Path(out)
    with beam.Pipeline(runner=FnApiRunner()) as pipeline:
        events = _events(pipeline, path)
        _ = events | "EventLines" >> beam.Map(_line) | "Events" >> _write(folder / "events")
        summed = (
            events
            | "Fact" >> beam.Map(fact)
            | "GroupById" >> beam.GroupByKey()
            | "Earliest" >> beam.Map(earliest)
            | "Acts" >> beam.FlatMap(acts)
            | "SumActs" >> beam.CombinePerKey(Sums(3))
        )
        _ = (
            summed
            | "ByPerson" >> beam.Map(by_person)
            | "SumPersons" >> beam.CombinePerKey(Sums(3))
            | "ByGroup" >> beam.Map(by_group)
            | "SumGroups" >> beam.CombinePerKey(Sums(6))
            | "PeopleLines" >> beam.Map(people_line)
            | "People" >> _write(folder / "people")
        )
        _ = (
            summed
            | "WithItem" >> beam.Filter(lambda row: row[0][2] is not None)
            | "ByItem" >> beam.Map(by_item)
            | "SumItems" >> beam.CombinePerKey(Sums(2))
            | "ItemLines" >> beam.Map(item_line)
            | "Items" >> _write(folder / "items")
        )


def _events(pipeline: beam.Pipeline, path: str) -> beam.PCollection:
    lines = pipeline | "Read" >> beam.io.ReadFromText(path, coder=BytesCoder())
    return lines | "Decode" >> beam.Map(decode)


class Sums(beam.CombineFn):
    """Sums of tuples, place by place; half the time of Beam's TupleCombineFn of sums."""

    def __init__(self, width: int) -> None:
        self._width = width

    def create_accumulator(self) -> tuple[int, ...]:
        return (0,) * self._width

    def add_input(self, accumulator: tuple[int, ...], row: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(map(add, accumulator, row))

    def merge_accumulators(self, accumulators: Iterable[tuple[int, ...]]) -> tuple[int, ...]:
        return tuple(map(sum, zip(*accumulators)))

    def extract_output(self, accumulator: tuple[int, ...]) -> tuple[int, ...]:
        return accumulator


def _write(path: Path) -> beam.PTransform:
    return beam.io.WriteToText(str(path), file_name_suffix=".ndjson")


def _line(row: dict[str, Any]) -> str:
    return orjson.dumps(row).decode()


@lru_cache(maxsize=100_000)
def _windows(minute: int) -> tuple[tuple[str, int], ...]:
    """Minute numbers at which the windows of a minute start; day and hour are the zone's."""
    civil = (EPOCH + timedelta(minutes=minute)).astimezone(TIME_ZONE)
    midnight = datetime(civil.year, civil.month, civil.day, tzinfo=TIME_ZONE)
    day = int(midnight.timestamp()) // 60
    return ("minute", minute), ("hour", minute - civil.minute), ("day", day)


def main(arguments: list[str] | None = None) -> None:
    """`python -m benchmarks.rowwise FILE OUT [--job decode|whole]`."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.rowwise", description=__doc__)
    parser.add_argument("file", help="NDJSON file of Segment tracks")
    parser.add_argument("out", help="file of the count, or of the job `whole`, a folder")
    parser.add_argument("--job", choices=("decode", "whole"), default="whole")
    given = parser.parse_args(arguments)
    said: dict[str, object] = {"job": given.job, "out": given.out}
    if given.job == "decode":
        run_decode(given.file, given.out)
        said["events"] = int(Path(given.out).read_text())
    else:
        run_whole(given.file, given.out)
    print(json.dumps(said))


if __name__ == "__main__":
    main()
