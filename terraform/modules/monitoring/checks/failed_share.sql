-- What could not be decoded, of what was received in the last three hours. A hundred records are needed
-- for a share to mean something.
WITH newest AS (
  SELECT received, failed
  FROM `${balance}`
  WHERE day >= DATE_SUB(CURRENT_DATE(), INTERVAL 1 DAY)
    AND arrival_hour >= TIMESTAMP_SUB(CURRENT_TIMESTAMP(), INTERVAL 3 HOUR)
  QUALIFY ROW_NUMBER() OVER (
    PARTITION BY input, arrival_hour, channel ORDER BY published_time DESC
  ) = 1
)
SELECT IF(
  COALESCE(SUM(received), 0) < 100 OR SUM(failed) <= ${failed_share} * SUM(received),
  'few records fail',
  ERROR(CONCAT('MOMENT failed_share: ', CAST(SUM(failed) AS STRING), ' of ',
    CAST(SUM(received) AS STRING), ' records fail'))
) AS outcome
FROM newest
