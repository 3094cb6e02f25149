# Three buckets: raw payloads, restricted and expiring; files of load jobs; and what Dataflow needs to run.

terraform {
  required_version = ">= 1.9"

  required_providers {
    google = {
      source  = "hashicorp/google"
      version = ">= 6.50, < 8"
    }
  }
}

resource "google_storage_bucket" "archive" {
  #checkov:skip=CKV_GCP_62:Cloud Audit Logs say who read what; usage logs of a bucket are for those that are public.
  #checkov:skip=CKV_GCP_78:Payloads that are erased or expired must be gone, old versions too.
  project                     = var.project
  name                        = "${var.project}-${var.name}-archive"
  location                    = var.location
  storage_class               = "STANDARD"
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  force_destroy               = false
  labels                      = merge(var.labels, { access = "restricted" })

  # Payloads hold identifiers. What is erased or has expired must be gone: no old version, no days in
  # which a deleted object can be had back.
  versioning {
    enabled = false
  }

  soft_delete_policy {
    retention_duration_seconds = 0
  }

  encryption {
    default_kms_key_name = var.kms_key
  }

  # An object's custom time is the hour in which its records arrived: what was archived later is not
  # kept longer. The age is for objects without one.
  lifecycle_rule {
    action {
      type = "Delete"
    }

    condition {
      days_since_custom_time = var.archive_days
    }
  }

  lifecycle_rule {
    action {
      type = "Delete"
    }

    condition {
      age = var.archive_days
    }
  }

  lifecycle_rule {
    action {
      type = "AbortIncompleteMultipartUpload"
    }

    condition {
      age = 1
    }
  }
}

resource "google_storage_bucket" "load" {
  #checkov:skip=CKV_GCP_62:Cloud Audit Logs say who read what; usage logs of a bucket are for those that are public.
  #checkov:skip=CKV_GCP_78:Rows that were loaded must be gone, old versions too.
  project                     = var.project
  name                        = "${var.project}-${var.name}-load"
  location                    = var.location
  storage_class               = "STANDARD"
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  force_destroy               = false
  labels                      = merge(var.labels, { access = "restricted" })

  # Rows of all tables pass here, failed payloads too.
  versioning {
    enabled = false
  }

  soft_delete_policy {
    retention_duration_seconds = 0
  }

  encryption {
    default_kms_key_name = var.kms_key
  }

  # A run removes its files when it ends. These are of runs that were killed.
  lifecycle_rule {
    action {
      type = "Delete"
    }

    condition {
      age = 3
    }
  }

  lifecycle_rule {
    action {
      type = "AbortIncompleteMultipartUpload"
    }

    condition {
      age = 1
    }
  }
}

resource "google_storage_bucket" "dataflow" {
  #checkov:skip=CKV_GCP_62:Cloud Audit Logs say who read what; usage logs of a bucket are for those that are public.
  project                     = var.project
  name                        = "${var.project}-${var.name}-dataflow"
  location                    = var.location
  storage_class               = "STANDARD"
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  force_destroy               = false
  labels                      = var.labels

  # A template that was overwritten is the way back to the version before.
  versioning {
    enabled = true
  }

  encryption {
    default_kms_key_name = var.kms_key
  }

  # Of temporary files only: what was staged is fetched by every worker that joins a running job.
  lifecycle_rule {
    action {
      type = "Delete"
    }

    condition {
      age            = 7
      matches_prefix = ["temp/"]
    }
  }

  lifecycle_rule {
    action {
      type = "Delete"
    }

    condition {
      days_since_noncurrent_time = 30
      with_state                 = "ARCHIVED"
    }
  }
}

resource "google_storage_bucket_iam_member" "writer_archives" {
  bucket = google_storage_bucket.archive.name
  role   = "roles/storage.objectCreator"
  member = "serviceAccount:${var.writer}"
}

# Backfill and replay read what was archived.
resource "google_storage_bucket_iam_member" "writer_reads_archive" {
  bucket = google_storage_bucket.archive.name
  role   = "roles/storage.objectViewer"
  member = "serviceAccount:${var.writer}"
}

# Erasure writes a file again without the rows of a person: it reads, writes and deletes.
resource "google_storage_bucket_iam_member" "erasure_rewrites_archive" {
  bucket = google_storage_bucket.archive.name
  role   = "roles/storage.objectUser"
  member = "serviceAccount:${var.erasure}"
}

# Files are written, loaded with the rights of who asks for the job, and removed.
resource "google_storage_bucket_iam_member" "writer_loads" {
  bucket = google_storage_bucket.load.name
  role   = "roles/storage.objectUser"
  member = "serviceAccount:${var.writer}"
}

resource "google_storage_bucket_iam_member" "writer_stages" {
  bucket = google_storage_bucket.dataflow.name
  role   = "roles/storage.objectUser"
  member = "serviceAccount:${var.writer}"
}

# Templates alone: what is staged beside them holds keys that were derived from the pseudonym key.
resource "google_storage_bucket_iam_member" "launcher_reads_templates" {
  bucket = google_storage_bucket.dataflow.name
  role   = "roles/storage.objectViewer"
  member = "serviceAccount:${var.launcher}"

  condition {
    title       = "templates"
    description = "Objects below templates/, and nothing that is staged"
    expression  = "resource.name.startsWith(\"projects/_/buckets/${google_storage_bucket.dataflow.name}/objects/templates/\")"
  }
}
