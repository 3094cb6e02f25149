output "repository" {
  description = "Where to push the image."
  value       = module.registry.repository
}

output "pseudonym_secret" {
  description = "Where to put the pseudonym key."
  value       = module.secrets.pseudonym_secret
}

output "topics" {
  description = "Where to publish."
  value       = module.pubsub.topics
}

output "datasets" {
  description = "Where figures are."
  value       = module.bigquery.datasets
}

output "template" {
  description = "What jobs are started from."
  value       = module.dataflow.template
}

output "buckets" {
  description = "Where raw payloads are kept, and files for load jobs."
  value       = { archive = module.storage.archive, load = module.storage.load }
}
