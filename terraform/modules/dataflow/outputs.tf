output "template" {
  description = "Address of the template, for schedules and for `gcloud dataflow flex-template run`."
  value       = "gs://${var.bucket}/${google_storage_bucket_object.template.name}"
}

output "job" {
  description = "Id of the streaming job; null while it does not run."
  value       = one(google_dataflow_flex_template_job.stream[*].job_id)
}
