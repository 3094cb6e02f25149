from __future__ import annotations

import json
from collections import Counter
from datetime import date, datetime, timedelta, timezone
from hashlib import blake2b
from html.parser import HTMLParser
from math import exp
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.report import write_report
from pipelines.report.geometry import ceiling, scale
from pipelines.report.marks import metric_key
from pipelines.report.words import failure_in_words
from schemas.balance import BALANCE
from schemas.failure import FAILED_EVENT, Reason
from schemas.metric import METRIC
from transforms.measures import DICTIONARY
from transforms.statistics import net_promoter_score, ratio_of_counts, wilson_interval

Page = tuple[str, list[dict[str, Any]]]

DAY = date(2026, 3, 14)
PARIS = ZoneInfo("Europe/Paris")
MIDNIGHT = datetime(2026, 3, 13, 23, tzinfo=timezone.utc)
SHOW = datetime(2026, 3, 14, 19, 30, tzinfo=timezone.utc)
PUBLISHED = datetime(2026, 3, 15, 0, 12, tzinfo=timezone.utc)
MEASURES = {measure.name: measure for measure in DICTIONARY}
CHANNELS = {
    "segment": 118_000,
    "youtube_chat": 9_400,
    "access_log": 6_100,
    "mailjet": 3_900,
    "iterable": 2_700,
    "cloudevents": 2_250,
    "survey": 640,
    "social_listening": 310,
    "customerio": 0,
}


def metric(name: str, value: float | None, **given_values: Any) -> dict[str, Any]:
    """A METRIC row of the whole day and property unless said otherwise."""
    measure = MEASURES[name]
    hidden = {"interval_low": None, "interval_high": None, "numerator": None, "denominator": None}
    row: dict[str, Any] = {
        "metric": name,
        "definition_version": measure.definition_version,
        "grouping_set": "total",
        "window_kind": "day",
        "window_start": MIDNIGHT,
        "window_end": MIDNIGHT + timedelta(days=1),
        "local_day": DAY,
        "channel": None,
        "content_id": None,
        "brand_id": None,
        "item": None,
        "traffic": "valid",
        "value": value,
        "value_kind": measure.value_kind,
        "unit": measure.unit,
        "numerator": value,
        "denominator": None,
        "interval_low": value,
        "interval_high": value,
        "interval_method": measure.interval_method,
        "uncertainty_kind": measure.uncertainty_kind,
        "n": int(value or 0),
        "coverage": 1.0,
        "dedup_basis": "actor keys as the channels give them",
        "suppressed_reason": None,
        "epoch": 0,
        "revision": 0,
        "cause": "first",
        "published_time": PUBLISHED,
    }
    if value is None:
        row |= hidden | {"suppressed_reason": f"fewer_than_{measure.threshold}"}
    row |= given_values
    if row["window_kind"] == "minute":
        row["window_end"] = row["window_start"] + timedelta(minutes=1)
    return row


def share(name: str, part: float, whole: float, **given_values: Any) -> dict[str, Any]:
    interval = wilson_interval(part, whole)
    low, high = float(interval.low), float(interval.high)
    numbers = {"numerator": part, "denominator": whole, "interval_low": low, "interval_high": high}
    return metric(name, part / whole, **{"n": int(whole), **numbers, **given_values})


def write_metrics(dataset: Path, rows: list[dict[str, Any]]) -> None:
    folder = dataset / "metrics" / f"day={DAY}"
    folder.mkdir(parents=True, exist_ok=True)
    name = f"part-{len(list(folder.iterdir()))}.parquet"
    pq.write_table(pa.Table.from_pylist(rows, METRIC), folder / name)


def write_balance(dataset: Path, rows: list[dict[str, Any]]) -> None:
    folder = dataset / "balance" / f"day={DAY}"
    folder.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows, BALANCE), folder / "part-0.parquet")


def balance(channel: str, received: int, failed: int = 0, **given_values: Any) -> dict[str, Any]:
    events = received - failed
    row = {
        "input": f"{channel}.ndjson",
        "arrival_hour": SHOW.replace(minute=0),
        "channel": channel,
        "received": received,
        "decoded": events,
        "failed": failed,
        "events": events,
        "accepted": events - 6 if events > 6 else events,
        "duplicate": 3 if events > 6 else 0,
        "withheld": 2 if events > 6 else 0,
        "ignored": 0,
        "late": 1 if events > 6 else 0,
        "balanced": True,
        "published_time": PUBLISHED,
    }
    return row | given_values


def write_failed(dataset: Path, failures: dict[tuple[str | None, str, str], int]) -> None:
    rows = [
        {
            "failure_id": blake2b(repr((key, place)).encode(), digest_size=16).digest(),
            "input": "input.ndjson",
            "position": place,
            "channel": key[0],
            "stage": key[1],
            "reason": key[2],
            "path": None,
            "detail": None,
            "arrived_time": SHOW,
            "failed_time": SHOW,
            "payload": b'{"email": "someone@example.com"}',
            "expires_on": DAY + timedelta(days=30),
        }
        for key, times in failures.items()
        for place in range(1, times + 1)
    ]
    folder = dataset / "failed_events" / f"day={DAY}"
    folder.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows, FAILED_EVENT), folder / "part-0.parquet")


def viewers_at(minute: int) -> int:
    """Viewers fill the room in half an hour, stay, and leave after the last quarter."""
    coming = 1 / (1 + exp(-(minute - 14) / 6))
    leaving = 1 / (1 + exp((minute - 116) / 3))
    return round(1_180 * coming * leaving + 23 * ((minute * 7) % 5) * coming * leaving)


def actions_at(minute: int) -> int:
    burst = 640 * exp(-max(minute - 71, 0) / 4) if minute >= 71 else 0
    return round(viewers_at(minute) * (0.055 + 0.02 * ((minute * 13) % 7) / 7) + burst)


def minutes_of(place: dict[str, Any]) -> list[dict[str, Any]]:
    rows = []
    for minute in range(-25, 160):
        at = {**place, "window_kind": "minute", "window_start": SHOW + timedelta(minutes=minute)}
        at["coverage"] = 0.94 if 52 <= minute < 56 else 1.0
        viewers = viewers_at(minute)
        if viewers < 10:
            rows += [metric(name, None, **at) for name in ("reach", "concurrent_viewers")]
            continue
        low = round(viewers * 0.965)
        rows.append(metric("reach", viewers + 14, **at))
        rows.append(metric("concurrent_viewers", viewers, interval_low=low, **at))
        reach, actions = viewers + 14, actions_at(minute)
        if reach < 30:
            rows += [
                metric(name, None, **at)
                for name in ("engagement_rate_actions", "engagement_rate_engagers")
            ]
            continue
        spread = {"interval_low": 0.9 * actions / reach, "interval_high": 1.1 * actions / reach}
        parts = {"numerator": actions, "denominator": reach, "n": reach}
        rows.append(metric("engagement_rate_actions", actions / reach, **{**parts, **spread, **at}))
        rows.append(share("engagement_rate_engagers", round(actions * 0.62), reach, **at))
    return rows


def channel_minutes() -> list[dict[str, Any]]:
    rows = []
    for channel, events in CHANNELS.items():
        place = {"grouping_set": "channel", "channel": channel}
        silent = {"coverage": 0.0} if not events else {}
        for traffic, factor in (("valid", 1.0), ("gross", 1.04)):
            rows.append(
                metric("events", round(events * factor), traffic=traffic, **place, **silent)
            )
        for minute in range(-60, 180):
            if channel in ("mailjet", "iterable"):
                weight = exp(-abs(minute + 40) / 9) / 18
            elif channel == "survey":
                weight = exp(-abs(minute - 121) / 8) / 16
            elif channel == "youtube_chat":
                weight = actions_at(minute) / 13_000
            else:
                weight = viewers_at(minute) / 125_000
            count = round(events * weight)
            if channel == "access_log" and 52 <= minute < 56:
                count = 0
            at = {"window_kind": "minute", "window_start": SHOW + timedelta(minutes=minute)}
            heard = {"coverage": 1.0 if count else 0.0}
            rows.append(metric("events", count, **place, **at, **heard))
        if events > 5_000:
            people = round(events**0.62)
            rows.append(metric("reach", people, **place))
            rows.append(share("engagement_rate_engagers", round(people * 0.31), people, **place))
            spread = {"interval_low": 1.71, "interval_high": 1.92, "n": people}
            parts = {"numerator": people * 2, "denominator": people}
            rows.append(metric("engagement_rate_actions", 1.82, **parts, **spread, **place))
        else:
            rows.append(metric("reach", None, **place))
    return rows


def day_of(place: dict[str, Any], reach: int) -> list[dict[str, Any]]:
    gross = round(reach * 1.06)
    watched = 1_016.3 * 118 * 60_000
    rows = [
        metric("reach", reach, **place),
        metric("reach", gross, traffic="gross", **place),
        metric("concurrent_viewers", 1_272, interval_low=1_226, **place),
        metric(
            "average_minute_audience",
            1_016.3,
            numerator=watched,
            denominator=118 * 60_000,
            interval_low=1_013.8,
            interval_high=1_018.8,
            **place,
        ),
        share("engagement_rate_engagers", round(reach * 0.431), reach, **place),
        metric(
            "engagement_rate_actions",
            12_402 / reach,
            numerator=12_402,
            denominator=reach,
            interval_low=6.31,
            interval_high=7.62,
            n=reach,
            **place,
        ),
        share("bored_share", 402, reach, **place),
        share("bored_among_satisfied", 97, 203, **place),
        share("bored_among_dissatisfied", 71, 98, **place),
        share("csat", 208, 311, item="csat", **place),
        share("ces", 111, 142, item="ces", **place),
        metric("new_people", 1_204, denominator=reach, interval_low=0, n=reach, **place),
        metric("returning_people", 574, denominator=reach, interval_high=reach, n=reach, **place),
    ]
    score = net_promoter_score(151.0, 62.0, 288.0)
    spread = {"interval_low": float(score.low), "interval_high": float(score.high)}
    parts = {"numerator": 89, "denominator": 288, "n": 288, "item": "nps"}
    rows.append(metric("nps", float(score.value), **parts, **spread, **place))
    mix = {"like": 5_060, "comment": 2_480, "react": 2_260, "vote": 1_190, "share": 720}
    mix |= {"reply": 374, "purchase": 218, "click": 92}
    whole = sum(mix.values())
    rows += [share("interaction_mix", v, whole, item=k, n=v // 3, **place) for k, v in mix.items()]
    rows.append(metric("interaction_mix", None, item="donate", **place))
    ratio = ratio_of_counts(2_854.0, 5_060.0)
    spread = {"interval_low": float(ratio.low), "interval_high": float(ratio.high)}
    parts = {"numerator": 2_854, "denominator": 5_060, "n": 1_420}
    rows.append(metric("comments_per_like", float(ratio.value), **parts, **spread, **place))
    return rows


def live_dataset(dataset: Path) -> Path:
    """A two-hour live with a burst at 20:41 UTC, nine channels of which one is silent."""
    live = {"grouping_set": "content", "content_id": "live-42"}
    rows = [*minutes_of(live), *minutes_of({}), *channel_minutes()]
    rows += [*day_of(live, 1_778), *day_of({}, 2_911)]
    total = sum(CHANNELS.values())
    rows += [
        metric("events", round(total * f), traffic=t, **p)
        for t, f in (("valid", 1.0), ("gross", 1.04))
        for p in ({}, {"grouping_set": "brand", "brand_id": "maison-lumiere"})
    ]
    for minute in range(-60, 180):
        at = {"window_kind": "minute", "window_start": SHOW + timedelta(minutes=minute)}
        rows.append(metric("events", 40 + viewers_at(minute), **at))
    for number, (content, reach) in enumerate(
        {"/collection/spring": 644, "/live/replay-41": 188, "newsletter-2026-03": 91}.items()
    ):
        place = {"grouping_set": "content", "content_id": content}
        rows.append(metric("reach", reach, **place))
        rows.append(share("engagement_rate_engagers", reach // (3 + number), reach, **place))
        unmeasurable = "no_heartbeat_declared_or_received"
        rows.append(
            metric("concurrent_viewers", None, **place)
            | {"suppressed_reason": unmeasurable, "uncertainty_kind": "unmeasurable"}
        )
    rows.append(metric("reach", None, grouping_set="content", content_id="/cart"))
    revised = {"epoch": 0, "revision": 1, "cause": "late_data"}
    rows.append({**rows[60], "value": rows[60]["value"] + 3, **revised})
    write_metrics(dataset, rows)
    write_balance(
        dataset,
        [balance(c, n + 11, failed=5 if n > 5_000 else 0) for c, n in CHANNELS.items() if n],
    )
    write_failed(
        dataset,
        {
            ("segment", "decode", "missing_field"): 3,
            ("segment", "decode", "invalid_time"): 2,
            ("youtube_chat", "decode", "unknown_kind"): 5,
            ("access_log", "read", "invalid_syntax"): 4,
            (None, "recognise", "unknown_channel"): 1,
        },
    )
    run = {"version": "0.1.0", "options": {"time_zone": "Europe/Paris"}}
    (dataset / "run.json").write_text(json.dumps(run), encoding="utf-8")
    return dataset


class Reader(HTMLParser):
    """Elements of a page in order: tag, attributes, own text and the tags and classes around it."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[dict[str, Any]] = []
        self._open: list[dict[str, Any]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        around = [(e["tag"], e["attributes"].get("class", "")) for e in self._open]
        element = {"tag": tag, "attributes": dict(attrs), "text": "", "around": around}
        self.elements.append(element)
        if tag not in ("meta", "input", "br"):
            self._open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if self._open and self._open[-1]["tag"] == tag:
            self._open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self._open[-1]["tag"] == tag, f"</{tag}> closes <{self._open[-1]['tag']}>"
        self._open.pop()

    def handle_data(self, data: str) -> None:
        if self._open:
            self._open[-1]["text"] += data


def read(dataset: Path, **options: Any) -> tuple[str, list[dict[str, Any]]]:
    page = write_report(dataset, dataset / "report.html", **options)
    html = page.read_text(encoding="utf-8")
    return html, Reader(html).elements


def text_of_page(html: str) -> str:
    return "".join(e["text"] for e in Reader(html).elements if e["tag"] not in ("style", "script"))


def rows_by_key(dataset: Path) -> dict[str, dict[str, Any]]:
    """The latest row of each figure, found without the report's own query."""
    rows = pq.read_table(dataset / "metrics", schema=METRIC).to_pylist()
    rows.sort(key=lambda row: (row["epoch"], row["revision"]))
    return {metric_key(row): row for row in rows}


def shown_number(text: str) -> float:
    """38.4 % is 0.384; 1,742 is 1742; a true minus is a minus."""
    plain = text.strip().replace(",", "").replace("\u2212", "-")
    if plain.endswith("%"):
        return float(plain.rstrip("%\u202f ")) / 100
    return float(plain)


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return live_dataset(tmp_path_factory.mktemp("live"))


@pytest.fixture(scope="module")
def page(live: Path) -> Page:
    return read(live)


def test_every_number_is_the_rounded_column_of_the_row_it_names(live: Path, page: Page) -> None:
    _, elements = page
    rows = rows_by_key(live)
    traced = [e["attributes"] for e in elements if "data-metric-key" in e["attributes"]]
    numbers = [a for a in traced if "data-value" in a]

    assert len(numbers) > 1_000
    for attributes in numbers:
        row, field = rows[attributes["data-metric-key"]], attributes["data-field"]
        value = row[field]
        if "data-less-key" in attributes:
            value -= rows[attributes["data-less-key"]][field]
        decimals = len(attributes["data-value"].partition(".")[2])
        assert float(attributes["data-value"]) == round(value, decimals), attributes
    for attributes in traced:
        if "data-value" not in attributes:
            assert rows[attributes["data-metric-key"]][attributes["data-field"]] is None


def test_every_number_is_written_as_the_value_it_carries(page: Page) -> None:
    _, elements = page
    written = [
        e
        for e in elements
        if "data-value" in e["attributes"] and e["tag"] in ("span", "tspan") and e["text"]
    ]

    assert len(written) > 200
    for element in written:
        carried = float(element["attributes"]["data-value"])
        assert shown_number(element["text"]) == pytest.approx(carried, abs=1e-9), element


def test_no_number_of_a_card_or_a_table_is_without_its_row(page: Page) -> None:
    _, elements = page
    cells = [
        e
        for e in elements
        if (e["tag"] == "td" or e["attributes"].get("class") == "big")
        and e["attributes"].get("class") != "words"
    ]

    assert len(cells) > 100
    assert [e["text"] for e in cells if any(c.isdigit() for c in e["text"])] == []


def test_every_count_of_the_balance_is_the_sum_it_names(live: Path, page: Page) -> None:
    _, elements = page
    balances = pq.read_table(live / "balance", schema=BALANCE).to_pylist()
    failed = Counter(
        (row["channel"] or "unknown", row["stage"], row["reason"])
        for row in pq.read_table(live / "failed_events", schema=FAILED_EVENT).to_pylist()
    )
    latest = rows_by_key(live).values()
    reasons = Counter((row["suppressed_reason"] or "", row["window_kind"]) for row in latest)
    causes = Counter(row["cause"] for row in latest)
    counts = [e["attributes"] for e in elements if "data-balance-key" in e["attributes"]]

    seen = Counter(attributes["data-balance-key"].partition("|")[0] for attributes in counts)
    assert seen == {"balance": 9 * 9, "failed_events": 5, "metrics": 4 * 3 + 2}
    for attributes in counts:
        table, *key = attributes["data-balance-key"].split("|")
        if table == "balance":
            channel, outcome = key
            true = sum(row[outcome] for row in balances if channel in ("*", row["channel"]))
        elif table == "failed_events":
            true = failed[tuple(key)]
        else:
            true = reasons[tuple(key)] if len(key) == 2 else causes[key[0]]
        assert int(attributes["data-value"]) == true, attributes


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


def test_a_silent_channel_is_shown_silent_with_its_zero(page: Page) -> None:
    html, _ = page
    start = html.index('<figure class="plot silent">')
    figure = html[start : html.index("</figure>", start)]

    assert "customerio" in figure
    assert 'data-value="0"' in figure
    assert "<strong>silent</strong>" in figure
    assert "no event all day" in figure


def test_a_suppressed_figure_gives_its_reason_and_no_number(tmp_path: Path) -> None:
    hidden = {"item": "csat", "n": 0}
    write_metrics(tmp_path, [metric("reach", 812.0), metric("csat", None, **hidden)])
    html, _ = read(tmp_path)
    start = html.index('<article class="card"><h3 title="answers in the top two boxes')
    card = html[start : html.index("</article>", start)]

    assert "not published" in card
    assert "Fewer than 30 people or answers." in card
    assert "data-value" not in card.partition("coverage")[0]


def test_a_figure_the_live_lacks_is_of_the_whole_property_and_says_so(tmp_path: Path) -> None:
    live = {"grouping_set": "content", "content_id": "live-42"}
    rows = [metric("reach", 812.0, **live), share("csat", 40, 80, item="csat")]
    write_metrics(tmp_path, rows)
    html, _ = read(tmp_path)

    assert html.count("Whole property, all contents") == 1


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
    run = {"version": evil, "property": evil}
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


def test_the_day_with_most_events_is_reported_unless_another_is_asked_for(tmp_path: Path) -> None:
    other = {"local_day": date(2026, 3, 15), "window_start": MIDNIGHT + timedelta(days=1)}
    write_metrics(tmp_path, [metric("events", 500.0), metric("events", 90.0, **other)])

    assert "Saturday 14 March 2026</h1>" in read(tmp_path)[0]
    assert "Sunday 15 March 2026</h1>" in read(tmp_path, day=date(2026, 3, 15))[0]
    with pytest.raises(
        ValueError, match=r"--day 2026-04-01: .*\(2026-03-14 to 2026-03-15\), found"
    ):
        read(tmp_path, day=date(2026, 4, 1))


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


@given(st.integers(0, 10**12), st.integers(2, 6))
def test_an_axis_of_counts_reaches_its_highest_in_few_whole_steps(highest: int, most: int) -> None:
    end, steps = scale(highest, most)

    assert 1 <= steps <= most
    assert highest <= end
    assert end / steps == int(end / steps)
    assert end < 2.5 * max(highest, 1) + 1 or steps == 1


@given(st.floats(1e-6, 1e12))
def test_a_ceiling_is_at_least_its_value_and_less_than_twice_it(highest: float) -> None:
    assert highest * (1 - 1e-6) <= ceiling(highest) < 2 * highest


def test_every_reason_of_a_failure_has_words() -> None:
    told = {reason.value: failure_in_words(reason.value) for reason in Reason}
    unsaid = [reason for reason, words in told.items() if words == reason.replace("_", " ")]

    assert unsaid == ["nested_too_deep"]  # its code is in words already
