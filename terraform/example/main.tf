# Everything that Moment needs in one project. Copy this folder and make it yours.

terraform {
  required_version = ">= 1.9"

  required_providers {
    google = {
      source  = "hashicorp/google"
      version = "~> 6.50"
    }

    google-beta = {
      source  = "hashicorp/google-beta"
      version = "~> 6.50"
    }
  }

  # The state names every resource: keep it in a bucket of its own, with versions, that few may read.
  # backend "gcs" {
  #   bucket = "YOUR-STATE-BUCKET"
  #   prefix = "moment"
  # }
}

provider "google" {
  project = var.project
  region  = var.region
}

provider "google-beta" {
  project = var.project
  region  = var.region
}

locals {
  root   = "${path.module}/../.."
  labels = merge(var.labels, { application = "moment" })
  services = [
    "artifactregistry.googleapis.com",
    "bigquery.googleapis.com",
    "bigquerydatatransfer.googleapis.com",
    "bigquerystorage.googleapis.com",
    "billingbudgets.googleapis.com",
    "cloudkms.googleapis.com",
    "cloudresourcemanager.googleapis.com",
    "cloudscheduler.googleapis.com",
    "compute.googleapis.com",
    "dataflow.googleapis.com",
    "iam.googleapis.com",
    "monitoring.googleapis.com",
    "pubsub.googleapis.com",
    "secretmanager.googleapis.com",
    "storage.googleapis.com",
  ]

  secret_version = "${module.secrets.pseudonym_secret}/versions/${var.pseudonym_key_version}"
}

data "google_project" "project" {
  project_id = var.project
}

resource "google_project_service" "service" {
  for_each = toset(local.services)

  project            = var.project
  service            = each.value
  disable_on_destroy = false
}

module "identity" {
  source = "../modules/identity"

  project = var.project
  name    = var.name
  groups  = setunion(var.reader_groups, var.people_reader_groups, var.restricted_reader_groups)

  depends_on = [google_project_service.service]
}

module "secrets" {
  source = "../modules/secrets"

  project        = var.project
  project_number = data.google_project.project.number
  name           = var.name
  location       = var.region
  labels         = local.labels
  writer         = module.identity.emails["writer"]
  erasure        = module.identity.emails["erasure"]
}

module "registry" {
  source = "../modules/registry"

  project  = var.project
  name     = var.name
  location = var.region
  kms_key  = module.secrets.data_key
  labels   = local.labels
  writer   = module.identity.emails["writer"]
  builders = var.builders
}

module "storage" {
  source = "../modules/storage"

  project  = var.project
  name     = var.name
  location = var.region
  kms_key  = module.secrets.data_key
  labels   = local.labels
  writer   = module.identity.emails["writer"]
  erasure  = module.identity.emails["erasure"]
  launcher = module.identity.emails["launcher"]
}

module "pubsub" {
  source = "../modules/pubsub"

  project        = var.project
  project_number = data.google_project.project.number
  name           = var.name
  inputs         = var.inputs
  regions        = [var.region]
  kms_key        = module.secrets.data_key
  labels         = local.labels
  writer         = module.identity.emails["writer"]
}

module "bigquery" {
  source = "../modules/bigquery"

  project                  = var.project
  name                     = replace(var.name, "-", "_")
  location                 = var.region
  schemas                  = "${local.root}/terraform/schemas"
  views                    = "${local.root}/terraform/views"
  kms_key                  = module.secrets.data_key
  labels                   = local.labels
  writer                   = module.identity.emails["writer"]
  reader                   = module.identity.emails["reader"]
  erasure                  = module.identity.emails["erasure"]
  auditor                  = module.identity.emails["auditor"]
  launcher                 = module.identity.emails["launcher"]
  reader_groups            = var.reader_groups
  people_reader_groups     = var.people_reader_groups
  restricted_reader_groups = var.restricted_reader_groups
}

module "dataflow" {
  source = "../modules/dataflow"

  project                  = var.project
  region                   = var.region
  name                     = "${var.name}-stream"
  run                      = var.run
  image                    = "${module.registry.repository}/${var.image}"
  metadata                 = "${local.root}/deploy/dataflow/metadata.json"
  bucket                   = module.storage.dataflow
  inputs                   = module.pubsub.arguments
  output                   = module.bigquery.output
  pseudonym_secret_version = local.secret_version
  parameters = {
    time_zone = var.time_zone
    shards    = tostring(var.shards)
    archive   = "gs://${module.storage.archive}/payloads"
  }
  subnetwork = var.subnetwork
  writer     = module.identity.emails["writer"]
  kms_key    = module.secrets.data_key
  labels     = local.labels
}

module "schedule" {
  source = "../modules/schedule"

  project                  = var.project
  region                   = var.region
  name                     = var.name
  time_zone                = var.time_zone
  paused                   = !var.run
  template                 = module.dataflow.template
  image                    = "${module.registry.repository}/${var.image}"
  inputs                   = ["archive=gs://${module.storage.archive}/payloads"]
  output                   = module.bigquery.output
  pseudonym_secret_version = local.secret_version
  bucket                   = module.storage.dataflow
  subnetwork               = var.subnetwork
  kms_key                  = module.secrets.data_key
  writer                   = module.identity.emails["writer"]
  launcher                 = module.identity.emails["launcher"]
  labels                   = local.labels

  depends_on = [google_project_service.service]
}

module "monitoring" {
  source = "../modules/monitoring"

  project                   = var.project
  project_number            = data.google_project.project.number
  location                  = var.region
  job                       = "${var.name}-stream"
  prefix                    = var.name
  subscriptions             = module.pubsub.subscriptions
  dead_letter_subscriptions = module.pubsub.dead_letter_subscriptions
  balance_table             = module.bigquery.tables["balance"]
  auditor                   = module.identity.emails["auditor"]
  emails                    = var.emails
  billing_account           = var.billing_account
  monthly_budget            = var.monthly_budget
  labels                    = local.labels
}
