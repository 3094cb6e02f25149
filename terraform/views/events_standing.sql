SELECT
  *
FROM `${project}`.`${dataset}`.`events_latest`
QUALIFY
  ROW_NUMBER() OVER (
    PARTITION BY day, COALESCE(fact_id, event_id)
    ORDER BY revision DESC, CASE WHEN op = 'retract' THEN 1 ELSE 0 END DESC, event_id DESC
  ) = 1
  AND op <> 'retract'
