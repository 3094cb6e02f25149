variable "project" {
  description = "Project that everything is made in."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project))
    error_message = "project: expected the id of a project, such as figures-example, not its number or name."
  }
}

variable "region" {
  description = "Region of everything, so that one key serves all and data stays there."
  type        = string
  default     = "europe-west1"
}

variable "name" {
  description = "What names begin with."
  type        = string
  default     = "moment"
}

variable "time_zone" {
  description = "Civil time of the property."
  type        = string
  default     = "Europe/Paris"
}

variable "inputs" {
  description = "What comes in, by name: channel (null: recognised) and who may publish."
  type = map(object({
    channel    = optional(string)
    publishers = optional(set(string), [])
  }))
}

variable "image" {
  description = "Image in the repository, NAME:TAG, as deploy/dataflow/RUNBOOK.md builds it."
  type        = string
}

variable "run" {
  description = "Do jobs run? First false: image and key are put where the first apply makes room for them."
  type        = bool
  default     = false
}

variable "shards" {
  description = "Shards of people. The same for as long as a job is updated."
  type        = number
  default     = 32
}

variable "pseudonym_key_version" {
  description = "Version of the secret with the pseudonym key."
  type        = number
  default     = 1
}

variable "subnetwork" {
  description = "Subnetwork of the workers, with Private Google Access: regions/REGION/subnetworks/NAME."
  type        = string
}

variable "builders" {
  description = "Addresses of service accounts that push images, such as that of CI."
  type        = set(string)
  default     = []
}

variable "reader_groups" {
  description = "Groups of people who read the figures."
  type        = set(string)
  default     = []
}

variable "people_reader_groups" {
  description = "Groups of people who read events and sketches of people, under pseudonyms."
  type        = set(string)
  default     = []
}

variable "restricted_reader_groups" {
  description = "Groups of people who may read failed payloads."
  type        = set(string)
  default     = []
}

variable "emails" {
  description = "Who is written to when something is wrong."
  type        = set(string)
}

variable "billing_account" {
  description = "Billing account, for a budget; null: none."
  type        = string
  default     = null
}

variable "monthly_budget" {
  description = "What a month may cost, in the currency of the billing account."
  type        = number
  default     = 1000
}

variable "labels" {
  description = "Labels of everything that has labels."
  type        = map(string)
  default     = {}
}
