SELECT
  *
FROM (
  SELECT
    day,
    metric,
    definition_version,
    grouping_set,
    window_kind,
    window_start,
    channel,
    content_id,
    brand_id,
    item,
    traffic,
    window_end,
    epoch,
    revision,
    cause,
    published_time,
    value,
    interval_low,
    interval_high,
    n,
    suppressed_reason,
    LAG(value) OVER told AS previous_value,
    LAG(suppressed_reason) OVER told AS previous_suppressed_reason,
    LAG(published_time) OVER told AS previous_published_time
  FROM `${project}`.`${dataset}`.`metrics`
  WINDOW told AS (
    PARTITION BY day, metric, definition_version, grouping_set, window_kind, window_start, channel, content_id, brand_id, item, traffic
    ORDER BY epoch, published_time, revision
  )
)
WHERE
  NOT previous_published_time IS NULL
  AND (
    value IS DISTINCT FROM previous_value
    OR suppressed_reason IS DISTINCT FROM previous_suppressed_reason
  )
