variable "name" {
  description = "Name of the environment's parts, for example trapline-dev."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,39}$", var.name))
    error_message = "name: 1 to 40 of a-z, 0-9 and -, beginning with a letter."
  }
}

variable "functions" {
  description = "ARNs of the aliases that the machines and the rule call: of crawler, dispatcher and notifier."
  type        = object({ crawler = string, dispatcher = string, notifier = string })

  validation {
    condition = alltrue([
      for arn in values(var.functions) : can(regex("^arn:[^:]+:lambda:[^:]+:[^:]+:function:[^:]+:[^:]+$", arn))
    ])
    error_message = "functions: ARNs of aliases, so that a deploy of a function leaves the machines as they are."
  }
}

variable "timeouts" {
  description = "Seconds after which Lambda kills each of them. Apart from the ARNs: no queue waits for the functions."
  type        = object({ crawler = number, dispatcher = number, notifier = number })
}

variable "bucket_arn" {
  description = "ARN of the bucket in whose waves/ the dispatcher puts what a wave calls."
  type        = string
}

variable "queues" {
  description = "Most crawlers at once of each lane that goes through a queue of its own, by the lane's name."
  type        = map(number)
  default     = {}

  validation {
    condition     = alltrue([for most in values(var.queues) : most >= 2 && most <= 1000 && floor(most) == most])
    error_message = "queues: max_invocations of a lane with `queue: true` is 2 to 1000, as Lambda has it."
  }

  validation {
    condition     = alltrue([for lane in keys(var.queues) : can(regex("^[a-z0-9][a-z0-9-]{0,36}$", lane))])
    error_message = "queues: the name of a lane with `queue: true` is 1 to 37 of a-z, 0-9 and -."
  }
}

variable "pending_ttl" {
  description = "Seconds after which the ledger gives up an invocation that was asked for and did not say ready."
  type        = number
  default     = 330
}

variable "rounds" {
  description = "Invocations that one child of a wave calls, one after the other, before the lane is counted anew."
  type        = number
  default     = 200

  validation {
    condition     = var.rounds >= 1 && var.rounds <= 1000 && floor(var.rounds) == var.rounds
    error_message = "rounds: 1 to 1000; each leaves about 14 events in a history that holds 25,000."
  }
}

variable "kms_key_arn" {
  description = "Key that encrypts the logs and what lies in waves/; null: AWS's own."
  type        = string

  validation {
    condition     = var.kms_key_arn == null || can(regex("^arn:", var.kms_key_arn))
    error_message = "kms_key_arn: an ARN."
  }
}

variable "log_days" {
  description = "Days for which logs are kept."
  type        = number
  default     = 365
}
