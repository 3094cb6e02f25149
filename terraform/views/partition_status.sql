SELECT
  day,
  'metrics' AS table_name,
  CASE
    WHEN MAX(CASE WHEN window_kind = 'day' THEN epoch END) = MAX(epoch)
    THEN CASE WHEN MIN(epoch) < MAX(epoch) THEN 'restated' ELSE 'closed' END
    ELSE 'open'
  END AS status,
  MAX(window_end) AS watermark,
  COUNT(*) AS row_count,
  MAX(epoch) AS epoch
FROM `${project}`.`${dataset}`.`metrics`
GROUP BY
  day
