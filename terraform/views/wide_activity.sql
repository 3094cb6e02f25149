SELECT
  day,
  window_kind,
  window_start,
  window_end,
  grouping_set,
  channel,
  content_id,
  brand_id,
  traffic,
  MAX(CASE WHEN metric = 'events' THEN value END) AS events,
  MAX(CASE WHEN metric = 'events' THEN interval_low END) AS events_low,
  MAX(CASE WHEN metric = 'events' THEN interval_high END) AS events_high,
  MAX(CASE WHEN metric = 'events' THEN n END) AS events_n,
  MAX(CASE WHEN metric = 'events' THEN suppressed_reason END) AS events_suppressed,
  MIN(coverage) AS coverage,
  MAX(published_time) AS published_time
FROM `${project}`.`${dataset}_views`.`metrics_latest`
WHERE
  metric IN ('events')
GROUP BY
  day,
  window_kind,
  window_start,
  window_end,
  grouping_set,
  channel,
  content_id,
  brand_id,
  traffic
