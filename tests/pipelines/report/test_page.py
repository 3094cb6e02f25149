"""What a page says and shows, and that it needs nothing but itself."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from pipelines.report import write_report
from tests.pipelines.report.reader import Page, read, rows_by_key, text_of_page
from tests.pipelines.report.rows import (
    SHOW,
    balance,
    metric,
    write_balance,
    write_failed,
    write_metrics,
)


def test_the_page_needs_nothing_outside_itself(page: Page) -> None:
    html, elements = page
    names = {name for e in elements for name in e["attributes"]}

    assert not names & {"src", "srcset", "data", "action", "background", "xlink:href"}
    assert {e["attributes"]["href"] for e in elements if "href" in e["attributes"]} <= {"#balance"}
    assert not {e["tag"] for e in elements} & {"link", "img", "iframe", "object", "embed", "base"}
    assert "url(" not in html
    assert "@import" not in html
    assert "http" not in html.replace("http-equiv", "")


def test_the_script_is_an_extra_of_at_most_sixty_lines(page: Page) -> None:
    _, elements = page
    scripts = [e["text"] for e in elements if e["tag"] == "script"]

    assert len(scripts) == 1
    assert len(scripts[0].strip().splitlines()) <= 60
    assert {n for e in elements for n in e["attributes"] if n.startswith("on")} == set()


def test_the_header_names_brand_day_window_publication_and_version(page: Page) -> None:
    html, _ = page
    text = text_of_page(html)

    assert "live-42, Saturday 14 March 2026" in text
    assert "maison-lumiere" in text
    assert "Europe/Paris" in text
    assert "23:30</time></dd>" in html.partition("Window covered")[2][:200]
    assert "15 March 2026, 01:12" in text
    assert "0.1.0" in text


def test_a_given_title_stands_instead_of_the_content_and_day(live: Path) -> None:
    html, _ = read(live, title="Spring & <friends>")

    assert "<h1>Spring &amp; &lt;friends&gt;</h1>" in html
    assert "<title>Spring &amp; &lt;friends&gt;</title>" in html


def test_the_busiest_minute_is_called_a_burst_in_local_time(page: Page) -> None:
    _, elements = page
    callouts = [e["text"] for e in elements if e["attributes"].get("class") == "callout"]

    assert callouts == ["Peak 21:32 ·  at once", "Burst 21:41 ·  actions"]


def test_neither_newcomers_nor_who_returned_are_told_without_what_is_unknown(page: Page) -> None:
    html, _ = page

    assert html.count("Earlier visits outside this dataset are unknown.") == 2


def test_a_silent_channel_is_shown_silent_with_its_zero(page: Page) -> None:
    html, _ = page
    start = html.index('<figure class="plot silent">')
    figure = html[start : html.index("</figure>", start)]

    assert "customerio" in figure
    assert 'data-value="0"' in figure
    assert "<strong>silent</strong>" in figure
    assert "no event all day" in figure


def test_four_mails_make_a_page_that_says_so(tmp_path: Path) -> None:
    channel = {"grouping_set": "channel", "channel": "mailjet"}
    write_metrics(
        tmp_path,
        [
            metric("events", 4.0),
            metric("events", 4.0, **channel),
            metric("reach", None),
            metric("reach", None, **channel),
            metric("engagement_rate_engagers", None),
        ],
    )
    write_balance(tmp_path, [balance("mailjet", 4)])
    html, _ = read(tmp_path)
    text = text_of_page(html)

    assert "Too few people came for a published audience" in text
    assert "No minute has ten people or more" in text
    assert "What this page cannot say" in text
    assert "UNBALANCED" not in text


def test_an_empty_dataset_makes_a_page_that_says_so(tmp_path: Path) -> None:
    html, _ = read(tmp_path)
    text = text_of_page(html)

    assert "This dataset has no metrics yet." in text
    assert "The dataset has no balance: whether records were lost is unknown." in text


def test_what_does_not_balance_is_said_loudly_and_where(tmp_path: Path) -> None:
    lost = balance("segment", 100, decoded=98, balanced=False)
    write_balance(tmp_path, [lost, balance("mailjet", 50)])
    html, elements = read(tmp_path)
    alarms = [e for e in elements if e["attributes"].get("role") == "alert"]

    assert len(alarms) == 1
    assert "<strong>UNBALANCED.</strong> Records or events of segment are" in html
    assert "<li>segment, segment.ndjson, hour of " in html
    assert '<td class="words">balanced</td>' in html


def test_a_row_that_calls_itself_balanced_is_not_believed(tmp_path: Path) -> None:
    write_balance(tmp_path, [balance("segment", 100, accepted=99, balanced=True)])
    html, _ = read(tmp_path)

    assert "UNBALANCED" in html


def test_text_from_the_data_is_never_markup(tmp_path: Path) -> None:
    evil = "<script>alert(1)</script>|\"'&\n%"
    place = {"grouping_set": "content", "content_id": evil}
    channel = {"grouping_set": "channel", "channel": evil}
    brand = {"grouping_set": "brand", "brand_id": evil}
    rows = [metric("reach", 812.0, **place), metric("events", 9.0, **channel)]
    rows += [metric("events", 9.0, **brand)]
    rows += [metric("interaction_mix", 0.5, item=evil, denominator=100.0, **place)]
    rows += [metric("csat", None, item="csat", suppressed_reason=evil, cause=evil)]
    for minute in range(3):
        at = {"window_kind": "minute", "window_start": SHOW + timedelta(minutes=minute)}
        rows.append(metric("reach", 40.0, dedup_basis=evil, **place, **at))
    write_metrics(tmp_path, rows)
    write_balance(tmp_path, [balance(evil, 9, input=evil, balanced=False)])
    write_failed(tmp_path, {(evil, evil, evil): 1})
    run = {"version": evil, "property": evil, "time_zone": "UTC"}
    (tmp_path / "run.json").write_text(json.dumps(run), encoding="utf-8")
    html, elements = read(tmp_path)
    keys = {e["attributes"].get("data-metric-key") for e in elements} - {None}

    assert [e["tag"] for e in elements].count("script") == 1
    assert "alert(1)" not in next(e["text"] for e in elements if e["tag"] == "script")
    assert keys <= rows_by_key(tmp_path).keys()
    assert html.count("<script>") == 1


def test_payloads_of_failed_records_are_not_on_the_page(page: Page) -> None:
    html, _ = page

    assert "someone@example.com" not in html


def test_times_are_utc_where_the_run_names_no_zone(tmp_path: Path) -> None:
    at = {"window_kind": "minute", "window_start": SHOW}
    write_metrics(tmp_path, [metric("events", 500.0), metric("events", 500.0, **at)])
    html, _ = read(tmp_path)

    assert "Saturday 14 March 2026</time>, UTC" in html
    assert '<time datetime="2026-03-14T19:30:00+00:00">19:30</time>' in html


def test_a_path_without_a_dataset_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="expected the directory of a dataset"):
        write_report(tmp_path / "absent", tmp_path / "report.html")

    assert not (tmp_path / "report.html").exists()
