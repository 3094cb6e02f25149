variable "project" {
  description = "Project of the accounts."
  type        = string
}

variable "name" {
  description = "What the names of all accounts begin with."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,19}$", var.name))
    error_message = "name: expected 2 to 20 lower-case letters, digits and hyphens, a letter first."
  }
}

variable "groups" {
  description = "Groups of people who run queries here, at this project's cost."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for group in var.groups : can(regex("^[^@:]+@[^@:]+$", group))])
    error_message = "groups: expected addresses of groups, such as figures@example.com."
  }
}
