SELECT
  *
FROM (
  SELECT
    *,
    TRUE AS final
  FROM `${project}`.`${dataset}_views`.`metrics_latest`
  UNION ALL
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
    day,
    FALSE AS final
  FROM `${project}`.`${dataset}`.`metrics_live`
)
QUALIFY
  ROW_NUMBER() OVER (
    PARTITION BY day, metric, definition_version, grouping_set, window_kind, window_start, channel, content_id, brand_id, item, traffic
    ORDER BY final DESC, epoch DESC, published_time DESC, revision DESC
  ) = 1
