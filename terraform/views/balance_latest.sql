SELECT
  input,
  arrival_hour,
  channel,
  received,
  decoded,
  failed,
  events,
  accepted,
  duplicate,
  withheld,
  ignored,
  late,
  balanced,
  published_time,
  day
FROM `${project}`.`${dataset}`.`balance`
QUALIFY
  ROW_NUMBER() OVER (PARTITION BY day, input, arrival_hour, channel ORDER BY published_time DESC) = 1
