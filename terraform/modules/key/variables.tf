variable "name" {
  description = "Name of the environment's parts, for example trapline-dev."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,30}[a-z0-9]$", var.name))
    error_message = "name: 2 to 32 of a-z, 0-9 and -, beginning with a letter and not ending with -."
  }
}

variable "log_groups" {
  description = "Names of the log groups that may be encrypted with the key; * stands for anything."
  type        = list(string)

  validation {
    condition     = length(var.log_groups) > 0 && !contains(var.log_groups, "*")
    error_message = "log_groups: name at least one, and not every group of the account."
  }
}

variable "deletion_window_days" {
  description = "Days in which a deleted key can be restored."
  type        = number
  default     = 30

  validation {
    condition     = var.deletion_window_days >= 7 && var.deletion_window_days <= 30
    error_message = "deletion_window_days: 7 to 30, as KMS has it."
  }
}
