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
  description = "Days after which a raw payload is deleted: as far back as a decoder can be mended."
  type        = number
  default     = 90

  validation {
    condition     = var.archive_days >= 31 && var.archive_days <= 366
    error_message = "archive_days: expected 31 to 366; events themselves are kept for a year."
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
