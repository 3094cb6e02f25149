variable "project" {
  description = "Project of keys and secret."
  type        = string
}

variable "project_number" {
  description = "Number of the project: Google's own accounts are named after it."
  type        = string

  validation {
    condition     = can(regex("^[0-9]+$", var.project_number))
    error_message = "project_number: expected digits."
  }
}

variable "name" {
  description = "Name of the key ring, and what the secret's name begins with."
  type        = string
}

variable "location" {
  description = "Region of keys and secret: that of everything they encrypt."
  type        = string
}

variable "labels" {
  description = "Labels of keys and secret."
  type        = map(string)
  default     = {}
}

variable "rotation_period" {
  description = "Seconds after which a key has a new version: 90 days. Old versions still decrypt."
  type        = string
  default     = "7776000s"

  validation {
    condition     = can(regex("^[1-9][0-9]{5,6}s$", var.rotation_period)) && try(tonumber(trimsuffix(var.rotation_period, "s")) <= 7776000, false)
    error_message = "rotation_period: expected at most 7776000s, 90 days, and at least a day."
  }
}

variable "writer" {
  description = "Address of the account that makes pseudonyms."
  type        = string
}

variable "erasure" {
  description = "Address of the account that erases a person."
  type        = string
}
