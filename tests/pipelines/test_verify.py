"""`moment verify`: what streaming published against the same input in batch, figure by figure."""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.errors import OptionError
from pipelines.graph import build
from pipelines.keys import KEY_VARIABLE
from pipelines.measure import Measured
from pipelines.sources.files import discover
from pipelines.sources.kafka_settings import KafkaTopic
from pipelines.sources.read_files import ReadFiles
from pipelines.verify.compare import COMPARED, Compared, compare, latest_end
from pipelines.verify.dataset import LateEvent, add_view, late_events, left_out, open_published
from schemas.event import EVENT
from schemas.late import LATE_EVENT
from schemas.metric import METRIC
from tests.pipelines.test_measure import query, table
from tests.pipelines.test_real_input import DATA
from tests.transforms.events import event
from transforms.balance import outcome_batch

MONDAY, TUESDAY = date(2026, 3, 2), date(2026, 3, 3)
NOON = datetime(2026, 3, 2, 12, 0, tzinfo=timezone.utc)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
FAR = datetime(2030, 1, 1, tzinfo=timezone.utc)


def _write(dataset: Path, name: str, schema: pa.Schema, rows: Iterable[dict[str, Any]]) -> None:
    """One more Parquet file of a table."""
    folder = dataset / name / "day=2026-03-02"
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"part-{len(list(folder.iterdir()))}.parquet"
    pq.write_table(pa.Table.from_pylist(list(rows), schema), file)


# ── two sides of one figure ─────────────────────────────────────────────────────────────────────


def figure(**columns: Any) -> dict[str, Any]:
    """A reach of 40 in the minute from noon on the app, and what the test says."""
    start = columns.get("window_start", NOON)
    return {
        "metric": "reach",
        "definition_version": "1.0.0",
        "grouping_set": "channel",
        "window_kind": "minute",
        "window_start": start,
        "window_end": start + MINUTE,
        "local_day": start.date(),
        "channel": "app",
        "traffic": "valid",
        "value": 40.0,
        "value_kind": "count",
        "unit": "people",
        "numerator": 40.0,
        "interval_low": 40.0,
        "interval_high": 40.0,
        "interval_method": "exact",
        "uncertainty_kind": "census",
        "n": 40,
        "coverage": 1.0,
        "dedup_basis": "keys",
        "epoch": 0,
        "revision": 0,
        "cause": "first",
        "published_time": NOON + HOUR,
    } | columns


def withdrawn(**columns: Any) -> dict[str, Any]:
    blank = dict.fromkeys(("value", "numerator", "interval_low", "interval_high"))
    return figure(suppressed_reason="withdrawn", n=0, **blank, **columns)


@pytest.fixture
def sides(tmp_path: Path) -> Callable[..., Compared]:
    """Compares literal rows of `metrics`, published and recomputed."""

    def run(published: list[Any], recomputed: list[Any], **options: Any) -> Compared:
        _write(tmp_path / "dataset", "metrics", METRIC, published)
        _write(tmp_path / "again", "metrics", METRIC, recomputed)
        with open_published(tmp_path / "dataset") as connection:
            add_view(connection, "recomputed_metrics", tmp_path / "again" / "metrics", METRIC)
            return compare(connection, **({"through": FAR} | options))

    return run


def _unequal(compared: Compared) -> list[tuple[Any, Any]]:
    """What differs: the columns of both sides."""
    return [(each.published, each.recomputed) for each in compared.differences]


def test_equal_figures_are_identical_whenever_and_why_ever_they_were_published(sides):
    streamed = figure(epoch=3, revision=7, cause="late_data", published_time=NOON + DAY)
    compared = sides([streamed], [figure()])

    assert (compared.figures, compared.days) == (1, (MONDAY,))
    assert (dict(compared.differing), compared.differences) == ({}, [])


OTHER = dict.fromkeys(COMPARED, 0.5) | {"n": 39, "suppressed_reason": "complementary"}


@pytest.mark.parametrize("column", COMPARED)
def test_another_content_of_any_compared_column_is_a_difference(sides, column):
    compared = sides([figure(**{column: OTHER[column]})], [figure()])

    assert dict(compared.differing) == {"different": 1}
    assert _unequal(compared) == [({column: OTHER[column]}, {column: figure().get(column)})]


@pytest.mark.parametrize(
    ("published", "recomputed"),
    [(0.1 + 0.2, 0.3), (0.0, -0.0), (40.0, None), (None, 40.0)],
    ids=["last bit", "sign of zero", "against null", "null against"],
)
def test_values_are_compared_to_the_bit(sides, published, recomputed):
    compared = sides([figure(value=published)], [figure(value=recomputed)])

    assert repr(_unequal(compared)) == repr([({"value": published}, {"value": recomputed})])


def test_a_figure_on_one_side_only_is_a_difference_of_its_own_kind(sides):
    compared = sides(
        [figure(), figure(channel="web")], [figure(), figure(channel="sms"), figure(channel="tv")]
    )

    assert compared.figures == 4
    assert dict(compared.differing) == {
        "missing in the dataset": 2,
        "missing in the recomputation": 1,
    }
    assert [(each.kind, each.key["channel"]) for each in compared.differences] == [
        ("missing in the dataset", "sms"),
        ("missing in the dataset", "tv"),
        ("missing in the recomputation", "web"),
    ]


def test_of_revisions_only_the_newest_counts(sides):
    first, second = figure(value=39.0), figure(revision=1)

    assert not sides([second, first], [figure()]).differing
    assert sides([figure(revision=2, value=41.0)], []).differences[0].published == {"value": 41.0}


def test_of_a_revision_that_was_given_twice_the_one_published_later_counts(sides):
    # A job that was restored from a checkpoint counts on from there.
    lost = figure(value=39.0, revision=4)
    kept = figure(revision=3, published_time=NOON + 2 * HOUR)

    assert not sides([kept, lost], [figure()]).differing


def test_a_greater_epoch_counts_before_a_later_publication_and_a_greater_revision(sides):
    streamed = figure(value=39.0, revision=9, published_time=NOON + DAY)
    restated = figure(epoch=1)

    assert not sides([restated, streamed], [figure()]).differing


def test_a_greater_epoch_replaces_also_figures_that_it_has_none_of(sides):
    """Of a job that remembers nothing: what it had counted elsewhere, it cannot withdraw."""
    replayed = [figure(epoch=1), figure(epoch=1, window_start=NOON + 2 * MINUTE)]
    gone = [figure(channel="web"), figure(window_start=NOON + MINUTE)]

    compared = sides([*replayed, *gone], replayed)

    assert (compared.figures, dict(compared.differing)) == (2, {})


def test_a_greater_epoch_leaves_what_it_did_not_compute(sides):
    replayed = [figure(epoch=1), figure(epoch=1, window_start=NOON + MINUTE)]
    left = [
        figure(window_start=NOON - MINUTE),
        figure(window_start=NOON + 2 * MINUTE),
        figure(window_start=NOON + DAY),
        figure(window_kind="hour"),
    ]

    compared = sides([*replayed, *left], [*replayed, *left])

    assert (compared.figures, dict(compared.differing)) == (6, {})


def test_a_withdrawn_figure_is_as_good_as_none_on_either_side(sides):
    gone = withdrawn(channel="web", revision=1)
    compared = sides([figure(), figure(channel="web"), gone], [figure(), withdrawn(channel="tv")])

    assert (compared.figures, dict(compared.differing)) == (1, {})


def test_a_withdrawn_figure_that_the_recomputation_has_is_missing_in_the_dataset(sides):
    compared = sides([figure(), withdrawn(revision=1)], [figure()])

    assert dict(compared.differing) == {"missing in the dataset": 1}


def test_without_a_day_those_of_both_sides_are_compared_and_the_others_named(sides):
    sunday, monday, tuesday = (figure(window_start=NOON + n * DAY) for n in (-1, 0, 1))
    compared = sides([sunday, monday], [monday, tuesday])

    assert (compared.figures, dict(compared.differing), compared.days) == (1, {}, (MONDAY,))
    assert compared.only_published == (date(2026, 3, 1),)
    assert compared.only_recomputed == (TUESDAY,)


def test_a_day_that_is_asked_for_is_compared_where_one_side_has_it(sides):
    monday, tuesday = figure(value=1.0), figure(window_start=NOON + DAY)
    compared = sides([monday, tuesday], [figure()], days=[TUESDAY])

    assert (compared.days, compared.only_published) == ((TUESDAY,), ())
    assert dict(compared.differing) == {"missing in the recomputation": 1}


def test_a_day_that_neither_side_has_is_refused(sides):
    with pytest.raises(OptionError, match="--day 2026-03-04: expected figures of that day by 2030"):
        sides([figure()], [figure()], days=[MONDAY, date(2026, 3, 4)])


def test_windows_that_end_after_through_are_left_out(sides):
    day = figure(window_kind="day", window_start=NOON - HOUR, window_end=NOON + DAY, value=9.0)
    compared = sides([figure()], [figure(), day], through=NOON + MINUTE)

    assert (compared.figures, dict(compared.differing)) == (1, {})
    assert sides([], [], through=NOON + DAY).differing == {"missing in the dataset": 1}


#   since 12:00        12:00 | 12:01
#     hour   [11:30 ─────────────────── 12:30)   began earlier: a stream has not published it
#     minute             [─────)


def test_windows_that_began_before_since_are_left_out_on_both_sides(sides):
    hour = figure(window_kind="hour", window_start=NOON - HOUR / 2, value=9.0)
    before = figure(window_start=NOON - MINUTE, value=8.0)
    compared = sides([figure(), before], [figure(), hour], since=NOON)

    assert (compared.figures, dict(compared.differing), compared.since) == (1, {}, NOON)
    assert sides([], [], since=NOON - HOUR).differing == {
        "missing in the dataset": 1,
        "missing in the recomputation": 1,
    }


def test_figures_are_published_up_to_the_end_of_the_latest_window(tmp_path):
    day = figure(window_kind="day", window_end=NOON + 12 * HOUR)
    for rows, end in (([figure()], NOON + MINUTE), ([day], NOON + 12 * HOUR)):
        _write(tmp_path, "metrics", METRIC, rows)
        with open_published(tmp_path) as connection:
            assert latest_end(connection) == end


def test_at_most_the_limit_of_differences_is_read_and_all_are_counted(sides):
    compared = sides(
        [figure(value=n, channel=f"c{n}") for n in range(5)], [], limit=2, days=[MONDAY]
    )

    assert [each.key["channel"] for each in compared.differences] == ["c0", "c1"]
    assert dict(compared.differing) == {"missing in the recomputation": 5}


def test_early_figures_are_never_compared(sides, tmp_path):
    _write(tmp_path / "dataset", "metrics_live", METRIC, [figure(value=12.0, revision=9)])

    assert not sides([figure()], [figure()]).differing


# ── which events the figures left out ───────────────────────────────────────────────────────────

ANA, BEN = b"an event of ana.", b"an event of ben."
IN_TIME, LATE, LATER = NOON + MINUTE, NOON + 8 * HOUR, NOON + 9 * HOUR


def came(id: bytes, at: datetime) -> dict[str, Any]:
    """A row of the events table: a copy of an event and when it came."""
    row = event(event_id=id, ingested_time=at)
    return {name: row.get(name) for name in EVENT.names}


def late(
    id: bytes, at: datetime, epoch: int = 0, effect: str = "event", number: int = 1
) -> dict[str, Any]:
    """A row of the ledger: the copy that came at that instant came too late."""
    return {
        "event_id": id,
        "event_time": NOON,
        "arrived_time": at,
        "local_day": MONDAY,
        "effect": effect,
        "closed_through": NOON + 6 * HOUR,
        "recorded_time": at + MINUTE,
        "epoch": epoch,
        "shard": 0,
        "number": number,
    }


def change(id: bytes, at: datetime) -> dict[str, Any]:
    """A row of the ledger: the fact that the copy changes was sealed in a shard."""
    return late(id, at, effect="change")


def _left_out(
    dataset: Path, events: list[Any], ledger: list[Any], epoch: int = 0
) -> list[tuple[bytes, str]]:
    _write(dataset, "metrics", METRIC, [figure(), figure(epoch=epoch)])
    _write(dataset, "events", EVENT, events)
    _write(dataset, "late_events", LATE_EVENT, ledger)
    with open_published(dataset) as connection:
        return [(each.event_id, each.effect) for each in late_events(connection)]


LEDGERS = {
    "its only copy came late": ([came(ANA, LATE)], [late(ANA, LATE)], [ANA]),
    "both its copies came late": (
        [came(ANA, LATE), came(ANA, LATER)],
        [late(ANA, LATE), late(ANA, LATER)],
        [ANA],
    ),
    "a copy was in time, a further one late": (
        [came(ANA, IN_TIME), came(ANA, LATE)],
        [late(ANA, LATE)],
        [],
    ),
    "a retried bundle wrote its event twice": (
        [came(ANA, LATE), came(ANA, LATE)],
        [late(ANA, LATE)],
        [ANA],
    ),
    "a retried bundle wrote its ledger row twice": (
        [came(ANA, LATE)],
        [late(ANA, LATE), late(ANA, LATE)],
        [ANA],
    ),
    "a retried bundle wrote the copy in time twice": (
        [came(ANA, IN_TIME), came(ANA, IN_TIME), came(ANA, LATE)],
        [late(ANA, LATE), late(ANA, LATE)],
        [],
    ),
    "the ledger was written before its event": ([came(BEN, IN_TIME)], [late(ANA, LATE)], [ANA]),
    "another event was late": ([came(ANA, LATE), came(BEN, LATE)], [late(BEN, LATE)], [BEN]),
    "nothing was late": ([came(ANA, IN_TIME)], [], []),
}


@pytest.mark.parametrize(("events", "ledger", "ids"), LEDGERS.values(), ids=LEDGERS)
def test_an_event_is_excluded_when_every_copy_of_it_came_late(tmp_path, events, ledger, ids):
    assert _left_out(tmp_path, events, ledger) == [(id, "event") for id in ids]


CHANGES = {
    "its only copy came late": ([came(ANA, LATE)], [change(ANA, LATE)], [(ANA, "change")]),
    "two shards had sealed what it changes": (
        [came(ANA, LATE)],
        [change(ANA, LATE), change(ANA, LATE)],
        [(ANA, "change")],
    ),
    "its own shard had sealed it as well": (
        [came(ANA, LATE)],
        [change(ANA, LATE), late(ANA, LATE), change(ANA, LATE)],
        [(ANA, "event")],
    ),
    "a copy was in time, a further one late": (
        [came(ANA, IN_TIME), came(ANA, LATE)],
        [change(ANA, LATE)],
        [],
    ),
    "a further copy came when the change was sealed itself": (
        [came(ANA, LATE), came(ANA, LATER)],
        [change(ANA, LATE), late(ANA, LATER)],
        [(ANA, "change")],
    ),
    "all its copies came when the change was sealed itself": (
        [came(ANA, LATE), came(ANA, LATER)],
        [change(ANA, LATE), late(ANA, LATE), late(ANA, LATER)],
        [(ANA, "event")],
    ),
    "the ledger was written before its event": ([], [change(ANA, LATE)], [(ANA, "change")]),
    "another event did not count": (
        [came(ANA, LATE), came(BEN, LATER)],
        [change(ANA, LATE), late(BEN, LATER)],
        [(ANA, "change"), (BEN, "event")],
    ),
}


@pytest.mark.parametrize(("events", "ledger", "effects"), CHANGES.values(), ids=CHANGES)
def test_a_change_is_left_out_when_every_copy_came_late_and_one_of_them_counted(
    tmp_path, events, ledger, effects
):
    assert _left_out(tmp_path, events, ledger) == effects


_COPY = st.tuples(st.sampled_from((ANA, BEN)), st.sampled_from((IN_TIME, LATE, LATER)))


@settings(max_examples=25, deadline=None)
@given(
    copies=st.sets(_COPY),
    ledger=st.sets(st.tuples(_COPY, st.sampled_from(("event", "change")))),
)
def test_for_any_ledger_what_is_left_out_is_what_sets_say(copies, ledger):
    expected = set()
    for id in (ANA, BEN):
        own = {copy for copy in copies if copy[0] == id}
        not_counted = {c for c, effect in ledger if c[0] == id and effect == "event"}
        unheeded = {c for c, effect in ledger if c[0] == id and effect == "change"}
        if not_counted and own <= not_counted:
            expected.add((id, "event"))
        elif unheeded and own <= not_counted | unheeded:
            expected.add((id, "change"))
    with tempfile.TemporaryDirectory() as folder:
        rows = [late(id, at, effect=effect) for (id, at), effect in ledger]
        found = _left_out(Path(folder), [came(*copy) for copy in copies], rows)

    assert len(found) == len(set(found))
    assert set(found) == expected


@pytest.mark.parametrize(
    ("written", "ids"), [(0, []), (1, [ANA]), (2, [])], ids=["older", "of the figures", "newer"]
)
def test_only_the_ledger_of_the_epoch_of_the_figures_excludes(tmp_path, written, ids):
    # Epoch 1 restated the day: what the stream had left out is in its figures.
    found = _left_out(tmp_path, [came(ANA, LATE)], [late(ANA, LATE, written)], epoch=1)
    assert found == [(id, "event") for id in ids]


def test_a_dataset_without_a_ledger_leaves_nothing_out(tmp_path):
    _write(tmp_path, "metrics", METRIC, [figure()])
    with open_published(tmp_path) as connection:
        assert late_events(connection) == []
    assert (left_out([]).events.shape, left_out([]).changes.shape) == ((0, 2), (0, 2))


def test_ids_are_parted_by_their_effect():
    noon = (NOON, NOON, NOON)
    ids = left_out([LateEvent(ANA, "event", *noon), LateEvent(BEN, "change", *noon)])

    assert ids.events.tobytes() == ANA
    assert ids.changes.tobytes() == BEN


# ── the command ─────────────────────────────────────────────────────────────────────────────────


def _views(day: int, people: Iterable[int], minute: int = 0) -> str:
    """Lines of an access log: each person opens a page that March day, Paris time."""
    return "".join(
        f"192.0.2.{person} - - [{day:02}/Mar/2026:10:{minute:02}:00 +0100]"
        ' "GET /live HTTP/1.1" 200 900 "-" "Mozilla/5.0 (X11; Linux x86_64; rv:124.0) Firefox/124.0"\n'
        for person in people
    )


def _arrived(file: Path, at: datetime) -> None:
    """A file's records arrived when it was last changed."""
    os.utime(file, (at.timestamp(), at.timestamp()))


class Published(NamedTuple):
    dataset: Path
    input: Path


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory, measured: Callable[..., Measured]) -> Path:
    """Twelve people on Monday, fourteen on Tuesday; never changed."""
    folder = tmp_path_factory.mktemp("published")
    (folder / "web.log").write_text(_views(2, range(12)) + _views(3, range(14)))
    _arrived(folder / "web.log", NOON + 2 * DAY)
    measured(
        [folder / "web.log"], folder / "dataset", "--channels", "access_log,survey", "--brand", "b"
    )
    return folder


@pytest.fixture
def published(pristine: Path, tmp_path: Path) -> Published:
    shutil.copytree(pristine, tmp_path / "copy")
    return Published(tmp_path / "copy" / "dataset", tmp_path / "copy" / "web.log")


def _rewrite(dataset: Path, day: str, change: Callable[[pa.Table], pa.Table]) -> None:
    """Replace the metrics of a day by a changed copy of them."""
    folder = dataset / "metrics" / f"day={day}"
    rows = pa.concat_tables(pq.read_table(f, partitioning=None) for f in folder.iterdir())
    shutil.rmtree(folder)
    folder.mkdir()
    pq.write_table(change(rows), folder / "part-0.parquet")


def _is_reach_of_the_site(rows: pa.Table) -> pa.Array:
    wanted = {
        "metric": "reach",
        "window_kind": "day",
        "grouping_set": "channel",
        "channel": "access_log",
        "traffic": "valid",
    }
    mask = pa.chunked_array([pa.repeat(True, len(rows))])
    for name, value in wanted.items():
        mask = pc.and_(mask, pc.equal(rows[name], value).fill_null(False))
    assert pc.sum(mask).as_py() == 1
    return mask


def test_a_batch_dataset_is_identical_to_its_own_input(moment_verify, published):
    said = moment_verify(published.dataset, published.input)
    ((rows,),) = query(published.dataset, "SELECT count(*) FROM metrics_latest")

    assert said == (
        0,
        f"identical: {rows:,} figures of 2026-03-02 and 2026-03-03, 0 late events excluded\n\n"
        "compared: windows that end by 2026-03-04 00:00+01:00\n",
        "",
    )
    assert rows > 400


def test_a_figure_that_was_changed_is_found_and_printed(moment_verify, published):
    def one_more(rows: pa.Table) -> pa.Table:
        place = rows.schema.get_field_index("value")
        value = pc.if_else(_is_reach_of_the_site(rows), 13.0, rows["value"])
        return rows.set_column(place, rows.schema.field("value"), value)

    _rewrite(published.dataset, "2026-03-02", one_more)
    said = moment_verify(published.dataset, published.input)
    first, _, head, row, _, scope = said.out.splitlines()

    assert said.code == 4
    assert re.fullmatch(
        r"NOT IDENTICAL: 1 of [\d,]+ figures of 2026-03-02 and 2026-03-03 differ \(1 different\),"
        r" 0 late events excluded",
        first,
    )
    assert head.split() == (
        [
            "window",
            "kind",
            "metric",
            "grouping",
            "traffic",
            "channel",
            "column",
            "published",
            "recomputed",
        ]
    )
    assert re.split(" {2,}", row) == [
        "2026-03-02 00:00+01:00",
        "day",
        "reach 1.0.0",
        "channel",
        "valid",
        "access_log",
        "value",
        "13.0",
        "12.0",
    ]
    assert scope == "compared: windows that end by 2026-03-04 00:00+01:00"


def test_a_figure_that_is_missing_is_found_and_the_rest_of_the_day_is_compared(
    moment_verify, published
):
    _rewrite(
        published.dataset,
        "2026-03-03",
        lambda rows: rows.filter(pc.invert(_is_reach_of_the_site(rows))),
    )
    said = moment_verify(published.dataset, published.input)

    assert said.code == 4
    assert "differ (1 missing in the dataset), 0 late" in said.out
    assert re.search(
        r"^2026-03-03 00:00\+01:00 +day +reach .* \(figure\) +missing +14.0$", said.out, re.M
    )
    assert moment_verify(published.dataset, published.input, "--day", "2026-03-02").code == 0


def test_a_figure_too_many_is_found_and_what_would_steer_a_terminal_is_not_printed(
    moment_verify, published
):
    extra = figure(
        window_kind="hour", grouping_set="content", channel=None, content_id="\x1b[2Jlive"
    )
    _write(published.dataset, "metrics", METRIC, [extra])
    said = moment_verify(published.dataset, published.input)

    assert said.code == 4
    assert "differ (1 missing in the recomputation), 0 late" in said.out
    assert re.search(r"content +valid +\\u001b\[2Jlive +\(figure\) +40.0 +missing$", said.out, re.M)


def test_the_first_differences_are_listed_and_the_others_counted(moment_verify, published):
    published.input.write_text(_views(2, range(12)) + _views(3, range(11)))
    some = moment_verify(published.dataset, published.input, "--limit", "3", "--day", "2026-03-03")
    every = moment_verify(published.dataset, published.input, "--limit", "0", "--day", "2026-03-03")
    total = int(re.match(r"NOT IDENTICAL: (\d+) of", some.out)[1])
    listed = r"^2026-03-03 .*$"

    assert f"… and {total - len(set(_places(some.out, listed)))} figures more" in some.out
    assert len(set(_places(some.out, listed))) == 3
    assert len(set(_places(every.out, listed))) == total > 20
    assert "more (--limit" not in every.out


def _places(out: str, listed: str) -> list[tuple[str, ...]]:
    """What each listed line is about, without column and values."""
    return [tuple(re.split(" {2,}", line)[:-3]) for line in re.findall(listed, out, re.M)]


def test_a_stream_that_is_behind_is_identical_as_far_as_it_has_published(moment_verify, published):
    # It has closed Tuesday's first minutes, not its hour, and published no row of the day.
    shown = datetime(2026, 3, 3, 9, 1, tzinfo=timezone.utc)
    _rewrite(
        published.dataset,
        "2026-03-03",
        lambda rows: rows.filter(pc.less_equal(rows["window_end"], pa.scalar(shown))),
    )
    said = moment_verify(published.dataset, published.input)

    assert said.code == 0
    assert said.out.endswith("compared: windows that end by 2026-03-03 10:01+01:00\n")
    assert (
        moment_verify(
            published.dataset, published.input, "--through", "2026-03-04T00:00+01:00"
        ).code
        == 4
    )


def _streaming(dataset: Path, since: str | None, **said: Any) -> None:
    file = dataset / "run.json"
    stream = {"streaming": True, "since": since, "hot_minutes": 15} | said
    file.write_text(json.dumps(json.loads(file.read_text()) | stream))


def test_of_a_stream_windows_that_began_before_it_published_any_are_not_compared(
    moment_verify, published
):
    # It published from ten on: the minutes and hours of both mornings, and Tuesday as a day.
    _streaming(published.dataset, "2026-03-02T09:00:00+00:00")
    began = datetime(2026, 3, 2, 9, tzinfo=timezone.utc)
    _rewrite(
        published.dataset,
        "2026-03-02",
        lambda rows: rows.filter(pc.greater_equal(rows["window_start"], pa.scalar(began))),
    )
    said = moment_verify(published.dataset, published.input)

    assert said.code == 0
    assert said.out.splitlines()[2:] == [
        "compared: windows that begin at 2026-03-02 10:00+01:00 or later"
        " and end by 2026-03-04 00:00+01:00",
        "may be corrected yet: windows that end after 2026-03-03 23:45+01:00",
    ]

    _streaming(published.dataset, None)
    everything = moment_verify(published.dataset, published.input)
    assert everything.code == 4
    assert "missing in the dataset" in everything.out


def test_up_to_the_horizon_of_a_stream_nothing_is_said_of_corrections(moment_verify, published):
    _streaming(published.dataset, None)
    said = moment_verify(published.dataset, published.input, "--through", "2026-03-03T22:45:00Z")

    assert said.code == 0
    assert said.out.endswith("compared: windows that end by 2026-03-03 23:45+01:00\n")


def test_days_that_only_one_side_has_are_named(moment_verify, published):
    published.input.write_text(_views(2, range(12)) + _views(1, range(12, 24)))
    said = moment_verify(published.dataset, published.input)

    assert said.code == 0
    assert "figures of 2026-03-02, 0 late" in said.out
    assert "\nnot compared: 2026-03-03, only in the dataset\n" in said.out
    assert "\nnot compared: 2026-03-01, only in the recomputation\n" in said.out


class Streamed(NamedTuple):
    """A dataset whose stream had sealed Monday when two more of its views came."""

    dataset: Path
    inputs: tuple[Path, Path]
    unheard: str
    """Id of the view that nobody had heard of before; the other is a further copy."""
    ledger: list[dict[str, Any]]


@pytest.fixture
def streamed(published: Published, measured: Callable[..., Measured], tmp_path: Path) -> Streamed:
    views = published.input.with_name("late.log")
    views.write_text(_views(2, [20, 3]))
    _arrived(views, NOON + 3 * DAY)
    measured([views], tmp_path / "late")
    copies = table(tmp_path / "late", "events").to_pylist()
    known = table(published.dataset, "events").column("event_id").to_pylist()
    (unheard,) = {copy["event_id"] for copy in copies} - set(known)
    _write(published.dataset, "events", EVENT, copies)
    return Streamed(
        published.dataset,
        (published.input, views),
        unheard.hex(),
        [late(copy["event_id"], copy["ingested_time"]) for copy in copies],
    )


def test_events_of_the_ledger_are_excluded_by_id_and_listed(moment_verify, streamed):
    without = moment_verify(streamed.dataset, *streamed.inputs)
    _write(streamed.dataset, "late_events", LATE_EVENT, streamed.ledger)
    said = moment_verify(streamed.dataset, *streamed.inputs)

    assert without.code == 4
    assert said.code == 0
    assert ", 1 late event excluded\n" in said.out
    assert [re.split(" {2,}", line) for line in said.out.splitlines()[-2:]] == [
        ["late event", "effect", "happened", "arrived", "windows closed through"],
        [
            streamed.unheard,
            "event",
            "2026-03-02 13:00+01:00",
            "2026-03-05 13:00+01:00",
            "2026-03-02 19:00+01:00",
        ],
    ]


def _chat(deleted: bytes) -> str:
    """A page of a live chat: twelve people write, half an hour later a moderator deletes."""
    record = (
        b'{"kind":"youtube#liveChatMessage","id":"%s","snippet":{"type":"%s","liveChatId":"live",'
        b'"authorChannelId":"%s","publishedAt":"2026-03-02T10:%02d:00Z",%s}}\n'
    )
    words = b'"textMessageDetails":{"messageText":"hello"}'
    page = [record % (b"m%d" % n, b"textMessageEvent", b"a%d" % n, 0, words) for n in range(12)]
    gone = b'"messageDeletedDetails":{"deletedMessageId":"%s"}' % deleted
    page.append(record % (b"d", b"messageDeletedEvent", b"moderator", 30, gone))
    return b"".join(page).decode()


@pytest.mark.parametrize(("effect", "code"), [("change", 0), ("event", 4), (None, 4)])
def test_of_a_late_change_the_event_counts_and_what_was_sealed_stands(
    moment_verify, measured, tmp_path, effect, code
):
    # What was sealed when the deletion came, as if it named a message that nobody wrote.
    chat, dataset = tmp_path / "chat.ndjson", tmp_path / "figures"
    chat.write_text(_chat(deleted=b"m99"))
    _arrived(chat, NOON)
    measured([f"youtube_chat={chat}"], dataset, "--channels", "youtube_chat")
    chat.write_text(_chat(deleted=b"m0"))
    _arrived(chat, NOON)
    (deletion,) = (
        row["event_id"]
        for row in table(dataset, "events").to_pylist()
        if row["action"] == "moderate"
    )
    if effect:
        row = late(deletion, NOON, effect=effect)
        _write(dataset, "late_events", LATE_EVENT, [row, row])
    said = moment_verify(dataset, f"youtube_chat={chat}")

    assert said.code == code
    if effect == "change":
        assert ", 0 late events and 1 late change excluded\n" in said.out
        assert said.out.splitlines()[-1].startswith(f"{deletion.hex()}  change  2026-03-02 13:00")


def test_a_recomputation_out_of_balance_proves_nothing(moment_verify, streamed, monkeypatch):
    # An Exclude that forgets to count what it leaves out.
    monkeypatch.setattr(
        "transforms.exclude.count_events",
        lambda excluded, input, outcome: outcome_batch(Counter()),
    )
    _write(streamed.dataset, "late_events", LATE_EVENT, streamed.ledger)
    said = moment_verify(streamed.dataset, *streamed.inputs)

    assert said.code == 3
    assert said.err == "moment: the balance of the recomputation does not close\n"


def test_another_pseudonym_key_is_refused(moment_verify, published, monkeypatch):
    monkeypatch.setenv(KEY_VARIABLE, "another key that nobody uses")
    with pytest.raises(
        OptionError,
        match=rf"its ids were made with the pseudonym key \w{{8}}, found the key \w{{8}} here;"
        rf" set {KEY_VARIABLE} to the key of the dataset$",
    ):
        moment_verify(published.dataset, published.input)


def test_a_topic_is_read_once_in_place_of_files(moment_verify, published, monkeypatch, tmp_path):
    asked: list[Any] = []

    def read_once(topics, stream, kafka):
        asked.append((topics, kafka.client))
        return ReadFiles(discover([str(published.input)]))

    (tmp_path / "client").write_text("group.id = us\n")
    monkeypatch.setattr("pipelines.recompute.check_kafka", lambda topics, kafka: None)
    monkeypatch.setattr("pipelines.measure.ReadKafkaOnce", read_once)
    said = moment_verify(
        published.dataset,
        "access_log=kafka://broker:9092/live",
        "--kafka-properties",
        tmp_path / "client",
    )

    assert said.code == 0
    assert asked == [
        ((KafkaTopic("broker:9092", "live", "access_log", "earliest"),), (("group.id", "us"),))
    ]


def test_a_topic_is_read_from_where_the_stream_began_and_with_as_many_shards(
    moment_verify, published, monkeypatch
):
    asked: list[Any] = []

    def read_once(topics, stream, kafka):
        asked.append([topic.start for topic in topics])
        return ReadFiles(discover([str(published.input)]))

    def build_and_note(root, source, sink, rules):
        asked.append(rules.shards)
        build(root, source, sink, rules)

    monkeypatch.setattr("pipelines.recompute.check_kafka", lambda topics, kafka: None)
    monkeypatch.setattr("pipelines.measure.ReadKafkaOnce", read_once)
    monkeypatch.setattr("pipelines.measure.build", build_and_note)
    _streaming(published.dataset, None, start="2026-03-02T08:00:00Z", shards=6)

    assert moment_verify(published.dataset, "access_log=kafka://broker:9092/live").code == 0
    assert moment_verify(published.dataset, published.input).code == 0
    assert asked == [["2026-03-02T08:00:00Z"], 6, 6]


def test_what_began_at_the_end_of_a_topic_cannot_be_read_again(moment_verify, published):
    _streaming(published.dataset, None, start="latest")

    with pytest.raises(OptionError, match=r"read from the end .* give an archive of what was read"):
        moment_verify(published.dataset, "kafka://broker:9092/live")
    assert moment_verify(published.dataset, published.input).code == 0


def test_a_subscription_is_refused_for_it_gives_nothing_twice(moment_verify, published):
    with pytest.raises(OptionError, match="expected files or topics, found a subscription"):
        moment_verify(published.dataset, "pubsub://projects/ours/subscriptions/live")


def test_input_that_lies_in_the_dataset_is_no_raw_input(moment_verify, published):
    with pytest.raises(OptionError, match="expected raw input elsewhere, found all of it there"):
        moment_verify(published.dataset, published.dataset / "metrics")

    everything = moment_verify(published.dataset, published.dataset.parent)
    assert everything.code == 0


RUNS: dict[str, tuple[Callable[[dict[str, Any]], Any], str]] = {
    "no time zone": (lambda run: run | {"time_zone": None}, "'time_zone' .*, found none"),
    "another time zone": (lambda run: run | {"time_zone": "Mars/Olympus"}, "found 'Mars/Olympus'"),
    "another channel": (lambda run: run | {"channels": ["smoke"]}, "channel 'smoke' is not regis"),
    "an epoch in words": (lambda run: run | {"epoch": "first"}, r"'epoch' \(int\) .* found str"),
    "no key": (lambda run: run | {"pseudonym_key_id": None}, "'pseudonym_key_id' .* found none"),
    "a stream that streams perhaps": (
        lambda run: run | {"streaming": "yes"},
        r"'streaming' \(bool\) .* found str",
    ),
    "a stream without its horizon": (
        lambda run: run | {"streaming": True},
        r"'hot_minutes' \(int\) .*, found none",
    ),
    "a stream that began at no time": (
        lambda run: run | {"streaming": True, "hot_minutes": 15, "since": "noon"},
        "expected 'since' as an instant, found 'noon'",
    ),
    "a stream that began at no place": (
        lambda run: run | {"streaming": True, "hot_minutes": 15, "since": "2026-03-02T12:00"},
        "expected 'since' as an instant, found '2026-03-02T12:00'",
    ),
    "a list": (lambda run: [run], "expected a JSON object, found list"),
}


@pytest.mark.parametrize(("change", "told"), RUNS.values(), ids=RUNS)
def test_a_run_that_does_not_say_what_is_needed_is_refused(moment_verify, published, change, told):
    file = published.dataset / "run.json"
    file.write_text(json.dumps(change(json.loads(file.read_text()))))
    with pytest.raises(OptionError, match=told):
        moment_verify(published.dataset, published.input)


BAD = {
    "a day that is none": (["--day", "today"], "--day today: expected a date such as"),
    "a day without figures": (["--day", "2026-04-01"], "--day 2026-04-01: expected figures"),
    "an instant without an offset": (
        ["--through", "2026-03-02T12:00"],
        "expected an instant with its offset",
    ),
    "an instant that is none": (["--through", "noon"], "--through noon: expected an instant"),
    "an instant before everything": (
        ["--through", "2020-01-01T00:00Z"],
        "figures of by 2020-01-01",
    ),
    "a negative limit": (["--limit", "-1"], "--limit -1: expected 0"),
}


@pytest.mark.parametrize(("arguments", "told"), BAD.values(), ids=BAD)
def test_a_bad_option_is_refused_in_one_sentence(moment_verify, published, arguments, told):
    with pytest.raises(OptionError, match=told) as refused:
        moment_verify(published.dataset, published.input, *arguments)

    assert "\n" not in str(refused.value)


def test_a_directory_that_is_no_dataset_is_refused(moment_verify, published, tmp_path):
    with pytest.raises(OptionError, match="expected a dataset of `moment measure`"):
        moment_verify(tmp_path / "nowhere", published.input)

    shutil.rmtree(published.dataset / "metrics")
    with pytest.raises(OptionError, match="expected published figures, found none"):
        moment_verify(published.dataset, published.input)

    folder = published.dataset / "metrics" / "day=2026-03-02"
    folder.mkdir(parents=True)
    (folder / "part-0.parquet").write_text("no Parquet")
    with pytest.raises(OptionError, match="found one that DuckDB cannot read") as refused:
        moment_verify(published.dataset, published.input)
    assert "\n" not in str(refused.value)


def test_nothing_is_left_beside_the_dataset_and_it_is_not_changed(
    moment_verify, published, tmp_path, monkeypatch
):
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    before = {path: path.stat().st_mtime_ns for path in published.dataset.rglob("*")}
    moment_verify(published.dataset, published.input)

    assert {path: path.stat().st_mtime_ns for path in published.dataset.rglob("*")} == before
    assert list((tmp_path / "temporary").iterdir()) == []


@pytest.mark.skipif(
    not DATA.is_dir(),
    reason="no real input: expected it in ../shared/data, or where MOMENT_SHARED_DATA says",
)
def test_real_input_recomputed_is_identical(moment_verify, measured, tmp_path):
    done = measured([DATA], tmp_path / "figures", "--time-zone", "UTC")
    said = moment_verify(tmp_path / "figures", DATA)

    assert said.code == 0
    assert said.out.startswith(f"identical: {done.metrics:,} figures of ")
