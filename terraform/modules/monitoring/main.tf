# What somebody is woken for, and the page they look at then.
#
# Backlog, freshness and cost are metrics that Google has. What only our tables know (the balance, the share
# that fails) is asked of them each hour by a query that fails where it is wrong; its failure is the alert,
# whatever runner writes the tables.

terraform {
  required_version = ">= 1.9"

  required_providers {
    google = {
      source  = "hashicorp/google"
      version = ">= 6.50, < 8"
    }
  }
}

locals {
  checks = {
    for file in fileset("${path.module}/checks", "*.sql") :
    trimsuffix(file, ".sql") => templatefile("${path.module}/checks/${file}", {
      balance      = var.balance_table
      failed_share = var.failed_share
    })
  }

  channels = [for channel in google_monitoring_notification_channel.email : channel.id]

  # Of alerts that come from metrics: the condition, and what to do.
  metric_alerts = {
    backlog = {
      title  = "messages wait longer than they should"
      filter = "resource.type = \"pubsub_subscription\" AND resource.labels.subscription_id = monitoring.regex.full_match(\"${join("|", var.subscriptions)}\") AND metric.type = \"pubsub.googleapis.com/subscription/oldest_unacked_message_age\""
      above  = var.backlog_seconds
      align  = "ALIGN_MAX"
      reduce = "REDUCE_MAX"
      last   = "600s"
      advice = "The job does not keep up, or does not run. Look at its workers and log (runbook: deploy/dataflow/RUNBOOK.md); raise most_workers where all are busy. Topics keep what came for as long as retention_days says."
    }
    undeliverable = {
      title  = "messages could not be delivered"
      filter = "resource.type = \"pubsub_subscription\" AND resource.labels.subscription_id = monitoring.regex.full_match(\"${join("|", var.dead_letter_subscriptions)}\") AND metric.type = \"pubsub.googleapis.com/subscription/num_undelivered_messages\""
      above  = 0
      align  = "ALIGN_MAX"
      reduce = "REDUCE_SUM"
      last   = "300s"
      advice = "Delivered a hundred times and never acknowledged: the job crashes on them, or was away. Pull one and look; publish them again once the job is mended. Ids make copies one event."
    }
    freshness = {
      title  = "figures are older than they should be"
      filter = "resource.type = \"dataflow_job\" AND resource.labels.job_name = \"${var.job}\" AND metric.type = \"dataflow.googleapis.com/job/data_watermark_age\""
      above  = var.freshness_seconds
      align  = "ALIGN_MAX"
      reduce = "REDUCE_MAX"
      last   = "600s"
      advice = "The watermark stands: windows are not published as final. The age of each step on the page of the job says where it is held back, and the age of the oldest message of each subscription which input that is."
    }
    cost = {
      title  = "jobs use more processors than planned"
      filter = "resource.type = \"dataflow_job\" AND resource.labels.job_name = starts_with(\"${var.prefix}\") AND metric.type = \"dataflow.googleapis.com/job/current_num_vcpus\""
      above  = var.most_processors
      align  = "ALIGN_MEAN"
      reduce = "REDUCE_SUM"
      last   = "3600s"
      advice = "For an hour more ran than the plan pays for: a backlog that is worked off, a backfill of many days, or a job that was started twice."
    }
  }
}

resource "google_monitoring_notification_channel" "email" {
  for_each = var.emails

  project      = var.project
  display_name = "Moment: ${each.value}"
  type         = "email"
  user_labels  = var.labels

  labels = {
    email_address = each.value
  }
}

resource "google_monitoring_alert_policy" "metric" {
  for_each = local.metric_alerts

  project               = var.project
  display_name          = "Moment: ${each.value.title}"
  combiner              = "OR"
  severity              = each.key == "cost" ? "WARNING" : "ERROR"
  notification_channels = local.channels
  user_labels           = var.labels

  conditions {
    display_name = each.value.title

    condition_threshold {
      filter          = each.value.filter
      comparison      = "COMPARISON_GT"
      threshold_value = each.value.above
      duration        = each.value.last

      aggregations {
        alignment_period     = "60s"
        per_series_aligner   = each.value.align
        cross_series_reducer = each.value.reduce
      }
    }
  }

  documentation {
    content   = each.value.advice
    mime_type = "text/markdown"
  }

  alert_strategy {
    auto_close = "86400s"
  }
}

# A job that has stopped has no watermark that could be old.
resource "google_monitoring_alert_policy" "absent" {
  project               = var.project
  display_name          = "Moment: the streaming job says nothing"
  combiner              = "OR"
  severity              = "CRITICAL"
  notification_channels = local.channels
  user_labels           = var.labels

  conditions {
    display_name = "no watermark for a quarter of an hour"

    condition_absent {
      filter   = "resource.type = \"dataflow_job\" AND resource.labels.job_name = \"${var.job}\" AND metric.type = \"dataflow.googleapis.com/job/data_watermark_age\""
      duration = "900s"

      aggregations {
        alignment_period     = "60s"
        per_series_aligner   = "ALIGN_MAX"
        cross_series_reducer = "REDUCE_MAX"
      }
    }
  }

  documentation {
    content   = "The job failed or was cancelled. Start it again (terraform apply): what was not acknowledged is still in the subscriptions."
    mime_type = "text/markdown"
  }
}

resource "google_bigquery_data_transfer_config" "check" {
  for_each = local.checks

  project              = var.project
  location             = var.location
  display_name         = "moment-check-${each.key}"
  data_source_id       = "scheduled_query"
  schedule             = "every 1 hours"
  service_account_name = var.auditor

  params = {
    query = each.value
  }
}

resource "google_monitoring_alert_policy" "check" {
  for_each = local.checks

  project               = var.project
  display_name          = "Moment: ${replace(each.key, "_", " ")}"
  combiner              = "OR"
  severity              = "ERROR"
  notification_channels = local.channels
  user_labels           = var.labels

  conditions {
    display_name = "the hourly query fails"

    # Also where the query cannot run at all: a check that says nothing is no reassurance.
    condition_matched_log {
      filter = "resource.type = \"bigquery_dts_config\" AND severity >= ERROR AND resource.labels.config_id = \"${reverse(split("/", google_bigquery_data_transfer_config.check[each.key].name))[0]}\""
    }
  }

  documentation {
    content   = "The query of this check and what it found are in the log entry. Unbalanced hours: something was lost or doubled, stop publishing and run `moment verify`. Failed share: group failed_events by channel and reason."
    mime_type = "text/markdown"
  }

  alert_strategy {
    auto_close = "86400s"

    # A rule of the service: alerts on log entries say how often at most.
    notification_rate_limit {
      period = "3600s"
    }
  }
}

# What all of it costs is known to the billing account, a day late.
resource "google_billing_budget" "month" {
  count = var.billing_account == null ? 0 : 1

  billing_account = var.billing_account
  display_name    = "Moment: ${var.project}"

  budget_filter {
    projects = ["projects/${var.project_number}"]
    labels   = { application = "moment" }
  }

  amount {
    specified_amount {
      currency_code = var.currency
      units         = tostring(var.monthly_budget)
    }
  }

  threshold_rules {
    threshold_percent = 0.5
  }

  threshold_rules {
    threshold_percent = 0.9
  }

  threshold_rules {
    threshold_percent = 1.0
    spend_basis       = "FORECASTED_SPEND"
  }

  all_updates_rule {
    monitoring_notification_channels = local.channels
    disable_default_iam_recipients   = false
  }
}

resource "google_monitoring_dashboard" "moment" {
  project = var.project

  dashboard_json = templatefile("${path.module}/dashboard.json", {
    job           = var.job
    subscriptions = join("|", var.subscriptions)
    dead_letters  = join("|", var.dead_letter_subscriptions)
    backlog       = var.backlog_seconds
    freshness     = var.freshness_seconds
  })
}
