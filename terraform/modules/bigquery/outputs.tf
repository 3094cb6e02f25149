output "output" {
  description = "The dataset as --output of `moment measure` names it."
  value       = "bigquery://${var.project}/${google_bigquery_dataset.data.dataset_id}"
}

output "datasets" {
  description = "Names of the datasets: data, restricted, views."
  value = {
    data       = google_bigquery_dataset.data.dataset_id
    restricted = google_bigquery_dataset.restricted.dataset_id
    views      = google_bigquery_dataset.views.dataset_id
  }
}

output "tables" {
  description = "Full name of each table, dots between its parts."
  value = {
    for name, table in google_bigquery_table.table :
    name => "${table.project}.${table.dataset_id}.${table.table_id}"
  }
}
