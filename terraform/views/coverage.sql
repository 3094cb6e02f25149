SELECT
  day,
  window_kind,
  window_start,
  window_end,
  channel,
  traffic,
  value AS events,
  coverage
FROM `${project}`.`${dataset}_views`.`metrics_latest`
WHERE
  metric = 'events' AND grouping_set = 'channel'
