"""Five questions of BI, each with one SQL text over the views, and what it touches.

They name no dataset: a connection has one. The day, the live and the week are those of docs/bi.md,
which tests compare with this list.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Question:
    """What somebody asks, and the SELECT that answers it, its rows in a definite order.

    `of_people`: it reads events, which are beside the tables; else figures, which BI reads.
    """

    name: str
    title: str
    select: str
    of_people: bool = False

    @property
    def bigquery(self) -> str:
        """The text for BigQuery, which has instants only under the name that DuckDB gives to local
        times."""
        return self.select.replace("TIMESTAMPTZ", "TIMESTAMP")


QUESTIONS = (
    Question(
        "audience",
        "What was the audience, minute by minute?",
        """
SELECT window_start, reach, concurrent_viewers, concurrent_viewers_low, concurrent_viewers_high,
  reach_suppressed, coverage
FROM wide_audience
WHERE day = DATE '2026-03-14'
  AND window_kind = 'minute' AND grouping_set = 'content' AND content_id = 'live-42'
  AND traffic = 'valid'
  AND window_start >= TIMESTAMPTZ '2026-03-14 20:30:00+01:00'
  AND window_start < TIMESTAMPTZ '2026-03-14 20:51:00+01:00'
ORDER BY window_start
""",
    ),
    Question(
        "changes",
        "What changed since yesterday's figure, and why?",
        """
SELECT metric, item, round(previous_value, 4) AS previous_value, previous_suppressed_reason,
  round(value, 4) AS value, suppressed_reason, cause, epoch
FROM metric_revisions
WHERE day = DATE '2026-03-14'
  AND window_kind = 'day' AND grouping_set = 'total' AND traffic = 'valid'
  AND published_time >= TIMESTAMPTZ '2026-03-16 00:00:00+01:00'
ORDER BY metric, item, epoch, published_time
""",
    ),
    Question(
        "silence",
        "Which channel was silent?",
        """
SELECT channel, sum(events) AS events,
  sum(CASE WHEN coverage = 0 THEN 1 ELSE 0 END) AS silent_minutes,
  max(CASE WHEN coverage > 0 THEN window_start END) AS last_heard
FROM coverage
WHERE day = DATE '2026-03-14'
  AND window_kind = 'minute' AND traffic = 'gross'
  AND window_start >= TIMESTAMPTZ '2026-03-14 20:30:00+01:00'
  AND window_start < TIMESTAMPTZ '2026-03-14 20:50:00+01:00'
GROUP BY channel
HAVING sum(CASE WHEN coverage = 0 THEN 1 ELSE 0 END) > 0
ORDER BY silent_minutes DESC, channel
""",
    ),
    Question(
        "satisfaction",
        "How satisfied were the engaged?",
        """
WITH people AS (
  SELECT actor_id,
    max(CASE WHEN action_class IN ('interaction', 'redistribution', 'advocacy', 'conversion')
      THEN 1 ELSE 0 END) AS engaged,
    max(CASE WHEN rating_scale = 'csat' THEN 1 ELSE 0 END) AS answered,
    max(CASE WHEN rating_scale = 'csat'
        AND rating_value - rating_min >= 0.75 * (rating_max - rating_min)
      THEN 1 ELSE 0 END) AS satisfied
  FROM events_standing
  WHERE day BETWEEN DATE '2026-03-14' AND DATE '2026-03-15'
    AND content_id = 'live-42' AND actor_id IS NOT NULL
    AND actor_kind NOT IN ('brand', 'automaton') AND ivt_class IN ('valid', 'unknown')
  GROUP BY actor_id
),
shares AS (
  SELECT CASE WHEN engaged = 1 THEN 'engaged' ELSE 'not engaged' END AS people_who_were,
    count(*) AS people, sum(answered) AS answers, sum(satisfied) / sum(answered) AS share
  FROM people GROUP BY engaged HAVING sum(answered) >= 30
)
SELECT people_who_were, people, answers, round(share, 3) AS satisfied,
  round((share + 1.9208 / answers
    - 1.96 * sqrt((share * (1 - share) + 0.9604 / answers) / answers)) / (1 + 3.8416 / answers), 3
  ) AS satisfied_low,
  round((share + 1.9208 / answers
    + 1.96 * sqrt((share * (1 - share) + 0.9604 / answers) / answers)) / (1 + 3.8416 / answers), 3
  ) AS satisfied_high
FROM shares
ORDER BY people_who_were
""",
        of_people=True,
    ),
    Question(
        "reach",
        "What was this week's reach?",
        """
SELECT CASE WHEN count(DISTINCT actor_id) >= 10 THEN count(DISTINCT actor_id) END AS reach
FROM events_standing
WHERE day BETWEEN DATE '2026-03-08' AND DATE '2026-03-15'
  AND event_time >= TIMESTAMPTZ '2026-03-09 00:00:00+01:00'
  AND event_time < TIMESTAMPTZ '2026-03-16 00:00:00+01:00'
  AND actor_kind NOT IN ('brand', 'automaton') AND action_class NOT IN ('contact', 'control')
  AND ivt_class IN ('valid', 'unknown')
""",
        of_people=True,
    ),
)
"""Whoever asks, for another live or week, changes days, instants and content, and nothing else."""
