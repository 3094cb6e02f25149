SELECT
  event_id,
  source,
  source_event_id,
  event_type,
  schema_ref,
  op,
  fact_id,
  revision,
  event_time,
  time_basis,
  device_created_time,
  device_sent_time,
  collected_time,
  ingested_time,
  tz_offset_min,
  media_time_ms,
  actor_id,
  actor_key_id,
  actor_basis,
  actor_kind,
  source_class,
  session_id,
  action,
  action_class,
  object_id,
  object_type,
  parent_id,
  thread_id,
  content_id,
  campaign_id,
  brand_id,
  product_id,
  channel,
  media_type,
  device_class,
  country,
  region,
  modality,
  text,
  text_lang,
  reaction_code,
  rating_scale,
  rating_value,
  rating_min,
  rating_max,
  duration_ms,
  heartbeat_ms,
  engaged_ms,
  amount,
  currency,
  ivt_class,
  ivt_reason,
  is_sponsored,
  consent_basis,
  consent_reason,
  provenance,
  retention_until,
  pipeline_version,
  ext,
  day
FROM (
  SELECT
    told.*
  FROM `${project}`.`${dataset}`.`events_latest` AS told
  LEFT JOIN (
    SELECT
      fact_id,
      day,
      MAX(revision) AS revision
    FROM `${project}`.`${dataset}`.`events`
    WHERE
      NOT fact_id IS NULL AND day >= CAST('0001-01-01' AS DATE)
    GROUP BY
      fact_id,
      day
  ) AS elsewhere
    ON elsewhere.fact_id = told.fact_id
    AND elsewhere.day <> told.day
    AND elsewhere.revision > told.revision
  WHERE
    elsewhere.fact_id IS NULL
)
QUALIFY
  ROW_NUMBER() OVER (
    PARTITION BY day, COALESCE(fact_id, event_id)
    ORDER BY revision DESC, CASE WHEN op = 'retract' THEN 1 ELSE 0 END DESC, event_id DESC
  ) = 1
  AND op <> 'retract'
