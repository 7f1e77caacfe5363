variable "name" {
  description = "Name of the schedule group, for example trapline-dev."
  type        = string

  validation {
    condition     = can(regex("^[0-9A-Za-z_.-]{1,64}$", var.name))
    error_message = "name: 1 to 64 of letters, digits and -_."
  }
}

variable "crawls" {
  description = <<-EOT
    Every crawl that has a schedule, by name: expression (rate, cron or at), IANA time zone, enabled, and
    jitter_minutes, the window within which a tick may fall, 0 for none. machine: the tick starts the machine `run`.
  EOT
  type = map(object({
    expression     = string
    timezone       = optional(string, "UTC")
    enabled        = optional(bool, true)
    jitter_minutes = optional(number, 0)
    machine        = optional(bool, false)
  }))

  validation {
    condition     = alltrue([for name in keys(var.crawls) : can(regex("^[a-z0-9][a-z0-9-]{0,62}$", name))])
    error_message = "crawls: a name is 1 to 63 of a-z, 0-9 and -, not beginning with -."
  }

  validation {
    condition = alltrue([
      for crawl in values(var.crawls) : can(regex(
        join("|", [
          "^rate\\([1-9][0-9]* (minute|hour|day)s?\\)$",
          "^cron\\(([^ ()]+ ){5}[^ ()]+\\)$",
          "^at\\([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\\)$",
        ]),
        crawl.expression
      ))
    ])
    error_message = join(" ", [
      "crawls: an expression is rate(6 hours), cron(0 8 ? * MON-FRI *) or at(2030-01-31T08:00:00). `trapline",
      "config` says which line is wrong.",
    ])
  }

  validation {
    condition = alltrue(
      [for crawl in values(var.crawls) : can(regex("^[A-Za-z][A-Za-z0-9_+/-]*$", crawl.timezone))]
    )
    error_message = "crawls: a timezone is an IANA name such as Europe/Berlin."
  }

  validation {
    condition = alltrue([
      for crawl in values(var.crawls) :
      crawl.jitter_minutes >= 0 && crawl.jitter_minutes <= 1440 && floor(crawl.jitter_minutes) == crawl.jitter_minutes
    ])
    error_message = "crawls: jitter is whole minutes, at most 1440 (a day)."
  }
}

variable "target_arn" {
  description = "ARN of the alias that the ticks go to."
  type        = string
}

variable "machine_arn" {
  description = "ARN of the machine `run`, which the ticks of crawls with `machine` start; null without one."
  type        = string
  default     = null
}

variable "kms_key_arn" {
  description = "Key that encrypts the schedules; null: AWS's own."
  type        = string
}

variable "tick" {
  description = <<-EOT
    What the dispatcher that switches the minute's tick is: with another one the tick is made anew, and comes each
    minute until that dispatcher lets it sleep.
  EOT
  type        = string
  default     = ""
}
