-- Nothing lost: each input, channel and hour of arrival that is over must close both equations.
-- A stream counts on and writes a row again, so the newest one holds.
WITH newest AS (
  SELECT arrival_hour, balanced, published_time
  FROM `${balance}`
  WHERE day >= DATE_SUB(CURRENT_DATE(), INTERVAL 1 DAY)
  QUALIFY ROW_NUMBER() OVER (
    PARTITION BY input, arrival_hour, channel ORDER BY published_time DESC
  ) = 1
)
SELECT IF(
  COUNT(*) = 0,
  'every hour closes',
  ERROR(CONCAT('MOMENT unbalanced_hours: ', CAST(COUNT(*) AS STRING), ' rows do not close'))
) AS outcome
FROM newest
WHERE NOT balanced
  AND arrival_hour < TIMESTAMP_SUB(CURRENT_TIMESTAMP(), INTERVAL 2 HOUR)
