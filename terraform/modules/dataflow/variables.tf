variable "project" {
  description = "Project of the job."
  type        = string
}

variable "region" {
  description = "Region of the job."
  type        = string
}

variable "name" {
  description = "Name of the streaming job. An update finds the running one by it."
  type        = string
}

variable "run" {
  description = "Does the streaming job run? The image and a version of the secret must be there first."
  type        = bool
  default     = false
}

variable "image" {
  description = "Image of deploy/dataflow/Dockerfile, with a tag or a digest that stays."
  type        = string

  validation {
    condition     = can(regex("[:@][A-Za-z0-9._:-]+$", var.image)) && !endswith(var.image, ":latest")
    error_message = "image: expected a tag or digest that stays, not latest: a worker that joins later would have another."
  }
}

variable "metadata" {
  description = "Path of deploy/dataflow/metadata.json."
  type        = string
}

variable "bucket" {
  description = "Bucket of templates, staged and temporary files."
  type        = string
}

variable "inputs" {
  description = "Subscriptions as `moment measure` takes them."
  type        = list(string)

  validation {
    condition     = length(var.inputs) > 0 && alltrue([for input in var.inputs : !strcontains(input, " ")])
    error_message = "inputs: expected at least one, none with a space in it."
  }
}

variable "output" {
  description = "What the job writes, as --output names it."
  type        = string
}

variable "pseudonym_secret_version" {
  description = "The version of the secret to make pseudonyms with. A number: under another key everybody is somebody new."
  type        = string

  validation {
    condition     = can(regex("^projects/[^/]+/secrets/[^/]+/versions/[0-9]+$", var.pseudonym_secret_version))
    error_message = "pseudonym_secret_version: expected projects/PROJECT/secrets/NAME/versions/NUMBER, not latest."
  }
}

variable "parameters" {
  description = "Further parameters of the template, by the names in metadata.json."
  type        = map(string)
  default     = {}

  validation {
    condition     = length(setintersection(keys(var.parameters), ["inputs", "output", "pseudonym_key_secret"])) == 0
    error_message = "parameters: expected none of inputs, output, pseudonym_key_secret: they have variables of their own."
  }
}

variable "machine_type" {
  description = "Machines of the workers."
  type        = string
  default     = "n2-standard-2"
}

variable "workers" {
  description = "Workers to begin with."
  type        = number
  default     = 1
}

variable "most_workers" {
  description = "Workers at most; with the machine type, what the job can cost at most."
  type        = number
  default     = 4

  validation {
    condition     = var.most_workers >= 1 && var.most_workers <= 1000
    error_message = "most_workers: expected 1 to 1000."
  }
}

variable "subnetwork" {
  description = "Subnetwork of the workers, with private access to Google's services: they have no address of their own."
  type        = string

  validation {
    condition     = can(regex("^(https://www.googleapis.com/compute/v1/projects/[^/]+/)?regions/[^/]+/subnetworks/[^/]+$", var.subnetwork))
    error_message = "subnetwork: expected regions/REGION/subnetworks/NAME, or its full address."
  }
}

variable "transform_name_mapping" {
  description = "For an update after steps were renamed: the new name of each old one."
  type        = map(string)
  default     = {}
}

variable "writer" {
  description = "Address of the account that the job runs as."
  type        = string
}

variable "kms_key" {
  description = "Key that the job's state is encrypted with."
  type        = string
}

variable "labels" {
  description = "Labels of the job."
  type        = map(string)
  default     = {}
}
