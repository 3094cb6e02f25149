SELECT
  day,
  'metrics' AS table_name,
  CASE
    WHEN MAX(epoch) > 0
    THEN 'restated'
    WHEN MAX(CASE WHEN window_kind = 'day' THEN 1 ELSE 0 END) = 1
    THEN 'closed'
    ELSE 'open'
  END AS status,
  MAX(window_end) AS watermark,
  COUNT(*) AS row_count,
  MAX(epoch) AS epoch
FROM `${project}`.`${dataset}`.`metrics`
GROUP BY
  day
