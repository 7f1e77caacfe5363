variable "bucket" {
  description = "Name of the bucket; unique among all accounts."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", var.bucket))
    error_message = "bucket: 3 to 63 of a-z, 0-9 and -, not beginning or ending with -."
  }
}

variable "kms_key_arn" {
  description = "Key that encrypts the objects; null: AWS's own."
  type        = string

  validation {
    condition     = var.kms_key_arn == null || can(regex("^arn:", var.kms_key_arn))
    error_message = "kms_key_arn: an ARN."
  }
}

variable "crawls" {
  description = "The text of crawls.yaml; it holds no secret, only references to secrets."
  type        = string
}

variable "expire_days" {
  description = "After how many days objects go, by their first folder. A folder that is not named keeps its objects."
  type        = map(number)
  default     = { artifacts = 400, runs = 400 }

  validation {
    condition     = alltrue([for days in values(var.expire_days) : days >= 1 && floor(days) == days])
    error_message = "expire_days: whole days, at least 1."
  }

  validation {
    condition     = length(setintersection(keys(var.expire_days), ["config", "packages"])) == 0
    error_message = "expire_days: config and packages must stay; functions and rollbacks need them."
  }
}

variable "noncurrent_days" {
  description = "Days for which a replaced or deleted object can be brought back."
  type        = number
  default     = 30

  validation {
    condition     = var.noncurrent_days >= 1
    error_message = "noncurrent_days: at least 1."
  }
}

variable "force_destroy" {
  description = "Whether destroying the bucket deletes what is in it."
  type        = bool
  default     = false
}
