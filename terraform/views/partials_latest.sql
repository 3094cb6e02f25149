SELECT
  *
FROM `${project}`.`${dataset}`.`partials`
QUALIFY
  epoch = MAX(epoch) OVER (PARTITION BY day)
  AND ROW_NUMBER() OVER (
    PARTITION BY day, grouping_set, channel, content_id, brand_id, item, traffic
    ORDER BY epoch DESC, published_time DESC
  ) = 1
