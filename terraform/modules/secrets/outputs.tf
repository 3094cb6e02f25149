output "data_key" {
  description = "Key of tables, buckets, topics and images. Known once Google's accounts may use it."
  value       = google_kms_crypto_key.data.id
  depends_on  = [google_kms_crypto_key_iam_member.agent_encrypts_data]
}

output "pseudonym_secret" {
  description = "The secret, as `gcloud secrets versions add` names it; a version of it is what pseudonym_key_secret takes."
  value       = google_secret_manager_secret.pseudonym.id
}
