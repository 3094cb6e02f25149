"""Of what a page says its figures are: a content, or the whole property; until when."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from tests.pipelines.report.reader import Page, read, text_of_page
from tests.pipelines.report.rows import MIDNIGHT, metric, share, write_metrics

LIVE = {"grouping_set": "content", "content_id": "live-42"}


def section(page: Page, name: str) -> str:
    """The text of a section."""
    start = page[0].index(f"<section id={name}>")
    return text_of_page(page[0][start : page[0].index("</section>", start) + len("</section>")])


def rows_of(page: Page, table: str) -> list[str]:
    """The first cells of a table's lines."""
    start = page[0].index(f'<table id="{table}">')
    lines = page[0][start : page[0].index("</table>", start)].split('<tr><th scope="row">')[1:]
    return [line.partition("</th>")[0] for line in lines]


def test_every_section_says_of_what_its_figures_are(page: Page) -> None:
    html, _ = page

    assert "Figures of <strong>live-42</strong>, unless a card says otherwise." in html
    assert "Of <strong>live-42</strong>, 20:1" in html  # minute by minute
    assert section(page, "channels").startswith("ChannelsOf the whole property, all contents: ")
    assert "Of <strong>live-42</strong>: share of each kind among all engagement actions" in html
    assert "Of <strong>live-42</strong>, unless a line says otherwise." in html
    assert "automata and withheld rows cover the day, of the whole property." in html


def test_what_people_did_is_of_the_whole_property_where_the_live_has_none(tmp_path: Path) -> None:
    place = {"item": "like", "denominator": 100.0}
    write_metrics(
        tmp_path, [metric("reach", 812.0, **LIVE), share("interaction_mix", 40, 100, **place)]
    )
    html, _ = read(tmp_path)

    assert "Of the whole property, all contents: share of each kind" in html


def test_the_content_of_the_headline_is_first_though_another_reached_more(tmp_path: Path) -> None:
    page = {"grouping_set": "content", "content_id": "/live/live-42"}
    store = {"grouping_set": "content", "content_id": "store:paris-1"}
    rows = [metric("reach", 812.0, **LIVE), metric("concurrent_viewers", 300.0, **LIVE)]
    rows += [metric("reach", 999.0, **page), metric("reach", 44.0, **store)]
    write_metrics(tmp_path, rows)
    found = read(tmp_path)

    assert rows_of(found, "content-table") == [
        'live-42<span class="small"> of the headline</span>',
        "/live/live-42",
        "store:paris-1",
    ]
    assert "by the name that this channel gives it" in section(found, "contents")


def test_a_day_that_is_covered_to_its_end_is_covered_until_24_00(tmp_path: Path) -> None:
    minutes = [
        metric(
            "events", 40.0, window_kind="minute", window_start=MIDNIGHT + timedelta(minutes=minute)
        )
        for minute in (3, 1439)
    ]
    write_metrics(tmp_path, [metric("events", 80.0), *minutes])
    (tmp_path / "run.json").write_text('{"time_zone": "Europe/Paris"}', encoding="utf-8")
    html, _ = read(tmp_path)
    covered = html.partition("<dt>Window covered</dt>")[2].partition("</dd>")[0]

    assert "00:03</time> to " in covered
    assert ">24:00</time>" in covered
    assert 'datetime="2026-03-15T00:00:00+01:00"' in covered
