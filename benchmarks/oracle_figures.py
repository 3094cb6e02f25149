"""The oracle's SQL, second half: metrics of facts, figures of metrics."""

from __future__ import annotations

from benchmarks.oracle_events import text

TIME_ZONE = "Europe/Paris"

GROUPINGS = {
    "total": (),
    "channel": ("channel",),
    "brand": ("brand_id",),
    "brand_channel": ("brand_id", "channel"),
    "content": ("content_id",),
    "content_channel": ("content_id", "channel"),
}

WINDOWS = ("minute", "hour", "day")


def metrics_of_facts(facts: str) -> str:
    """Query of the exact metrics of facts.

    Of the copies of an event the earliest counts. People and places become small integers, so that
    the great sums (a row a person, group and window) have keys of integers only; of such rows
    distinct people are counted, and their actions squared, without any DISTINCT.
    """
    zone = text(TIME_ZONE)
    place, sums = "channel, brand_id, content_id", "events, watched_ms, actions"
    added = ", ".join(f"sum({name})::BIGINT AS {name}" for name in sums.split(", "))
    earliest = ", ".join(
        f"arg_min_null({name}, event_time) AS {name}"
        for name in (*place.split(", "), "person", "action", "action_class", "watched_ms")
    )
    groups = " UNION ALL ".join(
        f"SELECT place, {text(name)} AS grouping_set, "
        + ", ".join(c if c in kept else f"NULL AS {c}" for c in place.split(", "))
        + f" FROM places WHERE {_named(kept)}"
        for name, kept in GROUPINGS.items()
    )
    people = " UNION ALL ".join(
        f"""SELECT {text(window)} AS window_kind, "group", start, person, {added}
            FROM by_{window} JOIN members USING (place) GROUP BY ALL"""
        for window in WINDOWS
    )
    authors = " UNION ALL ".join(
        f"""SELECT {text(window)} AS window_kind, "group", start, person, item, {added}
            FROM by_{window} JOIN members USING (place) WHERE item IS NOT NULL GROUP BY ALL"""
        for window in WINDOWS
    )
    return f"""
    WITH once AS MATERIALIZED (
        SELECT epoch_us(min(event_time)) // 60000000 AS start, {earliest}
        FROM ({facts}) GROUP BY copy
    ),
    persons AS MATERIALIZED (
        SELECT person AS name, row_number() OVER ()::INTEGER AS person
        FROM (SELECT DISTINCT person FROM once WHERE person IS NOT NULL)
    ),
    places AS MATERIALIZED (
        SELECT {place}, row_number() OVER ()::INTEGER AS place
        FROM (SELECT DISTINCT {place} FROM once)
    ),
    members AS MATERIALIZED (
        SELECT *, dense_rank() OVER (ORDER BY grouping_set, {place})::INTEGER AS "group"
        FROM ({groups})
    ),
    by_minute AS MATERIALIZED (
        SELECT start::INTEGER AS start, place, persons.person,
               CASE WHEN action_class <> 'exposure' THEN action END AS item,
               count(*) AS events,
               coalesce(sum(watched_ms), 0)::BIGINT AS watched_ms,
               count(*) FILTER (action_class IN
                   ('interaction', 'redistribution', 'advocacy', 'conversion')) AS actions
        FROM once LEFT JOIN persons ON persons.name = once.person
        JOIN places ON places.channel = once.channel
          AND places.brand_id IS NOT DISTINCT FROM once.brand_id
          AND places.content_id IS NOT DISTINCT FROM once.content_id
        GROUP BY ALL
    ),
    calendar AS MATERIALIZED (
        SELECT start, (start - extract(minute FROM civil))::INTEGER AS hour,
               (epoch_us(timezone({zone}, date_trunc('day', civil))) // 60000000)::INTEGER AS day
        FROM (SELECT start, timezone({zone}, make_timestamptz(start * 60000000::BIGINT)) AS civil
              FROM (SELECT DISTINCT start FROM by_minute))
    ),
    by_hour AS MATERIALIZED (
        SELECT hour AS start, day, place, person, item, {added}
        FROM by_minute JOIN calendar USING (start) GROUP BY ALL
    ),
    by_day AS MATERIALIZED (
        SELECT day AS start, place, person, item, {added} FROM by_hour GROUP BY ALL
    ),
    people AS (
        SELECT window_kind, start, "group", NULL AS item,
               sum(events)::BIGINT AS events,
               sum(watched_ms)::BIGINT AS watched_ms,
               count(person) AS viewers,
               count(person) FILTER (actions > 0) AS engagers,
               coalesce(sum(actions) FILTER (person IS NOT NULL), 0)::BIGINT AS actions,
               coalesce(sum(actions * actions) FILTER (person IS NOT NULL), 0)::DECIMAL(38, 0)
                   AS action_squares,
               NULL::BIGINT AS count, NULL::BIGINT AS authors
        FROM ({people}) GROUP BY ALL
    ),
    items AS (
        SELECT window_kind, start, "group", item, NULL, NULL, NULL, NULL, NULL, NULL,
               sum(events)::BIGINT, count(person)
        FROM ({authors}) GROUP BY ALL
    )
    SELECT grouping_set, {place}, window_kind,
           make_timestamptz(start * 60000000::BIGINT) AS window_start,
           item, events, watched_ms, viewers, engagers, actions, action_squares, count, authors
    FROM (FROM people UNION ALL FROM items)
    JOIN (SELECT DISTINCT "group", grouping_set, {place} FROM members) USING ("group")"""


def figures_of_metrics(metrics: str) -> str:
    """Query of figures (numerator, denominator) of a relation of metrics.

    On air is a minute with time watched; a minute of its own is on air if anything came, for these
    tracks come from a channel with heartbeats.
    """
    place = "grouping_set, channel, brand_id, content_id"
    zone = text(TIME_ZONE)
    key = "grouping_set, window_kind, window_start, channel, content_id"
    same = " AND ".join(f"a.{n} IS NOT DISTINCT FROM p.{n}" for n in place.split(", "))
    return f"""
    WITH minutes AS (
        SELECT {place}, window_start, timezone({zone}, window_start) AS civil
        FROM {metrics} WHERE window_kind = 'minute' AND item IS NULL AND watched_ms > 0
    ),
    on_air AS (
        SELECT 'hour' AS window_kind, {place}, count(*) AS minutes,
               window_start - to_minutes(extract(minute FROM civil)) AS window_start
        FROM minutes GROUP BY ALL
        UNION ALL
        SELECT 'day', {place}, count(*), timezone({zone}, date_trunc('day', civil))
        FROM minutes GROUP BY ALL
    ),
    people AS (
        SELECT p.*, CASE WHEN p.window_kind = 'minute' THEN 1 ELSE a.minutes END AS minutes
        FROM {metrics} p LEFT JOIN on_air a
          ON a.window_kind = p.window_kind AND a.window_start = p.window_start AND {same}
        WHERE p.item IS NULL
    ),
    items AS (
        SELECT *, sum(count) OVER (PARTITION BY window_kind, window_start, {place}) AS interactions
        FROM {metrics} WHERE item IS NOT NULL
    ),
    figures AS (
        SELECT {key}, 'events' AS metric, NULL AS item, events AS numerator, NULL AS denominator
        FROM people WHERE NOT contains(grouping_set, 'content')
        UNION ALL SELECT {key}, 'reach', NULL, viewers, NULL FROM people
        UNION ALL SELECT {key}, 'average_minute_audience', NULL, watched_ms, minutes * 60000
        FROM people WHERE minutes > 0
        UNION ALL SELECT {key}, 'engagement_rate_actions', NULL, actions, viewers
        FROM people WHERE viewers > 0
        UNION ALL SELECT {key}, 'engagement_rate_engagers', NULL, engagers, viewers
        FROM people WHERE viewers > 0
        UNION ALL SELECT {key}, 'interaction_mix', item, count, interactions
        FROM items
    )
    SELECT {key}, metric, item, numerator::DOUBLE AS numerator, denominator::DOUBLE AS denominator
    FROM figures ORDER BY metric, {key}, item"""


def _named(kept: tuple[str, ...]) -> str:
    """What has no brand belongs to no group by brand; the same of content."""
    needed = [f"{name} IS NOT NULL" for name in kept if name != "channel"]
    return " AND ".join(needed) or "true"
