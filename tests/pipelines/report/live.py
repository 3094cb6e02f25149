"""The dataset of a two-hour live on nine channels, row by row."""

from __future__ import annotations

import json
from datetime import timedelta
from math import exp
from pathlib import Path
from typing import Any

from tests.pipelines.report.rows import (
    SHOW,
    balance,
    metric,
    share,
    write_balance,
    write_failed,
    write_metrics,
)
from transforms.statistics import net_promoter_score, ratio_of_counts

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
