# Three datasets: figures and events, failed payloads that few may read, and the views that BI reads.
# Views of people, or of sketches of them, are beside the tables: who reads figures does not read those.

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
  tables = {
    for file in fileset(var.schemas, "*.json") :
    trimsuffix(file, ".json") => jsondecode(file("${var.schemas}/${file}"))
  }

  datasets = {
    data       = var.name
    restricted = "${var.name}_restricted"
    views      = "${var.name}_views"
  }

  # The index of the generated views: what each is, in which dataset, whether it reads other views.
  views = jsondecode(file("${var.views}/views.json"))

  queries = {
    for name, view in local.views : name => replace(replace(replace(file("${var.views}/${name}.sql"),
      "$${project}", var.project),
      "$${dataset}", local.datasets.data),
    "$${restricted_dataset}", local.datasets.restricted)
  }

  view_datasets = {
    data       = google_bigquery_dataset.data.dataset_id
    restricted = google_bigquery_dataset.restricted.dataset_id
    views      = google_bigquery_dataset.views.dataset_id
  }

  # A view over a view can be made only when that one is there.
  first_views  = { for name, view in local.views : name => view if !view.over_views }
  second_views = { for name, view in local.views : name => view if view.over_views }

  # Rows about a person are in these tables, or sketches of people; figures have none.
  personal = [for name in ["decoded_events", "events", "failed_events", "late_events", "partials"] : name if contains(keys(local.tables), name)]

  # What the questions about people read (docs/bi.md): views, and the tables that these read, for a view
  # beside its tables is no more than a text. Decoded, late and failed ones are not asked for.
  people_tables = [for name in ["events", "partials"] : name if contains(keys(local.tables), name)]
  people_views  = [for name in ["events_latest", "events_standing", "partials_latest"] : name if contains(keys(local.views), name)]
}

# What the writer may do to failed payloads: add to them. It has no need to read them.
resource "google_project_iam_custom_role" "appender" {
  project     = var.project
  role_id     = "${replace(var.name, "-", "_")}_appender"
  title       = "${var.name}: append rows to a table"
  description = "Storage Write streams into a table, without reading it"
  permissions = [
    "bigquery.tables.get",
    "bigquery.tables.updateData",
  ]
}

resource "google_bigquery_dataset" "views" {
  project                    = var.project
  dataset_id                 = local.datasets.views
  location                   = var.location
  description                = "What BI reads: views of figures, coverage and balance"
  labels                     = var.labels
  delete_contents_on_destroy = false

  default_encryption_configuration {
    kms_key_name = var.kms_key
  }

  # Said in full: without any, every viewer of the project reads it. OWNER and READER are what the API
  # gives back for roles/bigquery.dataOwner and roles/bigquery.dataViewer.
  access {
    role          = "OWNER"
    special_group = "projectOwners"
  }

  access {
    role          = "READER"
    user_by_email = var.reader
  }

  dynamic "access" {
    for_each = var.reader_groups

    content {
      role           = "READER"
      group_by_email = access.value
    }
  }
}

resource "google_bigquery_dataset" "data" {
  project                    = var.project
  dataset_id                 = local.datasets.data
  location                   = var.location
  description                = "Events, figures with their revisions, balance: read through ${local.datasets.views}"
  labels                     = var.labels
  delete_contents_on_destroy = false

  # What a person asked to be erased is gone two days later, and not seven.
  max_time_travel_hours = "48"

  default_encryption_configuration {
    kms_key_name = var.kms_key
  }

  access {
    role          = "OWNER"
    special_group = "projectOwners"
  }

  # The whole dataset of views is authorised, not each view: views need the tables, and tables this
  # dataset, so that view by view Terraform would go round in a circle. Only Terraform makes views there.
  access {
    dataset {
      target_types = ["VIEWS"]

      dataset {
        project_id = var.project
        dataset_id = google_bigquery_dataset.views.dataset_id
      }
    }
  }
}

resource "google_bigquery_dataset" "restricted" {
  project                    = var.project
  dataset_id                 = local.datasets.restricted
  location                   = var.location
  description                = "Failed payloads as they came, with whatever they hold: few may read, soon gone"
  labels                     = merge(var.labels, { access = "restricted" })
  delete_contents_on_destroy = false
  max_time_travel_hours      = "48"

  default_encryption_configuration {
    kms_key_name = var.kms_key
  }

  access {
    role          = "OWNER"
    special_group = "projectOwners"
  }

  dynamic "access" {
    for_each = var.restricted_reader_groups

    content {
      role           = "READER"
      group_by_email = access.value
    }
  }
}

resource "google_bigquery_table" "table" {
  for_each = local.tables

  project             = var.project
  dataset_id          = each.value.restricted ? google_bigquery_dataset.restricted.dataset_id : google_bigquery_dataset.data.dataset_id
  table_id            = each.key
  description         = each.value.description
  schema              = jsonencode(each.value.columns)
  clustering          = each.value.clustering
  labels              = var.labels
  deletion_protection = var.deletion_protection

  require_partition_filter = each.value.day_required

  time_partitioning {
    type          = "DAY"
    field         = each.value.partition
    expiration_ms = each.value.kept_days == null ? null : each.value.kept_days * 86400000
  }

  encryption_configuration {
    kms_key_name = var.kms_key
  }
}

resource "google_bigquery_table" "view" {
  #checkov:skip=CKV_GCP_121:A view holds nothing; a new version of its SQL may replace it.
  #checkov:skip=CKV_GCP_80:A view has no rows to encrypt; the tables it reads are encrypted.
  for_each = local.first_views

  project             = var.project
  dataset_id          = local.view_datasets[each.value.dataset]
  table_id            = each.key
  description         = each.value.description
  labels              = var.labels
  deletion_protection = false

  view {
    query          = local.queries[each.key]
    use_legacy_sql = false
  }

  depends_on = [google_bigquery_table.table, google_bigquery_dataset.data]
}

resource "google_bigquery_table" "view_of_views" {
  #checkov:skip=CKV_GCP_121:A view holds nothing; a new version of its SQL may replace it.
  #checkov:skip=CKV_GCP_80:A view has no rows to encrypt; the tables it reads are encrypted.
  for_each = local.second_views

  project             = var.project
  dataset_id          = local.view_datasets[each.value.dataset]
  table_id            = each.key
  description         = each.value.description
  labels              = var.labels
  deletion_protection = false

  view {
    query          = local.queries[each.key]
    use_legacy_sql = false
  }

  depends_on = [google_bigquery_table.view]
}

# Table by table, so that a table made beside ours is nobody's by accident.
resource "google_bigquery_table_iam_member" "writer_writes" {
  for_each = { for name, table in local.tables : name => table if !table.restricted }

  project    = var.project
  dataset_id = google_bigquery_table.table[each.key].dataset_id
  table_id   = google_bigquery_table.table[each.key].table_id
  role       = "roles/bigquery.dataEditor"
  member     = "serviceAccount:${var.writer}"
}

resource "google_bigquery_table_iam_member" "writer_appends_failed" {
  for_each = { for name, table in local.tables : name => table if table.restricted }

  project    = var.project
  dataset_id = google_bigquery_table.table[each.key].dataset_id
  table_id   = google_bigquery_table.table[each.key].table_id
  role       = google_project_iam_custom_role.appender.name
  member     = "serviceAccount:${var.writer}"
}

resource "google_bigquery_table_iam_member" "erasure_deletes" {
  for_each = toset(local.personal)

  project    = var.project
  dataset_id = google_bigquery_table.table[each.key].dataset_id
  table_id   = google_bigquery_table.table[each.key].table_id
  role       = "roles/bigquery.dataEditor"
  member     = "serviceAccount:${var.erasure}"
}

resource "google_bigquery_table_iam_member" "auditor_reads_balance" {
  project    = var.project
  dataset_id = google_bigquery_table.table["balance"].dataset_id
  table_id   = google_bigquery_table.table["balance"].table_id
  role       = "roles/bigquery.dataViewer"
  member     = "serviceAccount:${var.auditor}"
}

# The report says the time zone and version of the run; no person is in it.
resource "google_bigquery_table_iam_member" "reader_reads_runs" {
  project    = var.project
  dataset_id = google_bigquery_table.table["runs"].dataset_id
  table_id   = google_bigquery_table.table["runs"].table_id
  role       = "roles/bigquery.dataViewer"
  member     = "serviceAccount:${var.reader}"
}

resource "google_bigquery_table_iam_member" "reader_groups_read_runs" {
  for_each = var.reader_groups

  project    = var.project
  dataset_id = google_bigquery_table.table["runs"].dataset_id
  table_id   = google_bigquery_table.table["runs"].table_id
  role       = "roles/bigquery.dataViewer"
  member     = "group:${each.key}"
}

resource "google_bigquery_table_iam_member" "people_readers_read_tables" {
  for_each = { for pair in setproduct(var.people_reader_groups, local.people_tables) : join(" ", pair) => pair }

  project    = var.project
  dataset_id = google_bigquery_dataset.data.dataset_id
  table_id   = google_bigquery_table.table[each.value[1]].table_id
  role       = "roles/bigquery.dataViewer"
  member     = "group:${each.value[0]}"
}

resource "google_bigquery_table_iam_member" "people_readers_read_views" {
  for_each = { for pair in setproduct(var.people_reader_groups, local.people_views) : join(" ", pair) => pair }

  project    = var.project
  dataset_id = google_bigquery_dataset.data.dataset_id
  table_id   = each.value[1]
  role       = "roles/bigquery.dataViewer"
  member     = "group:${each.value[0]}"

  depends_on = [google_bigquery_table.view, google_bigquery_table.view_of_views]
}

# A schedule asks whether a day is ready, and reads nothing else.
resource "google_bigquery_table_iam_member" "launcher_reads_partition_status" {
  for_each = toset([for name in ["partition_status"] : name if contains(keys(local.views), name)])

  project    = var.project
  dataset_id = google_bigquery_dataset.views.dataset_id
  table_id   = each.key
  role       = "roles/bigquery.dataViewer"
  member     = "serviceAccount:${var.launcher}"

  depends_on = [google_bigquery_table.view, google_bigquery_table.view_of_views]
}
