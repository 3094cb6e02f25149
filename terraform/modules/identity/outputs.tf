output "emails" {
  description = "Address of each account by what it does: writer, reader, erasure, launcher, auditor."
  value       = { for name, account in google_service_account.account : name => account.email }
}

output "names" {
  description = "Resource name of each account."
  value       = { for name, account in google_service_account.account : name => account.name }
}
