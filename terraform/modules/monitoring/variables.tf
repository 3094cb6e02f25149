variable "project" {
  description = "Project that is watched."
  type        = string
}

variable "project_number" {
  description = "Number of the project, as budgets name it."
  type        = string
}

variable "location" {
  description = "Where the datasets are: the hourly queries run there."
  type        = string
}

variable "job" {
  description = "Name of the streaming job."
  type        = string
}

variable "prefix" {
  description = "What the names of all jobs begin with, those of schedules too: what they cost is counted together."
  type        = string
}

variable "subscriptions" {
  description = "Names of the subscriptions that are read."
  type        = list(string)
}

variable "dead_letter_subscriptions" {
  description = "Names of the subscriptions that keep what could not be delivered."
  type        = list(string)
}

variable "balance_table" {
  description = "Full name of the table of balances, dots between its parts."
  type        = string
}

variable "auditor" {
  description = "Address of the account that the hourly queries run as."
  type        = string
}

variable "emails" {
  description = "Who is written to."
  type        = set(string)

  validation {
    condition     = length(var.emails) > 0 && alltrue([for email in var.emails : can(regex("^[^@ ]+@[^@ ]+$", email))])
    error_message = "emails: expected at least one address: an alert that reaches nobody is none."
  }
}

variable "backlog_seconds" {
  description = "How long a message may wait."
  type        = number
  default     = 300
}

variable "freshness_seconds" {
  description = "How old the watermark may be."
  type        = number
  default     = 600
}

variable "failed_share" {
  description = "The share of records that may fail."
  type        = number
  default     = 0.02

  validation {
    condition     = var.failed_share >= 0 && var.failed_share <= 1
    error_message = "failed_share: expected 0 to 1."
  }
}

variable "most_processors" {
  description = "Processors that jobs may use for an hour: the workers planned, times those of a machine."
  type        = number
  default     = 8
}

variable "billing_account" {
  description = "Billing account of the project; null: no budget, for it takes rights there."
  type        = string
  default     = null
}

variable "monthly_budget" {
  description = "What a month may cost, in whole units of the currency."
  type        = number
  default     = 1000
}

variable "currency" {
  description = "Currency of the billing account."
  type        = string
  default     = "EUR"

  validation {
    condition     = can(regex("^[A-Z]{3}$", var.currency))
    error_message = "currency: expected three capitals, as in EUR."
  }
}

variable "labels" {
  description = "Labels of alerts and channels."
  type        = map(string)
  default     = {}
}
