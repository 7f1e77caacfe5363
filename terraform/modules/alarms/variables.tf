variable "name" {
  description = "Name of the environment's parts, for example trapline-dev."
  type        = string
}

variable "topic_arn" {
  description = "Topic that the alarms go to."
  type        = string
}

variable "only" {
  description = "Keys of the alarms to make; null: all. Each alarm is paid by the month."
  type        = list(string)
  default     = null
}

variable "functions" {
  description = <<-EOT
    Functions to watch. duration_share: the part of its timeout that is too long, 0 to 1. ceiling: the executions that
    are reserved for it, beyond which its events are meant to wait for minutes, and not for longer.
  EOT
  type = map(object({
    name           = string
    log_group      = string
    timeout        = number
    ceiling        = optional(number)
    duration_share = optional(number, 0.9)
  }))
  default = {}

  validation {
    condition     = alltrue([for one in values(var.functions) : one.duration_share > 0 && one.duration_share <= 1])
    error_message = "functions: duration_share is more than 0 and at most 1."
  }
}

variable "queues" {
  description = "Queues to watch. consumed: a function reads it, so only an old message is wrong; else any message is."
  type = map(object({
    name     = string
    consumed = optional(bool, false)
    text     = string # what to do
  }))
  default = {}

  validation {
    condition     = alltrue([for one in values(var.queues) : length(one.text) >= 20])
    error_message = "queues: text says what to do."
  }
}

variable "machines" {
  description = "ARNs of the state machines to watch, by their short names."
  type        = map(string)
  default     = {}
}

variable "rules" {
  description = "Names of the rules to watch that call functions, by their short names."
  type        = map(string)
  default     = {}
}

variable "schedule_group" {
  description = "Group of schedules to watch; null for none."
  type        = string
  default     = null
}

variable "database" {
  description = <<-EOT
    Database to watch; null for none. storage_gib: what it begins with; RDS enlarges it by itself when less than a tenth
    has been free for 5 minutes, and the alarm comes at a twentieth for 15.
  EOT
  type = object({
    identifier      = string
    max_connections = number
    storage_gib     = number
  })
  default = null
}

variable "run_log_groups" {
  description = "Log groups in which ended runs are logged, by service."
  type        = map(string)
  default     = {}
}

variable "operator_log_group" {
  description = "Log group of the operator function, which says when the ledger was made; null without one."
  type        = string
  default     = null
}

variable "silence_hours" {
  description = "Hours without a sign of life after which something must be wrong; null without a switch."
  type        = number
  default     = null

  validation {
    condition = (
      var.silence_hours == null ||
      (
        coalesce(var.silence_hours, 1) >= 1
        && coalesce(var.silence_hours, 1) <= 168
        && floor(coalesce(var.silence_hours, 1)) == coalesce(var.silence_hours, 1)
      )
    )
    error_message = "silence_hours: whole hours, 1 to 168 (a week, the longest that CloudWatch looks back)."
  }
}
