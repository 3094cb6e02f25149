output "archive" {
  description = "Bucket of raw payloads."
  value       = google_storage_bucket.archive.name
}

output "load" {
  description = "Bucket of files for load jobs, as --load-through takes it after gs://."
  value       = google_storage_bucket.load.name
}

output "dataflow" {
  description = "Bucket of templates, staged and temporary files."
  value       = google_storage_bucket.dataflow.name
}
