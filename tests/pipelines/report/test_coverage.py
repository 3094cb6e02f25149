"""What a page says of coverage: what was expected, what came of it, and what is no loss."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from tests.pipelines.report.reader import Page, read
from tests.pipelines.report.rows import SHOW, metric, write_metrics

LIVE = {"grouping_set": "content", "content_id": "live-42"}


def minutes(*heard: tuple[float | None, float]) -> list[dict[str, object]]:
    """Reach and coverage of the live's minutes from 19:30 UTC on."""
    return [
        metric(
            "reach",
            people,
            coverage=coverage,
            window_kind="minute",
            window_start=SHOW + timedelta(minutes=minute),
            **LIVE,
        )
        for minute, (people, coverage) in enumerate(heard)
    ]


def page_of(tmp_path: Path, *heard: tuple[float | None, float]) -> Page:
    day = metric("reach", 812.0, coverage=0.845, **LIVE)
    segment = {"grouping_set": "channel", "channel": "segment", "coverage": 1.0}
    total = metric("events", 9_000.0, coverage=0.846)
    write_metrics(tmp_path, [day, total, metric("events", 9_000.0, **segment), *minutes(*heard)])
    return read(tmp_path)


def colours(page: Page) -> list[str]:
    """Of the bars under the chart, in order of time."""
    classes = [e["attributes"].get("class", "") for e in page[1] if e["tag"] == "rect"]
    return [
        name.removeprefix("mark ") for name in classes if name in ("mark missing", "mark ended")
    ]


def test_the_coverage_of_the_day_is_said_once_and_not_on_every_card(tmp_path: Path) -> None:
    html, _ = page_of(tmp_path, (500.0, 1.0))
    cards = html[
        html.index('<div class="cards">') : html.index("Coverage of <strong>live-42</strong>: ")
    ]

    assert "coverage" not in cards.replace("· coverage 84.5% ·", "")  # that of tooltips
    assert html.count("Coverage of <strong>live-42</strong>: ") == 1
    assert "84.5\u202f%</span> of what was expected by the hour before" in html
    assert "The rest need not be lost: when a show ends as planned" in html


def test_full_coverage_speaks_of_no_loss(tmp_path: Path) -> None:
    write_metrics(tmp_path, [metric("reach", 812.0, coverage=1.0, **LIVE)])
    html, _ = read(tmp_path)

    assert "100\u202f%</span>, everything that each channel's hour before led to expect." in html
    assert "need not be lost" not in html


def test_a_channel_is_heard_or_silent_and_only_all_together_have_a_coverage(tmp_path: Path) -> None:
    html, _ = page_of(tmp_path, (500.0, 1.0))
    start = html.index('<table id="channel-table">')
    table = html[start : html.index("</table>", start)]

    assert "<td>heard</td>" in table
    assert 'data-field="coverage"' not in table
    assert "· heard ·" in table
    assert "Coverage of the whole property, all contents: " in html
    assert "84.6\u202f%</span> of what was expected" in html


def test_what_falls_silent_after_the_audience_left_is_grey_and_said_to_be_perhaps_planned(
    tmp_path: Path,
) -> None:
    page = page_of(tmp_path, (500.0, 1.0), (400.0, 1.0), (12.0, 0.1), (None, 0.0))
    html, _ = page

    assert colours(page) == ["ended", "ended"]
    assert "At 19:32 the audience had left, and what had been steady fell silent (grey)." in html
    assert "Until then everything expected was heard." in html
    assert "Missing: expected" not in html


def test_a_minute_in_which_nothing_came_is_missing_as_the_whole_property_misses_it(
    tmp_path: Path,
) -> None:
    """The live has no row of its second minute, and the total one of zero events; what others had
    missed before the live began is none of it."""
    live = [row for n, row in enumerate(minutes(*[(500.0, 1.0)] * 3)) if n != 1]
    total = [
        metric(
            "events",
            0.0,
            coverage=0.0,
            window_kind="minute",
            window_start=SHOW + timedelta(minutes=minute),
        )
        for minute in (-1, 1, 3)
    ]
    write_metrics(tmp_path, [metric("reach", 812.0, coverage=0.9, **LIVE), *live, *total])

    assert colours(read(tmp_path)) == ["missing"]


def test_what_is_missing_while_people_watch_is_loud(tmp_path: Path) -> None:
    page = page_of(tmp_path, (500.0, 1.0), (450.0, 0.9), (400.0, 1.0), (None, 0.0))
    html, _ = page

    assert colours(page) == ["missing", "ended"]
    assert "<li><i class=missing></i>Missing: expected by the hour before, not heard</li>" in html
    assert "Until then everything expected was heard." not in html


def test_a_live_that_lacks_nothing_has_no_colour_for_it(tmp_path: Path) -> None:
    page = page_of(tmp_path, (500.0, 1.0), (450.0, 1.0))

    assert colours(page) == []
    assert "expected by the hour before, " not in page[0].partition("Minute by minute")[2][:2000]
