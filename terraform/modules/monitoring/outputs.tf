output "dashboard" {
  description = "Id of the dashboard."
  value       = google_monitoring_dashboard.moment.id
}

output "alerts" {
  description = "Name of each alert policy."
  value = concat(
    [for policy in google_monitoring_alert_policy.metric : policy.display_name],
    [for policy in google_monitoring_alert_policy.check : policy.display_name],
    [google_monitoring_alert_policy.absent.display_name],
  )
}
