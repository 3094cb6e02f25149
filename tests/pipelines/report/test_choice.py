"""Which of several rows a page shows: of the live or the property, the latest, of which day."""

from __future__ import annotations

import re
from datetime import date, timedelta
from pathlib import Path

import pytest

from tests.pipelines.report.reader import read, text_of_page
from tests.pipelines.report.rows import DAY, MIDNIGHT, metric, share, write_metrics


def test_a_suppressed_figure_gives_its_reason_and_no_number(tmp_path: Path) -> None:
    hidden = {"item": "csat", "n": 0}
    write_metrics(tmp_path, [metric("reach", 812.0), metric("csat", None, **hidden)])
    html, _ = read(tmp_path)
    start = html.index('<article class="card"><h3 title="answers in the top two boxes')
    card = html[start : html.index("</article>", start)]

    assert "not published" in card
    assert "Fewer than 30 people or answers." in card
    assert "data-value" not in card.partition("coverage")[0]


def test_each_kind_that_is_hidden_is_named_with_its_own_reason(tmp_path: Path) -> None:
    hidden = {"n": 0, "numerator": None, "denominator": None}
    rows = [
        share("interaction_mix", 40, 76, item="like"),
        metric(
            "interaction_mix", None, item="comment", suppressed_reason="complementary", **hidden
        ),
        metric("interaction_mix", None, item="share", suppressed_reason="fewer_than_30", **hidden),
    ]
    write_metrics(tmp_path, [metric("reach", 812.0), *rows])
    html, _ = read(tmp_path)
    told = re.findall(r'class="small">Seen, not published \((.+?)\): (\w+) \(<', html)

    assert told == [
        ("fewer than 30 people or answers", "share"),
        ("hidden because another hidden figure could be worked out from it", "comment"),
    ]


def test_the_minutes_shown_are_of_the_day_that_the_page_is_about(tmp_path: Path) -> None:
    """The live began at half past eleven the evening before."""
    minutes = [
        metric(
            "reach",
            50.0,
            window_kind="minute",
            window_start=MIDNIGHT + timedelta(minutes=n),
            window_end=MIDNIGHT + timedelta(minutes=n + 1),
            local_day=(DAY if n >= 0 else DAY - timedelta(days=1)),
        )
        for n in range(-30, 60)
    ]
    write_metrics(tmp_path, [metric("reach", 812.0), metric("events", 900.0), *minutes])
    (tmp_path / "run.json").write_text('{"time_zone": "Europe/Paris"}', encoding="utf-8")
    html, _ = read(tmp_path, day=DAY)

    assert "all contents, 00:00 to 01:10 (Europe/Paris)" in text_of_page(html)


def test_satisfaction_rests_on_respondents_and_an_audience_on_people(tmp_path: Path) -> None:
    rows = [metric("reach", 812.0, n=812), share("csat", 40, 80, item="csat", n=80)]
    write_metrics(tmp_path, rows)
    html, _ = read(tmp_path)

    assert ">80</span> respondents ·" in html
    assert ">812</span> people ·" in html


def test_a_figure_the_live_lacks_is_of_the_whole_property_and_says_so(tmp_path: Path) -> None:
    live = {"grouping_set": "content", "content_id": "live-42"}
    rows = [metric("reach", 812.0, **live), share("csat", 40, 80, item="csat")]
    write_metrics(tmp_path, rows)
    html, _ = read(tmp_path)

    assert html.count("Whole property, all contents") == 2  # of its card, and among the scales


def test_the_live_is_what_people_watched_at_once_though_its_page_reached_more(
    tmp_path: Path,
) -> None:
    live = {"grouping_set": "content", "content_id": "live-42"}
    page = {"grouping_set": "content", "content_id": "/live/live-42"}
    unmeasured = {"suppressed_reason": "no_heartbeat_declared_or_received"}
    rows = [metric("reach", 812.0, **live), metric("concurrent_viewers", 300.0, **live)]
    rows += [
        metric("reach", 999.0, **page),
        metric("concurrent_viewers", None, **unmeasured, **page),
    ]
    write_metrics(tmp_path, rows)
    html, _ = read(tmp_path)

    assert "<h1>live-42, Saturday 14 March 2026</h1>" in html


def test_the_summary_never_mixes_the_live_with_the_whole_property(tmp_path: Path) -> None:
    live = {"grouping_set": "content", "content_id": "live-42"}
    rows = [metric("reach", 812.0, **live), metric("concurrent_viewers", 300.0)]
    write_metrics(tmp_path, rows)
    html, _ = read(tmp_path)
    start = html.index('<p class="lede">')
    summary = html[start : html.index("</p>", start)]

    assert "812" in summary
    assert "watched at once" not in summary


def test_of_several_revisions_only_the_latest_is_shown(tmp_path: Path) -> None:
    first = metric("events", 100.0)
    late = metric("events", 107.0, revision=1, cause="late_data")
    restated = metric("events", 106.0, epoch=1, cause="restatement")
    write_metrics(tmp_path, [restated])
    write_metrics(tmp_path, [first, late])
    _, elements = read(tmp_path)
    shown = {
        e["attributes"]["data-value"]
        for e in elements
        if e["attributes"].get("data-field") == "value" and "data-value" in e["attributes"]
    }

    assert shown == {"106"}


def test_the_day_with_most_events_is_reported_unless_another_is_asked_for(tmp_path: Path) -> None:
    other = {"local_day": date(2026, 3, 15), "window_start": MIDNIGHT + timedelta(days=1)}
    write_metrics(tmp_path, [metric("events", 500.0), metric("events", 90.0, **other)])

    assert "Saturday 14 March 2026</h1>" in read(tmp_path)[0]
    assert "Sunday 15 March 2026</h1>" in read(tmp_path, day=date(2026, 3, 15))[0]
    with pytest.raises(
        ValueError, match=r"--day 2026-04-01: .*\(2026-03-14 to 2026-03-15\), found"
    ):
        read(tmp_path, day=date(2026, 4, 1))
