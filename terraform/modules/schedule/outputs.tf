output "backfill" {
  description = "Name of the schedule, for `gcloud scheduler jobs run`."
  value       = google_cloud_scheduler_job.backfill.name
}
