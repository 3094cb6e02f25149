# Each night the day before is computed again from what was archived, by a job of the Flex Template.

terraform {
  required_version = ">= 1.9"

  required_providers {
    google = {
      source  = "hashicorp/google"
      version = ">= 6.50, < 8"
    }
  }
}

resource "google_cloud_scheduler_job" "backfill" {
  project     = var.project
  region      = var.region
  name        = "${var.name}-backfill"
  description = "Starts the Dataflow job that recomputes the day before"
  schedule    = var.schedule
  time_zone   = var.time_zone
  paused      = var.paused

  # Asking twice is harmless: a job of a name that runs is refused.
  attempt_deadline = "180s"

  retry_config {
    retry_count          = 3
    min_backoff_duration = "60s"
    max_backoff_duration = "600s"
  }

  http_target {
    http_method = "POST"
    uri         = "https://dataflow.googleapis.com/v1b3/projects/${var.project}/locations/${var.region}/flexTemplates:launch"

    headers = {
      "Content-Type" = "application/json"
    }

    body = base64encode(jsonencode({
      launchParameter = {
        jobName              = "${var.name}-backfill"
        containerSpecGcsPath = var.template

        parameters = merge(var.parameters, {
          command              = "backfill"
          inputs               = join(" ", var.inputs)
          output               = var.output
          pseudonym_key_secret = var.pseudonym_secret_version
          time_zone            = var.time_zone
          # The body of a schedule is always the same: the job itself finds out which day that is.
          from = "yesterday"
          to   = "yesterday"
        })

        environment = {
          serviceAccountEmail = var.writer
          sdkContainerImage   = var.image
          kmsKeyName          = var.kms_key
          subnetwork          = var.subnetwork
          ipConfiguration     = "WORKER_IP_PRIVATE"
          machineType         = var.machine_type
          # The job is one command: a second worker would have nothing to do.
          numWorkers           = 1
          maxWorkers           = 1
          tempLocation         = "gs://${var.bucket}/temp"
          stagingLocation      = "gs://${var.bucket}/staging"
          additionalUserLabels = var.labels
        }
      }
    }))

    oauth_token {
      service_account_email = var.launcher
      scope                 = "https://www.googleapis.com/auth/cloud-platform"
    }
  }
}
