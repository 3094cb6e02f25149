variable "project" {
  description = "Project of the schedule and of the job it starts."
  type        = string
}

variable "region" {
  description = "Region of both."
  type        = string
}

variable "name" {
  description = "What the names of schedule and job begin with."
  type        = string
}

variable "schedule" {
  description = "When, as cron says it, in time_zone. After the longest hot horizon of the day before: 6 hours."
  type        = string
  default     = "30 6 * * *"

  validation {
    condition     = length(split(" ", var.schedule)) == 5
    error_message = "schedule: expected the five fields of cron, as in 30 6 * * *."
  }
}

variable "time_zone" {
  description = "Civil time of the property: of the schedule, and of what yesterday is."
  type        = string
  default     = "Europe/Paris"
}

variable "paused" {
  description = "Is the schedule kept without starting anything?"
  type        = bool
  default     = false
}

variable "template" {
  description = "Address of the Flex Template."
  type        = string

  validation {
    condition     = startswith(var.template, "gs://")
    error_message = "template: expected gs://BUCKET/OBJECT."
  }
}

variable "image" {
  description = "Image of the workers: that of the template."
  type        = string
}

variable "inputs" {
  description = "What the day is computed from, as --source takes it: archive=gs://BUCKET/PREFIX."
  type        = list(string)
}

variable "output" {
  description = "What the job writes, as --output names it."
  type        = string
}

variable "pseudonym_secret_version" {
  description = "The version of the secret to make pseudonyms with: that of the streaming job."
  type        = string
}

variable "parameters" {
  description = "Further parameters of the template, by the names in metadata.json."
  type        = map(string)
  default     = {}
}

variable "bucket" {
  description = "Bucket of staged and temporary files."
  type        = string
}

variable "machine_type" {
  description = "Machine of the one worker, which computes the day."
  type        = string
  default     = "n2-standard-2"
}

variable "subnetwork" {
  description = "Subnetwork of the workers, with private access to Google's services."
  type        = string
}

variable "kms_key" {
  description = "Key that what the job keeps is encrypted with."
  type        = string
}

variable "writer" {
  description = "Address of the account that the job runs as."
  type        = string
}

variable "launcher" {
  description = "Address of the account that asks for the job."
  type        = string
}

variable "labels" {
  description = "Labels of the job; a schedule has none."
  type        = map(string)
  default     = {}
}
