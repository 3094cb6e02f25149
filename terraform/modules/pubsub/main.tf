# A topic an input, its subscription, and where what cannot be delivered goes.

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
  # Publishing rights, one an input and account.
  publishers = merge([
    for input, settings in var.inputs : {
      for publisher in settings.publishers : "${input} ${publisher}" => { input = input, member = publisher }
    }
  ]...)
}

resource "google_pubsub_topic" "input" {
  for_each = var.inputs

  project      = var.project
  name         = "${var.name}-${each.key}"
  kms_key_name = var.kms_key
  labels       = merge(var.labels, { input = each.key })

  # A job that starts from nothing, or from older state, reads the open local day again: topics keep it, acknowledged or not.
  message_retention_duration = "${var.retention_days * 86400}s"

  message_storage_policy {
    allowed_persistence_regions = var.regions
  }
}

resource "google_pubsub_topic" "dead_letter" {
  for_each = var.inputs

  project      = var.project
  name         = "${var.name}-${each.key}-dead-letter"
  kms_key_name = var.kms_key
  labels       = merge(var.labels, { input = each.key })

  message_storage_policy {
    allowed_persistence_regions = var.regions
  }
}

resource "google_pubsub_subscription" "input" {
  for_each = var.inputs

  project = var.project
  name    = "${var.name}-${each.key}"
  topic   = google_pubsub_topic.input[each.key].id
  labels  = merge(var.labels, { input = each.key })

  ack_deadline_seconds       = 60
  message_retention_duration = "${var.retention_days * 86400}s"

  # Ids make copies one event; the service's own once-only delivery costs latency for nothing.
  enable_exactly_once_delivery = false

  # Without this a subscription that nobody read for 31 days is gone.
  expiration_policy {
    ttl = ""
  }

  # Moment refuses no message: what it cannot decode is a row of failed_events. What lands here could not
  # be delivered. Dataflow leaves messages unacknowledged for reasons of its own, hence the most attempts.
  dead_letter_policy {
    dead_letter_topic     = google_pubsub_topic.dead_letter[each.key].id
    max_delivery_attempts = 100
  }

  retry_policy {
    minimum_backoff = "10s"
    maximum_backoff = "600s"
  }
}

# A topic without a subscription keeps nothing.
resource "google_pubsub_subscription" "dead_letter" {
  for_each = var.inputs

  project = var.project
  name    = "${var.name}-${each.key}-dead-letter"
  topic   = google_pubsub_topic.dead_letter[each.key].id
  labels  = merge(var.labels, { input = each.key })

  ack_deadline_seconds       = 60
  message_retention_duration = "604800s"

  expiration_policy {
    ttl = ""
  }
}

resource "google_pubsub_subscription_iam_member" "writer_reads" {
  for_each = var.inputs

  project      = var.project
  subscription = google_pubsub_subscription.input[each.key].name
  role         = "roles/pubsub.subscriber"
  member       = "serviceAccount:${var.writer}"
}

# Before a job starts it looks whether the subscription is there.
resource "google_pubsub_subscription_iam_member" "writer_looks" {
  for_each = var.inputs

  project      = var.project
  subscription = google_pubsub_subscription.input[each.key].name
  role         = "roles/pubsub.viewer"
  member       = "serviceAccount:${var.writer}"
}

resource "google_pubsub_topic_iam_member" "publisher_publishes" {
  for_each = local.publishers

  project = var.project
  topic   = google_pubsub_topic.input[each.value.input].name
  role    = "roles/pubsub.publisher"
  member  = each.value.member
}

# Pub/Sub itself moves what cannot be delivered.
resource "google_pubsub_topic_iam_member" "pubsub_moves_to_dead_letter" {
  for_each = var.inputs

  project = var.project
  topic   = google_pubsub_topic.dead_letter[each.key].name
  role    = "roles/pubsub.publisher"
  member  = "serviceAccount:service-${var.project_number}@gcp-sa-pubsub.iam.gserviceaccount.com"
}

resource "google_pubsub_subscription_iam_member" "pubsub_moves_from_input" {
  for_each = var.inputs

  project      = var.project
  subscription = google_pubsub_subscription.input[each.key].name
  role         = "roles/pubsub.subscriber"
  member       = "serviceAccount:service-${var.project_number}@gcp-sa-pubsub.iam.gserviceaccount.com"
}
