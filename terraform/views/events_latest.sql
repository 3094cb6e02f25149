SELECT
  *
FROM `${project}`.`${dataset}`.`events`
QUALIFY
  ROW_NUMBER() OVER (PARTITION BY day, event_id ORDER BY ingested_time, event_time, collected_time) = 1
