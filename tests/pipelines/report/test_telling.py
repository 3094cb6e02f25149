"""What a page says of engagement where the channels that were heard cannot tell any."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

from tests.pipelines.report.reader import Page, read, text_of_page
from tests.pipelines.report.rows import SHOW, metric, share, write_metrics

LIVE = {"content_id": "live-42"}


def rates(actions: int, people: int, **place: Any) -> list[dict[str, Any]]:
    """Reach and both engagement rates of a place."""
    parts = {"numerator": actions, "denominator": people, "n": people}
    return [
        metric("reach", people, **place),
        share("engagement_rate_engagers", actions, people, **place),
        metric("engagement_rate_actions", actions / people, **parts, **place),
    ]


def page_of(tmp_path: Path, **actions: int) -> Page:
    """A live of forty people on each channel, and so many actions of each."""
    total, people = sum(actions.values()), 40 * len(actions)
    rows = [*rates(total, people), *rates(total, people, grouping_set="content", **LIVE)]
    for minute in range(3):
        at = {"window_kind": "minute", "window_start": SHOW + timedelta(minutes=minute)}
        rows += rates(total, people, grouping_set="content", **LIVE, **at)
    for channel, count in actions.items():
        heard = {"channel": channel}
        rows.append(metric("events", 400.0, grouping_set="channel", **heard))
        rows += rates(count, 40, grouping_set="channel", **heard)
        rows += rates(count, 40, grouping_set="content_channel", **heard, **LIVE)
    write_metrics(tmp_path, rows)
    return read(tmp_path)


def line_of(page: Page, channel: str) -> str:
    """The channel's line of the table, as text."""
    start = page[0].index(f'<tr><th scope="row">{channel}<')
    return text_of_page(page[0][start : page[0].index("</tr>", start) + 5])


def test_an_access_log_alone_measures_no_engagement_and_so_no_zero(tmp_path: Path) -> None:
    html, elements = page_of(tmp_path, access_log=0)
    text = text_of_page(html)
    why = "None of the channels heard (access_log) tells what people do beyond coming and answering"

    assert [e["text"] for e in elements if e["text"] in ("0.0\u202f%", "0.00")] == []
    assert "did more than watch" not in text
    assert f"What they did is not measured. {why}." in text
    assert f"Engagement is not measured. {why}." in text
    assert f"Not measured. {why}." in text
    assert text.count("not measured") >= 4  # two cards as well
    assert [e for e in elements if e["attributes"].get("class") == "callout"] == []
    assert "Engagement actions" not in text


def test_a_survey_in_which_no_poll_was_answered_measures_no_engagement(tmp_path: Path) -> None:
    html, _ = page_of(tmp_path, survey=0, access_log=0)

    assert "None of the channels heard (access_log, survey) tells" in html
    assert "did more than watch" not in html


def test_a_survey_with_answers_to_a_poll_measures_engagement(tmp_path: Path) -> None:
    html, _ = page_of(tmp_path, survey=10)

    assert "25.0\u202f%</span> of the audience did more than watch" in html
    assert "None of the channels heard" not in html


def test_nobody_acting_where_a_channel_would_tell_is_a_zero(tmp_path: Path) -> None:
    html, elements = page_of(tmp_path, cloudevents=0, access_log=0)
    callouts = [e["text"] for e in elements if e["attributes"].get("class") == "callout"]

    assert "0.0\u202f%</span> of the audience did more than watch" in html
    assert callouts == []  # no minute is the busiest


def test_a_channel_that_cannot_tell_has_a_dash_that_says_why(tmp_path: Path) -> None:
    page = page_of(tmp_path, cloudevents=10, access_log=0)

    assert line_of(page, "access_log").count("–") == 2
    assert line_of(page, "cloudevents").count("–") == 0
    assert 'title="None of the channels heard (access_log) tells what people do' in page[0]
    assert "People of channels that tell no action (access_log) are among those" in page[0]


def test_a_channel_that_is_not_registered_here_may_tell_anything(tmp_path: Path) -> None:
    html, _ = page_of(tmp_path, somebody_elses=0)

    assert "0.0\u202f%</span> of the audience did more than watch" in html


def test_a_channel_that_sees_people_only_when_they_act_is_named(tmp_path: Path) -> None:
    html, _ = page_of(tmp_path, youtube_chat=40, cloudevents=10)

    assert "A channel that sees people only when they act (youtube_chat) has 100\u202f%." in html
