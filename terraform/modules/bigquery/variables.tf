variable "project" {
  description = "Project of the datasets."
  type        = string
}

variable "name" {
  description = "Name of the dataset of tables; those beside it are named after it."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9_]{0,60}$", var.name))
    error_message = "name: expected lower-case letters, digits and underscores, a letter first."
  }
}

variable "location" {
  description = "Where the datasets are: EU, US or a region, in which also the key must be."
  type        = string
}

variable "schemas" {
  description = "Folder of the generated descriptions of tables."
  type        = string
}

variable "views" {
  description = "Folder of the generated views: NAME.sql each, and views.json."
  type        = string
}

variable "kms_key" {
  description = "Key that tables are encrypted with."
  type        = string
}

variable "labels" {
  description = "Labels of datasets, tables and views."
  type        = map(string)
  default     = {}
}

variable "deletion_protection" {
  description = "Does Terraform refuse to delete a table?"
  type        = bool
  default     = true
}

variable "writer" {
  description = "Address of the account that writes the tables."
  type        = string
}

variable "reader" {
  description = "Address of the account that reads the views."
  type        = string
}

variable "erasure" {
  description = "Address of the account that deletes the rows of a person."
  type        = string
}

variable "auditor" {
  description = "Address of the account that reads the balance."
  type        = string
}

variable "launcher" {
  description = "Address of the account that starts jobs when a day is ready."
  type        = string
}

variable "reader_groups" {
  description = "Groups of people who read the views."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for group in var.reader_groups : can(regex("^[^@:]+@[^@:]+$", group))])
    error_message = "reader_groups: expected addresses of groups, such as figures@example.com."
  }
}

variable "people_reader_groups" {
  description = "Groups of people who read events and sketches of people, under pseudonyms."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for group in var.people_reader_groups : can(regex("^[^@:]+@[^@:]+$", group))])
    error_message = "people_reader_groups: expected addresses of groups, such as analysts@example.com."
  }
}

variable "restricted_reader_groups" {
  description = "Groups of people who may read failed payloads."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for group in var.restricted_reader_groups : can(regex("^[^@:]+@[^@:]+$", group))])
    error_message = "restricted_reader_groups: expected addresses of groups, such as operators@example.com."
  }
}
