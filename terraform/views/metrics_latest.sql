SELECT
  metric,
  definition_version,
  grouping_set,
  window_kind,
  window_start,
  window_end,
  local_day,
  channel,
  content_id,
  brand_id,
  item,
  traffic,
  value,
  value_kind,
  unit,
  numerator,
  denominator,
  interval_low,
  interval_high,
  interval_method,
  uncertainty_kind,
  n,
  coverage,
  dedup_basis,
  suppressed_reason,
  epoch,
  revision,
  cause,
  published_time,
  day
FROM (
  SELECT
    told.*
  FROM `${project}`.`${dataset}`.`metrics` AS told
  LEFT JOIN (
    SELECT
      epoch,
      window_kind,
      day,
      MIN(window_start) AS first_start,
      MAX(window_start) AS last_start
    FROM `${project}`.`${dataset}`.`metrics`
    GROUP BY
      epoch,
      window_kind,
      day
  ) AS replacing
    ON replacing.window_kind = told.window_kind
    AND replacing.day = told.day
    AND replacing.epoch > told.epoch
    AND told.window_start BETWEEN replacing.first_start AND replacing.last_start
  WHERE
    replacing.epoch IS NULL
)
QUALIFY
  ROW_NUMBER() OVER (
    PARTITION BY day, metric, definition_version, grouping_set, window_kind, window_start, channel, content_id, brand_id, item, traffic
    ORDER BY epoch DESC, published_time DESC, revision DESC
  ) = 1
