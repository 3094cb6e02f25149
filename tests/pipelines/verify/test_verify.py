"""`moment verify`: what streaming published against the same input in batch, figure by figure."""

from __future__ import annotations

import re
from datetime import datetime, timezone

import pyarrow as pa
import pyarrow.compute as pc

from schemas.metric import METRIC
from tests.pipelines.dataset import query
from tests.pipelines.verify.published import page_views, rewrite, streaming
from tests.pipelines.verify.rows import figure, write_rows


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

    rewrite(published.dataset, "2026-03-02", one_more)
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
    rewrite(
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
    write_rows(published.dataset, "metrics", METRIC, [extra])
    said = moment_verify(published.dataset, published.input)

    assert said.code == 4
    assert "differ (1 missing in the recomputation), 0 late" in said.out
    assert re.search(r"content +valid +\\u001b\[2Jlive +\(figure\) +40.0 +missing$", said.out, re.M)


def test_the_first_differences_are_listed_and_the_others_counted(moment_verify, published):
    published.input.write_text(page_views(2, range(12)) + page_views(3, range(11)))
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
    rewrite(
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


def test_of_a_stream_windows_that_began_before_it_published_any_are_not_compared(
    moment_verify, published
):
    # It published from ten on: the minutes and hours of both mornings, and Tuesday as a day.
    streaming(published.dataset, "2026-03-02T09:00:00+00:00")
    began = datetime(2026, 3, 2, 9, tzinfo=timezone.utc)
    rewrite(
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

    streaming(published.dataset, None)
    everything = moment_verify(published.dataset, published.input)
    assert everything.code == 4
    assert "missing in the dataset" in everything.out


def test_up_to_the_horizon_of_a_stream_nothing_is_said_of_corrections(moment_verify, published):
    streaming(published.dataset, None)
    said = moment_verify(published.dataset, published.input, "--through", "2026-03-03T22:45:00Z")

    assert said.code == 0
    assert said.out.endswith("compared: windows that end by 2026-03-03 23:45+01:00\n")


def test_days_that_only_one_side_has_are_named(moment_verify, published):
    published.input.write_text(page_views(2, range(12)) + page_views(1, range(12, 24)))
    said = moment_verify(published.dataset, published.input)

    assert said.code == 0
    assert "figures of 2026-03-02, 0 late" in said.out
    assert "\nnot compared: 2026-03-03, only in the dataset\n" in said.out
    assert "\nnot compared: 2026-03-01, only in the recomputation\n" in said.out


def test_nothing_is_left_beside_the_dataset_and_it_is_not_changed(
    moment_verify, published, tmp_path, monkeypatch
):
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    before = {path: path.stat().st_mtime_ns for path in published.dataset.rglob("*")}
    moment_verify(published.dataset, published.input)

    assert {path: path.stat().st_mtime_ns for path in published.dataset.rglob("*")} == before
    assert list((tmp_path / "temporary").iterdir()) == []
