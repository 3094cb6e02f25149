"""Nothing invented: without enough people or coverage there is a reason and no figure."""

from __future__ import annotations

from tests.pipelines.dataset import query


def test_every_row_says_how_sure_it_is_and_has_a_value_or_the_reason_why_not(live):
    violations = live.rows(
        "SELECT * FROM metrics WHERE uncertainty_kind NOT IN"
        " ('sampling', 'bounds', 'census', 'unmeasurable') OR n IS NULL OR n < 0"
        " OR coverage IS NULL OR coverage NOT BETWEEN 0 AND 1"
        " OR (value IS NULL) = (suppressed_reason IS NULL) OR NOT isfinite(coalesce(value, 0))"
        " OR (value IS NULL AND (numerator IS NOT NULL OR denominator IS NOT NULL"
        " OR interval_low IS NOT NULL OR interval_high IS NOT NULL OR n <> 0))"
        " OR (value IS NOT NULL AND uncertainty_kind = 'unmeasurable')"
        " OR value NOT BETWEEN interval_low AND interval_high"
    )

    assert violations == []


def test_figures_on_fewer_than_ten_people_and_rates_on_fewer_than_thirty_are_not_published(live):
    least = dict(
        live.rows(
            "SELECT value_kind, min(n) FROM metrics"
            " WHERE value IS NOT NULL AND metric <> 'events' GROUP BY 1"
        )
    )

    assert least["count"] >= 10
    assert least["mean"] >= 10
    assert {kind for kind, n in least.items() if n >= 30} == {"proportion", "ratio", "score"}


def test_a_minute_with_nine_people_is_suppressed_and_says_so(live):
    people = dict(
        live.rows(
            "SELECT date_trunc('minute', event_time), count(DISTINCT actor_id) FROM events_latest"
            " WHERE channel = 'access_log' GROUP BY 1"
        )
    )
    rows = live.rows(
        "SELECT window_start, value, suppressed_reason FROM metrics_latest"
        " WHERE metric = 'reach' AND grouping_set = 'channel' AND channel = 'access_log'"
        " AND window_kind = 'minute' AND traffic = 'gross'"
    )
    few = {start: (value, reason) for start, value, reason in rows if people.get(start, 0) < 10}

    assert set(few.values()) == {(None, "fewer_than_10")}
    assert len(few) > 20
    assert [value for start, value, reason in rows if people[start] >= 10 and reason is None]


def test_one_hidden_channel_does_not_show_by_subtraction(live):
    exposed = live.rows(
        "SELECT content_id, traffic, window_kind, window_start FROM metrics_latest"
        " WHERE metric = 'reach' AND grouping_set = 'content_channel' GROUP BY ALL"
        " HAVING count(*) FILTER (suppressed_reason IS NOT NULL) = 1 AND count(*) > 1"
    )

    assert exposed == []
    assert live.rows(
        "SELECT count(*) > 0 FROM metrics_latest WHERE suppressed_reason = 'complementary'"
    ) == [(True,)]


def test_a_silent_registered_channel_has_rows_of_zero_and_no_coverage(live, measured, tmp_path):
    heard = [f for f in live.files if f.name == "survey.ndjson"]
    measured(heard, tmp_path / "out", "--channels", "survey,mailjet,youtube_chat")
    rows = query(
        tmp_path / "out",
        "SELECT channel, window_kind, value, coverage, suppressed_reason, count(*) > 0"
        " FROM metrics_latest WHERE metric = 'events' AND grouping_set = 'channel'"
        " AND channel <> 'survey' AND traffic = 'valid' GROUP BY ALL ORDER BY ALL",
    )

    assert rows == [
        (channel, window, 0.0, 0.0, None, True)
        for channel in ("mailjet", "youtube_chat")
        for window in ("day", "hour", "minute")
    ]
