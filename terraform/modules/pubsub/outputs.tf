output "arguments" {
  description = "The subscriptions as `moment measure` takes them."
  value = [
    for input, subscription in google_pubsub_subscription.input :
    "${var.inputs[input].channel == null ? "" : "${var.inputs[input].channel}="}pubsub://${subscription.id}"
  ]
}

output "topics" {
  description = "Topic of each input, for those who publish."
  value       = { for input, topic in google_pubsub_topic.input : input => topic.id }
}

output "subscriptions" {
  description = "Names of the subscriptions that jobs read."
  value       = [for subscription in google_pubsub_subscription.input : subscription.name]
}

output "dead_letter_subscriptions" {
  description = "Names of the subscriptions that keep what could not be delivered."
  value       = [for subscription in google_pubsub_subscription.dead_letter : subscription.name]
}
