output "archive" {
  description = "Bucket of raw payloads."
  value       = google_storage_bucket.archive.name
}

output "dataflow" {
  description = "Bucket of templates, staged and temporary files."
  value       = google_storage_bucket.dataflow.name
}
