SELECT DISTINCT
  told.event_id,
  told.event_time,
  told.arrived_time,
  told.local_day,
  told.effect,
  told.closed_through,
  told.recorded_time,
  told.epoch,
  told.shard,
  told.number,
  told.day
FROM `${project}`.`${dataset}`.`late_events` AS told
WHERE
  effect <> 'reset'
  AND NOT EXISTS(
    SELECT
      1
    FROM `${project}`.`${dataset}`.`late_events` AS voiding
    WHERE
      voiding.effect = 'reset'
      AND voiding.shard = told.shard
      AND voiding.epoch = told.epoch
      AND voiding.number < told.number
      AND voiding.recorded_time > told.recorded_time
  )
