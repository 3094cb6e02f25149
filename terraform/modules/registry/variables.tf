variable "project" {
  description = "Project of the repository."
  type        = string
}

variable "name" {
  description = "Name of the repository."
  type        = string
}

variable "location" {
  description = "Region of the repository: that of the jobs."
  type        = string
}

variable "kms_key" {
  description = "Key that images are encrypted with."
  type        = string
}

variable "labels" {
  description = "Labels of the repository."
  type        = map(string)
  default     = {}
}

variable "kept_images" {
  description = "Images that are kept whatever their age."
  type        = number
  default     = 10

  validation {
    condition     = var.kept_images >= 2
    error_message = "kept_images: expected at least 2, the running one and the one before it."
  }
}

variable "writer" {
  description = "Address of the account whose workers fetch images."
  type        = string
}

variable "builders" {
  description = "Addresses of service accounts that push images, such as that of CI."
  type        = set(string)
  default     = []
}
