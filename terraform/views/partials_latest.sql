SELECT
  local_day,
  grouping_set,
  channel,
  content_id,
  brand_id,
  item,
  traffic,
  events,
  heartbeat_events,
  watched_ms,
  actions,
  item_count,
  item_positive,
  item_negative,
  people,
  epoch,
  published_time,
  day
FROM (
  SELECT
    *
  FROM `${project}`.`${dataset}`.`partials`
  QUALIFY
    epoch = MAX(epoch) OVER (PARTITION BY day)
    AND ROW_NUMBER() OVER (
      PARTITION BY day, grouping_set, channel, content_id, brand_id, item, traffic
      ORDER BY epoch DESC, published_time DESC
    ) = 1
)
