variable "name" {
  description = "Name of the environment's parts, for example trapline-dev."
  type        = string
}

variable "kms_key_arn" {
  description = "Key that encrypts both topics; its policy must let CloudWatch use it; null: AWS's own."
  type        = string

  validation {
    condition     = var.kms_key_arn == null || can(regex("^arn:", var.kms_key_arn))
    error_message = "kms_key_arn: an ARN of a customer key, or null; CloudWatch can't publish through the key aws/sns."
  }
}

variable "alert_emails" {
  description = "Addresses that get the alerts. Each person confirms by the link in SNS's first mail."
  type        = list(string)
  default     = []

  validation {
    condition = alltrue(
      [for email in var.alert_emails : can(regex("^[^@\\s,;<>]+@[^@\\s,;<>]+\\.[^@\\s,;<>]+$", email))]
    )
    error_message = "alert_emails: plain addresses, for example watch@example.com."
  }

  validation {
    condition     = length(distinct([for email in var.alert_emails : lower(email)])) == length(var.alert_emails)
    error_message = "alert_emails: an address stands twice."
  }
}

variable "operations_emails" {
  description = "Addresses that get the alarms about Trapline itself."
  type        = list(string)
  default     = []

  validation {
    condition = alltrue(
      [for email in var.operations_emails : can(regex("^[^@\\s,;<>]+@[^@\\s,;<>]+\\.[^@\\s,;<>]+$", email))]
    )
    error_message = "operations_emails: plain addresses, for example operations@example.com."
  }
}

variable "notifier" {
  description = "The function that sends the alerts, called when a run has ended; null without one."
  type = object({
    name  = string
    alias = string
    arn   = string # of the alias
  })
  default = null
}

variable "relay" {
  description = "The function that takes alerts to chat channels; null without one."
  type = object({
    name  = string
    alias = string
    arn   = string # of the alias
  })
  default = null
}
