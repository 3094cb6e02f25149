SELECT DISTINCT
  told.*
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
