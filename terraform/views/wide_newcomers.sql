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
  MAX(CASE WHEN metric = 'new_people' THEN value END) AS new_people,
  MAX(CASE WHEN metric = 'new_people' THEN interval_low END) AS new_people_low,
  MAX(CASE WHEN metric = 'new_people' THEN interval_high END) AS new_people_high,
  MAX(CASE WHEN metric = 'new_people' THEN n END) AS new_people_n,
  MAX(CASE WHEN metric = 'new_people' THEN suppressed_reason END) AS new_people_suppressed,
  MAX(CASE WHEN metric = 'returning_people' THEN value END) AS returning_people,
  MAX(CASE WHEN metric = 'returning_people' THEN interval_low END) AS returning_people_low,
  MAX(CASE WHEN metric = 'returning_people' THEN interval_high END) AS returning_people_high,
  MAX(CASE WHEN metric = 'returning_people' THEN n END) AS returning_people_n,
  MAX(CASE WHEN metric = 'returning_people' THEN suppressed_reason END) AS returning_people_suppressed,
  MIN(coverage) AS coverage,
  MAX(published_time) AS published_time
FROM `${project}`.`${dataset}_views`.`metrics_latest`
WHERE
  metric IN ('new_people', 'returning_people')
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
