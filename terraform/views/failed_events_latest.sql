SELECT
  *
FROM `${project}`.`${restricted_dataset}`.`failed_events`
QUALIFY
  ROW_NUMBER() OVER (PARTITION BY day, failure_id ORDER BY failed_time) = 1
