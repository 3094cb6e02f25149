SELECT
  *
FROM `${project}`.`${dataset}`.`balance`
QUALIFY
  ROW_NUMBER() OVER (PARTITION BY day, input, arrival_hour, channel ORDER BY published_time DESC) = 1
