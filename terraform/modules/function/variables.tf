variable "name" {
  description = "Name of the function, for example trapline-dev-crawler."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,62}[a-z0-9]$", var.name))
    error_message = "name: 2 to 64 of a-z, 0-9 and -, beginning with a letter and not ending with -."
  }
}

variable "description" {
  description = "What the function does, in one sentence."
  type        = string
}

variable "code" {
  description = <<-EOT
    Exactly one of: image (repository@digest), file (a zip on this machine), bucket and key with the zip's sha256
    (base64). handler: module.function; an image may leave it out, then its own command holds. runtime: of a zip.
  EOT
  type = object({
    image   = optional(string)
    file    = optional(string)
    bucket  = optional(string)
    key     = optional(string)
    sha256  = optional(string)
    handler = optional(string)
    runtime = optional(string, "python3.13")
  })

  validation {
    condition     = length([for one in [var.code.image, var.code.file, var.code.key] : one if one != null]) == 1
    error_message = "code: exactly one of image, file and key."
  }

  validation {
    condition     = var.code.image == null || can(regex("@sha256:[0-9a-f]{64}$", var.code.image))
    error_message = "code.image: named by its digest, repository@sha256:..., so that what runs is what was tested."
  }

  validation {
    condition     = var.code.key == null || (var.code.bucket != null && var.code.sha256 != null)
    error_message = "code.key: needs bucket and sha256."
  }

  validation {
    condition = (
      var.code.image != null
      || can(regex("^[A-Za-z_][A-Za-z0-9_]*(\\.[A-Za-z_][A-Za-z0-9_]*)+$", var.code.handler))
    )
    error_message = "code.handler: a zip needs one, for example trapline_dispatcher.handler.handler."
  }
}

variable "architecture" {
  description = "Processor that the code was built for."
  type        = string
  default     = "x86_64"

  validation {
    condition     = contains(["x86_64", "arm64"], var.architecture)
    error_message = "architecture: x86_64 or arm64."
  }
}

variable "memory_mib" {
  description = "Memory, MiB; 1,769 are one full processor."
  type        = number

  validation {
    condition     = var.memory_mib >= 128 && var.memory_mib <= 10240
    error_message = "memory_mib: 128 to 10240."
  }
}

variable "scratch_mib" {
  description = "Size of /tmp, MiB."
  type        = number
  default     = 512

  validation {
    condition     = var.scratch_mib >= 512 && var.scratch_mib <= 10240
    error_message = "scratch_mib: 512 to 10240."
  }
}

variable "timeout" {
  description = "Seconds after which Lambda kills the function."
  type        = number

  validation {
    condition     = var.timeout >= 10 && var.timeout <= 900
    error_message = "timeout: 10 to 900 seconds."
  }
}

variable "environment" {
  description = "Names, addresses and ARNs for the function. Never a secret: it names the secret instead."
  type        = map(string)
  default     = {}

  validation {
    condition     = alltrue([for value in values(var.environment) : !can(regex("://[^/@:]*:[^/@]+@", value))])
    error_message = "environment: a value holds a password (user:password@host); services log in with IAM."
  }
}

variable "statements" {
  description = <<-EOT
    What the function may do besides logging: actions on ARNs, by a name of letters and digits. conditions: by IAM's
    operator and key, where the ARN alone says too little.
  EOT
  type = map(object({
    actions    = list(string)
    resources  = list(string)
    conditions = optional(map(map(string)))
  }))
  default = {}

  validation {
    condition = alltrue(flatten([
      for one in values(var.statements) : [for action in one.actions : can(regex("^[a-z0-9-]+:[A-Za-z]+$", action))]
    ]))
    error_message = "statements: every action by its full name, without *."
  }

  validation {
    condition = alltrue(flatten([
      for one in values(var.statements) : [
        for arn in one.resources : can(regex("^arn:[^:*]+:[^:*]+:[^:*]*:[^:*]*:[^*]+(:\\*|[^*]\\*)?$", arn))
      ]
    ]))
    error_message = "statements: every resource an ARN with service and name; * may only end it, after a prefix."
  }
}

variable "vpc" {
  description = "Subnets and security groups of the function; null runs it outside any VPC."
  type = object({
    subnet_ids         = list(string)
    security_group_ids = list(string)
  })
  default = null
}

variable "reserved_concurrency" {
  description = "Executions kept for this function, and its ceiling; null leaves it to the account's pool."
  type        = number
  default     = null

  validation {
    condition     = var.reserved_concurrency == null || coalesce(var.reserved_concurrency, 1) >= 1
    error_message = "reserved_concurrency: at least 1 (0 would switch the function off), or null."
  }
}

variable "durable" {
  description = <<-EOT
    Makes it a durable function: seconds for one execution with all its waits, and days for which AWS keeps its
    history. null: an ordinary one. A function becomes durable only when it is made.
  EOT
  type        = object({ execution_timeout = number, retention_days = number })
  default     = null

  validation {
    condition = var.durable == null || try(
      var.durable.execution_timeout >= 1 && var.durable.execution_timeout <= 31622400
      && var.durable.retention_days >= 1 && var.durable.retention_days <= 90,
      false
    )
    error_message = "durable: execution_timeout is 1 to 31622400 seconds (a year), retention_days 1 to 90."
  }

  validation {
    condition     = var.durable == null || var.code.file == null || var.code.bucket != null
    error_message = "durable: code.file needs code.bucket; CloudFormation takes no zip from this machine."
  }
}

variable "alias" {
  description = "Name of the alias that callers use."
  type        = string
  default     = "live"
}

variable "retries" {
  description = "How often Lambda repeats an asynchronous event that failed."
  type        = number

  validation {
    condition     = contains([0, 1, 2], var.retries)
    error_message = "retries: 0, 1 or 2, as Lambda has it."
  }
}

variable "max_event_age" {
  description = "Seconds for which Lambda keeps an event that it could not deliver."
  type        = number

  validation {
    condition     = var.max_event_age >= 60 && var.max_event_age <= 21600
    error_message = "max_event_age: 60 to 21600 seconds."
  }
}

variable "failures_visibility" {
  description = "Seconds for which a message of the failure queue is hidden while a reader works on it."
  type        = number
  default     = 30

  validation {
    condition     = var.failures_visibility >= 0 && var.failures_visibility <= 43200
    error_message = "failures_visibility: 0 to 43200 seconds."
  }
}

variable "kms_key_arn" {
  description = "Key that encrypts logs and environment; null: AWS's own."
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

  validation {
    condition = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731], var.log_days)
    error_message = (
      "log_days: one of 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, as CloudWatch has them."
    )
  }
}
