variable "name" {
  description = "Name of the repository, for example trapline-dev/crawler."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9]+([._/-][a-z0-9]+)*$", var.name)) && length(var.name) <= 256
    error_message = "name: lower-case words joined by one of . _ / -, at most 256 characters."
  }
}

variable "function_names" {
  description = "The Lambda functions that run the images."
  type        = list(string)
}

variable "kms_key_arn" {
  description = "Key that encrypts the images; null: AWS's own."
  type        = string

  validation {
    condition     = var.kms_key_arn == null || can(regex("^arn:", var.kms_key_arn))
    error_message = "kms_key_arn: an ARN; a repository can't change its key later."
  }
}

variable "keep_images" {
  description = "How many images stay."
  type        = number
  default     = 30

  validation {
    condition     = var.keep_images >= 5 && floor(var.keep_images) == var.keep_images
    error_message = "keep_images: a whole number, at least 5, so that a rollback finds its image."
  }
}

variable "force_delete" {
  description = "Whether destroying the repository deletes the images in it."
  type        = bool
  default     = false
}
