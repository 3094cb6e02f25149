# The Flex Template, a file an image, and the streaming job that is started from it.

terraform {
  required_version = ">= 1.9"

  required_providers {
    google = {
      source  = "hashicorp/google"
      version = ">= 6.50, < 8"
    }

    # Jobs of a Flex Template are in the beta provider only.
    google-beta = {
      source  = "hashicorp/google-beta"
      version = ">= 6.50, < 8"
    }
  }
}

locals {
  parameters = merge(var.parameters, {
    inputs               = join(" ", var.inputs)
    output               = var.output
    pseudonym_key_secret = var.pseudonym_secret_version
  })
}

# What `gcloud dataflow flex-template build` would write. Each image has a file of its own, so that the one
# before is still there to go back to.
resource "google_storage_bucket_object" "template" {
  name         = "templates/${replace(element(split("@", reverse(split("/", var.image))[0]), 0), ":", "-")}.json"
  bucket       = var.bucket
  content_type = "application/json"

  content = jsonencode({
    image    = var.image
    sdkInfo  = { language = "PYTHON" }
    metadata = jsondecode(file(var.metadata))
  })
}

# A change of template or parameters updates the running job, state and all; a graph that does not fit is
# refused by Dataflow, and the old job goes on.
resource "google_dataflow_flex_template_job" "stream" {
  provider = google-beta
  count    = var.run ? 1 : 0

  project                 = var.project
  region                  = var.region
  name                    = var.name
  container_spec_gcs_path = "gs://${var.bucket}/${google_storage_bucket_object.template.name}"
  parameters              = local.parameters
  sdk_container_image     = var.image
  service_account_email   = var.writer
  kms_key_name            = var.kms_key
  labels                  = var.labels

  enable_streaming_engine = true
  autoscaling_algorithm   = "THROUGHPUT_BASED"
  machine_type            = var.machine_type
  num_workers             = var.workers
  max_workers             = var.most_workers
  temp_location           = "gs://${var.bucket}/temp"
  staging_location        = "gs://${var.bucket}/staging"

  subnetwork       = var.subnetwork
  ip_configuration = "WORKER_IP_PRIVATE"

  # Cancelled, not drained: draining sends the watermark to the end of time and closes every open window.
  # What was not acknowledged is still in the subscription.
  on_delete                    = "cancel"
  skip_wait_on_job_termination = false
  transform_name_mapping       = var.transform_name_mapping
}
