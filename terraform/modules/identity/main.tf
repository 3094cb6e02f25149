# Who does what. Each account is given its rights by the module that owns the resource; here are only
# those that Google Cloud knows for a whole project and nothing smaller.

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
  accounts = {
    writer   = "Moment: reads subscriptions, writes tables; the account of Dataflow workers"
    reader   = "Moment: reads what is published, as BI does"
    erasure  = "Moment: deletes the rows of a person who asks for it"
    launcher = "Moment: starts, updates and looks at jobs; the account of schedules"
    auditor  = "Moment: asks each hour whether the balance closes"
  }
}

resource "google_service_account" "account" {
  for_each = local.accounts

  project      = var.project
  account_id   = "${var.name}-${each.key}"
  display_name = "${var.name}-${each.key}"
  description  = each.value
}

# roles/dataflow.developer would also open Cloud Build. The writer is not given even this: the machine that
# builds the graph of a Flex Template writes it down, and Dataflow itself starts the job.
resource "google_project_iam_custom_role" "job_starter" {
  project     = var.project
  role_id     = "${replace(var.name, "-", "_")}_job_starter"
  title       = "${var.name}: start and watch Dataflow jobs"
  description = "What starting, updating and watching a Dataflow job needs, and nothing of other services"
  permissions = [
    "dataflow.jobs.cancel",
    "dataflow.jobs.create",
    "dataflow.jobs.get",
    "dataflow.jobs.list",
    "dataflow.jobs.updateContents",
    "dataflow.messages.list",
    "dataflow.metrics.get",
  ]
}

resource "google_project_iam_member" "writer_works" {
  project = var.project
  role    = "roles/dataflow.worker"
  member  = google_service_account.account["writer"].member
}

resource "google_project_iam_member" "launcher_starts_jobs" {
  project = var.project
  role    = google_project_iam_custom_role.job_starter.name
  member  = google_service_account.account["launcher"].member
}

# BigQuery gives the right to run a query by project only; what may be read is said by the tables.
resource "google_project_iam_member" "runs_queries" {
  for_each = toset(["writer", "reader", "erasure", "launcher", "auditor"])

  project = var.project
  role    = "roles/bigquery.jobUser"
  member  = google_service_account.account[each.key].member
}

# This project pays for what they ask.
resource "google_project_iam_member" "groups_run_queries" {
  for_each = var.groups

  project = var.project
  role    = "roles/bigquery.jobUser"
  member  = "group:${each.key}"
}

# A backfill reads the figures and events of a day, many rows, over the Storage Read API, and a report
# the figures that it draws.
resource "google_project_iam_member" "reads_rows" {
  for_each = toset(["writer", "reader"])

  project = var.project
  role    = "roles/bigquery.readSessionUser"
  member  = google_service_account.account[each.key].member
}

# Jobs run as the writer: who starts one must be allowed to act as it, and as nobody else.
resource "google_service_account_iam_member" "launcher_acts_as_writer" {
  service_account_id = google_service_account.account["writer"].name
  role               = "roles/iam.serviceAccountUser"
  member             = google_service_account.account["launcher"].member
}
