variable "project" {
  description = "Project of the buckets; their names begin with it, for they are the world's."
  type        = string
}

variable "name" {
  description = "What comes after the project in the names of buckets."
  type        = string
}

variable "location" {
  description = "Where the buckets are: that of the key and of the jobs."
  type        = string
}

variable "kms_key" {
  description = "Key that objects are encrypted with."
  type        = string
}

variable "labels" {
  description = "Labels of the buckets."
  type        = map(string)
  default     = {}
}

variable "archive_days" {
  description = "Days after its arrival on which a raw payload is deleted: as far back as a decoder can be mended."
  type        = number
  default     = 30

  validation {
    condition     = var.archive_days >= 1 && var.archive_days <= 30
    error_message = "archive_days: expected 1 to 30; each archived row says itself that it must be gone then (expires_on)."
  }
}

variable "writer" {
  description = "Address of the account that archives and stages."
  type        = string
}

variable "erasure" {
  description = "Address of the account that erases a person."
  type        = string
}

variable "launcher" {
  description = "Address of the account that starts jobs from a template."
  type        = string
}
