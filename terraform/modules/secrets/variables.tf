variable "path" {
  description = "What the secrets' names begin with, for example trapline-dev."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9][A-Za-z0-9/_+=.@-]*[A-Za-z0-9]$", var.path))
    error_message = "path: letters, digits and /_+=.@-, beginning and ending with a letter or digit."
  }
}

variable "kms_key_arn" {
  description = "Key that encrypts the secrets; null: AWS's own."
  type        = string

  validation {
    condition     = var.kms_key_arn == null || can(regex("^arn:", var.kms_key_arn))
    error_message = "kms_key_arn: an ARN."
  }
}

variable "secrets" {
  description = "What each secret is for and who puts its value in, by its name below the path."
  type        = map(string)

  validation {
    condition     = alltrue([for name in keys(var.secrets) : can(regex("^[a-z0-9][a-z0-9-]*$", name))])
    error_message = "secrets: a name is of a-z, 0-9 and -."
  }
}

variable "parameters" {
  description = "What each parameter is for that the operator function gives its value, by its name below the path."
  type        = map(string)
  default     = {}

  validation {
    condition     = alltrue([for name in keys(var.parameters) : can(regex("^[a-z0-9][a-z0-9-]*$", name))])
    error_message = "parameters: a name is of a-z, 0-9 and -."
  }
}

variable "recovery_window_days" {
  description = "Days in which a deleted secret can be restored; 0 deletes at once."
  type        = number
  default     = 30

  validation {
    condition     = var.recovery_window_days == 0 || (var.recovery_window_days >= 7 && var.recovery_window_days <= 30)
    error_message = "recovery_window_days: 0, or 7 to 30, as Secrets Manager has it."
  }
}
