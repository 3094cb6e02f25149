SELECT
  *
FROM (
  SELECT
    *,
    TRUE AS final
  FROM `${project}`.`${dataset}_views`.`metrics_latest`
  UNION ALL
  SELECT
    *,
    FALSE AS final
  FROM `${project}`.`${dataset}`.`metrics_live`
)
QUALIFY
  ROW_NUMBER() OVER (
    PARTITION BY day, metric, definition_version, grouping_set, window_kind, window_start, channel, content_id, brand_id, item, traffic
    ORDER BY final DESC, epoch DESC, published_time DESC, revision DESC
  ) = 1
