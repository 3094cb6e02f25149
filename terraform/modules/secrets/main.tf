# Two keys: one for what is stored, one for the secret that pseudonyms are made with, so that who may
# read tables cannot, by that, read the secret.

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
  # Google's own accounts, which encrypt on our behalf. They are made at the first use of a service.
  agents = {
    bigquery          = "bq-${var.project_number}@bigquery-encryption.iam.gserviceaccount.com"
    storage           = "service-${var.project_number}@gs-project-accounts.iam.gserviceaccount.com"
    pubsub            = "service-${var.project_number}@gcp-sa-pubsub.iam.gserviceaccount.com"
    artifact_registry = "service-${var.project_number}@gcp-sa-artifactregistry.iam.gserviceaccount.com"
    dataflow          = "service-${var.project_number}@dataflow-service-producer-prod.iam.gserviceaccount.com"
    compute           = "service-${var.project_number}@compute-system.iam.gserviceaccount.com"
  }
}

resource "google_kms_key_ring" "ring" {
  project  = var.project
  name     = var.name
  location = var.location
}

resource "google_kms_crypto_key" "data" {
  name            = "data"
  key_ring        = google_kms_key_ring.ring.id
  purpose         = "ENCRYPT_DECRYPT"
  rotation_period = var.rotation_period
  labels          = var.labels

  # Without the key every table, bucket and topic is lost.
  lifecycle {
    prevent_destroy = true
  }
}

resource "google_kms_crypto_key" "pseudonym" {
  name            = "pseudonym"
  key_ring        = google_kms_key_ring.ring.id
  purpose         = "ENCRYPT_DECRYPT"
  rotation_period = var.rotation_period
  labels          = var.labels

  lifecycle {
    prevent_destroy = true
  }
}

resource "google_kms_crypto_key_iam_member" "agent_encrypts_data" {
  for_each = local.agents

  crypto_key_id = google_kms_crypto_key.data.id
  role          = "roles/cloudkms.cryptoKeyEncrypterDecrypter"
  member        = "serviceAccount:${each.value}"
}

resource "google_kms_crypto_key_iam_member" "secret_manager_encrypts_pseudonym" {
  crypto_key_id = google_kms_crypto_key.pseudonym.id
  role          = "roles/cloudkms.cryptoKeyEncrypterDecrypter"
  member        = "serviceAccount:service-${var.project_number}@gcp-sa-secretmanager.iam.gserviceaccount.com"
}

# The entry without its value: what Terraform sets stands in its state for everybody who reads that.
# The value is given once, by hand (README), and never changes: under another everybody is somebody new.
resource "google_secret_manager_secret" "pseudonym" {
  project             = var.project
  secret_id           = "${var.name}-pseudonym-key"
  labels              = var.labels
  deletion_protection = true

  replication {
    user_managed {
      replicas {
        location = var.location

        customer_managed_encryption {
          kms_key_name = google_kms_crypto_key.pseudonym.id
        }
      }
    }
  }

  depends_on = [google_kms_crypto_key_iam_member.secret_manager_encrypts_pseudonym]
}

resource "google_secret_manager_secret_iam_member" "writer_reads_pseudonym_key" {
  project   = var.project
  secret_id = google_secret_manager_secret.pseudonym.secret_id
  role      = "roles/secretmanager.secretAccessor"
  member    = "serviceAccount:${var.writer}"
}

# To find the rows of a person, erasure makes the pseudonym that the person has.
resource "google_secret_manager_secret_iam_member" "erasure_reads_pseudonym_key" {
  project   = var.project
  secret_id = google_secret_manager_secret.pseudonym.secret_id
  role      = "roles/secretmanager.secretAccessor"
  member    = "serviceAccount:${var.erasure}"
}
