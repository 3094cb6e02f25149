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
