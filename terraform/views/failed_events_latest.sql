SELECT
  failure_id,
  input,
  position,
  channel,
  stage,
  reason,
  path,
  detail,
  arrived_time,
  failed_time,
  payload,
  expires_on,
  day
FROM `${project}`.`${restricted_dataset}`.`failed_events`
QUALIFY
  ROW_NUMBER() OVER (PARTITION BY day, failure_id ORDER BY failed_time) = 1
