variable "project" {
  description = "Project of topics and subscriptions."
  type        = string
}

variable "project_number" {
  description = "Number of the project: Pub/Sub's own account is named after it."
  type        = string
}

variable "name" {
  description = "What all names begin with."
  type        = string
}

variable "inputs" {
  description = "What comes in, by name: the channel that its messages are of (null: recognised) and the members who may publish."
  type = map(object({
    channel    = optional(string)
    publishers = optional(set(string), [])
  }))

  validation {
    condition     = length(var.inputs) > 0 && alltrue([for name in keys(var.inputs) : can(regex("^[a-z][a-z0-9-]{1,40}$", name))])
    error_message = "inputs: expected at least one, named by 2 to 41 lower-case letters, digits and hyphens."
  }

  validation {
    condition = alltrue(flatten([
      for input in values(var.inputs) : [
        for member in input.publishers : can(regex("^(serviceAccount|group):", member))
      ]
    ]))
    error_message = "inputs: expected publishers as serviceAccount:ADDRESS or group:ADDRESS; nobody publishes as everybody."
  }
}

variable "retention_days" {
  description = "Days for which messages can be read again, acknowledged or not."
  type        = number
  default     = 7

  validation {
    condition     = var.retention_days >= 1 && var.retention_days <= 31
    error_message = "retention_days: expected 1 to 31."
  }
}

variable "regions" {
  description = "Regions in which messages may be stored."
  type        = list(string)

  validation {
    condition     = length(var.regions) > 0
    error_message = "regions: expected at least one."
  }
}

variable "kms_key" {
  description = "Key that messages are encrypted with."
  type        = string
}

variable "labels" {
  description = "Labels of topics and subscriptions."
  type        = map(string)
  default     = {}
}

variable "writer" {
  description = "Address of the account that reads the subscriptions."
  type        = string
}
