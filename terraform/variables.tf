variable "environment" {
  description = "Name of the environment; every name begins with trapline-<environment>."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9]{0,15}$", var.environment))
    error_message = "environment: 1 to 16 of a-z and 0-9, beginning with a letter, for example dev."
  }
}

variable "region" {
  description = "AWS region."
  type        = string

  validation {
    condition     = can(regex("^[a-z]{2,3}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "region: an AWS region, for example eu-central-1."
  }

  validation {
    condition = !can(regex("^(cn|us-gov|us-iso[a-z]?|eu-isoe|eusc)-", var.region))
    error_message = join(" ", [
      "region: Trapline knows AWS's public regions. China, GovCloud, the isolated and the sovereign ones are",
      "partitions of their own, with other names of services, other addresses and other certificates of RDS.",
    ])
  }
}

variable "account_id" {
  description = <<-EOT
    The account that this environment is in: credentials of any other are refused. null takes whichever it is.
  EOT
  type        = string
  default     = null

  validation {
    condition     = var.account_id == null || can(regex("^[0-9]{12}$", var.account_id))
    error_message = "account_id: the 12 digits of an AWS account, in quotes."
  }
}

variable "crawls_file" {
  description = "The crawls.yaml to deploy; relative to this folder."
  type        = string
  default     = "../crawls.yaml"

  validation {
    condition     = can(yamldecode(file(var.crawls_file)).crawls)
    error_message = "crawls_file: no such file, or no YAML with `crawls`. `trapline config` says which line is wrong."
  }

  validation {
    condition = !try(anytrue([
      for name in concat(
        keys(yamldecode(file(var.crawls_file)).crawls),
        try(keys(yamldecode(file(var.crawls_file)).lanes), [])
      ) :
      contains(["true", "false"], name)
    ]), false)
    error_message = join(" ", [
      "crawls_file: put quotes around a name such as on, off, yes or no; Terraform's YAML takes it for true or",
      "false.",
    ])
  }
}

variable "releases" {
  description = <<-EOT
    What each service runs, recorded by `make deploy` in envs/<environment>.releases.tfvars.json. A service that is
    not named is not made yet. version, and one of: digest (of an image in the repository), key with sha256 (base64)
    of a zip in the bucket's packages/, file (a zip on this machine). source and schema are notes of `make deploy` to
    itself: what an image was built from, the newest migration that the code knows.
  EOT
  type = map(object({
    version = string
    digest  = optional(string)
    key     = optional(string)
    sha256  = optional(string)
    file    = optional(string)
    runtime = optional(string, "python3.13")
    source  = optional(string)
    schema  = optional(number)
  }))
  default = {}

  validation {
    condition     = length(setsubtract(keys(var.releases), ["crawler", "dispatcher", "notifier", "operator"])) == 0
    error_message = "releases: the services are crawler, dispatcher, notifier and operator."
  }

  validation {
    condition = alltrue([
      for one in values(var.releases) : length([for way in [one.digest, one.key, one.file] : way if way != null]) == 1
    ])
    error_message = "releases: each service has exactly one of digest, key and file."
  }

  validation {
    condition = alltrue(
      [for one in values(var.releases) : one.digest == null || can(regex("^sha256:[0-9a-f]{64}$", one.digest))]
    )
    error_message = "releases: a digest is sha256: and 64 hexadecimal digits."
  }

  validation {
    condition = alltrue(
      [
        for one in values(var.releases) :
        one.key == null || (can(regex("^packages/.+\\.zip$", one.key)) && one.sha256 != null)
      ]
    )
    error_message = "releases: a key is packages/....zip, and goes with sha256."
  }

  validation {
    condition     = alltrue([for name, one in var.releases : name == "crawler" || one.digest == null])
    error_message = "releases: only the crawler is an image."
  }
}

variable "network" {
  description = <<-EOT
    made: a VPC of Trapline's own (cidr, nat: gateway, gateway_per_zone or instance). existing: vpc_id and subnet_ids of
    yours, with a way out. outside: no VPC; only for a local AWS, because the database is private.
  EOT
  type = object({
    mode       = optional(string, "made")
    nat        = optional(string, "gateway")
    cidr       = optional(string, "10.64.0.0/16")
    vpc_id     = optional(string)
    subnet_ids = optional(list(string), [])
  })
  default = {}

  validation {
    condition     = contains(["made", "existing", "outside"], var.network.mode)
    error_message = "network: mode is made, existing or outside."
  }

  validation {
    condition = contains(["gateway", "gateway_per_zone", "instance"], var.network.nat)
    error_message = join(" ", [
      "network: nat is gateway, gateway_per_zone or instance. Without a way out no function reaches AWS, and no page:",
      "where you route it yourself, make the network and name its subnets (mode existing).",
    ])
  }

  validation {
    condition     = can(cidrhost(var.network.cidr, 0)) && can(regex("/(1[6-9]|20)$", var.network.cidr))
    error_message = "network: cidr is an IPv4 range from /16 to /20, for example 10.64.0.0/16."
  }

  validation {
    condition = (
      var.network.mode == "existing"
      ? var.network.vpc_id != null && length(distinct(var.network.subnet_ids)) >= 2
      : var.network.vpc_id == null && length(var.network.subnet_ids) == 0
    )
    error_message = "network: vpc_id and two subnet_ids or more go with mode existing, and only with it."
  }

  validation {
    condition     = (var.network.mode == "outside") == (var.database_url != null)
    error_message = "network: mode outside goes with database_url, and only with it."
  }
}

variable "database" {
  description = "The RDS instance; see modules/database for what the values mean."
  type = object({
    instance_class      = optional(string, "db.t4g.micro")
    postgres_version    = optional(string, "17")
    storage_gib         = optional(number, 20)
    max_storage_gib     = optional(number, 100)
    multi_az            = optional(bool, true)
    backup_days         = optional(number, 7)
    deletion_protection = optional(bool, true)
    apply_immediately   = optional(bool, false)
    monitoring_seconds  = optional(number, 60)
  })
  default = {}

  validation {
    condition = (
      can(regex("^db\\.(t[34]g?|[mr][5-8][a-z]*)\\.[0-9a-z]+$", var.database.instance_class))
      && contains(["16", "17", "18"], var.database.postgres_version)
    )
    error_message = join(" ", [
      "database: instance_class is of the families t, m or r, for example db.t4g.micro; postgres_version is 16, 17 or",
      "18.",
    ])
  }

  validation {
    condition     = var.database.storage_gib >= 20 && var.database.max_storage_gib >= var.database.storage_gib * 1.1
    error_message = "database: storage_gib is at least 20, and max_storage_gib a tenth more than that."
  }

  validation {
    condition = (
      var.database.backup_days >= 0 && var.database.backup_days <= 35
      && contains([0, 1, 5, 10, 15, 30, 60], var.database.monitoring_seconds)
    )
    error_message = "database: backup_days is 0 to 35; monitoring_seconds is 0, 1, 5, 10, 15, 30 or 60."
  }

  validation {
    condition     = !startswith(var.environment, "prod") || var.database.backup_days >= 7
    error_message = "database: backup_days is at least 7 in prod."
  }
}

variable "bucket" {
  description = <<-EOT
    Name of the bucket of artifacts, archives and packages; null: trapline-<environment>-<account>-<region>. Set it to
    keep the bucket of an older release, whose name had no region: another name is another bucket, and this one goes.
  EOT
  type        = string
  default     = null

  validation {
    condition     = var.bucket == null || can(regex("^trapline-[a-z0-9-]{1,53}[a-z0-9]$", var.bucket))
    error_message = "bucket: a name that begins with trapline-, of a-z, 0-9 and -, at most 63; or null."
  }
}

variable "customer_key" {
  description = <<-EOT
    Whether a key of the account's own encrypts logs, topics, secrets, images, the database and artifacts. Without it
    AWS's own keys do, which cost nothing and which no policy of yours can withdraw. Decide it before the first deploy:
    a database keeps its key for life and is lost with it, and images would be made anew.
  EOT
  type        = bool
  default     = true
}

variable "alarms" {
  description = "all, or few: the ten at most that tell of what stops the work. Each is paid by the month."
  type        = string
  default     = "all"

  validation {
    condition     = contains(["all", "few"], var.alarms)
    error_message = "alarms: all or few."
  }
}

variable "database_url" {
  description = <<-EOT
    The administrator's address of a Postgres that is there already, instead of RDS; without a password, because this
    must hold no secret.
  EOT
  type        = string
  default     = null

  validation {
    condition     = var.database_url == null || can(regex("^postgres(ql)?://([^:@/]*@)?[^@]*$", var.database_url))
    error_message = "database_url: postgresql://user@host/name, without a password."
  }

  validation {
    condition     = var.database_url == null || !can(regex("[?&](password|passfile|sslpassword)=", var.database_url))
    error_message = "database_url: a password does not belong here."
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

variable "relay" {
  description = "Whether alerts go to Slack and the rest. First put the channels into the secret <name>/channels."
  type        = bool
  default     = false
}

variable "sizes" {
  description = <<-EOT
    Memory (MiB), timeout (s), scratch (MiB) and reserved concurrency of functions, where they differ from the usual.
  EOT
  type = map(object({
    memory_mib           = optional(number)
    timeout              = optional(number)
    scratch_mib          = optional(number)
    reserved_concurrency = optional(number)
  }))
  default = {}

  validation {
    condition = (
      length(setsubtract(
        keys(var.sizes),
        ["crawler", "dispatcher", "durable", "notifier", "operator", "reader", "relay"]
      ))
      == 0
    )
    error_message = "sizes: the functions are crawler, dispatcher, durable, notifier, operator, reader and relay."
  }

  validation {
    condition = alltrue(flatten([for one in values(var.sizes) : [
      try(one.memory_mib >= 128 && one.memory_mib <= 10240, one.memory_mib == null),
      try(one.timeout >= 1 && one.timeout <= 900, one.timeout == null),
      try(one.scratch_mib >= 512 && one.scratch_mib <= 10240, one.scratch_mib == null),
      try(one.reserved_concurrency >= 0, one.reserved_concurrency == null),
    ]]))
    error_message = join(" ", [
      "sizes: memory_mib is 128 to 10240, timeout 1 to 900, scratch_mib 512 to 10240, reserved_concurrency 0 or more,",
      "as Lambda has them.",
    ])
  }
}

variable "notifier_concurrency" {
  description = <<-EOT
    Notifiers that run at most at once, kept free for them: many runs that end together take no crawler's place, and
    wait for no crawler's end. null: 3, and none where the account allows too few for AWS to reserve any, as a new
    account's 10. 0: none.
  EOT
  type        = number
  default     = null

  validation {
    condition = (
      var.notifier_concurrency == null
      || try(var.notifier_concurrency >= 0 && floor(var.notifier_concurrency) == var.notifier_concurrency, false)
    )
    error_message = "notifier_concurrency: a whole number, or null."
  }
}

variable "waiting_machines" {
  description = <<-EOT
    ARNs of state machines of yours that hand Trapline a task token and wait for the end of a run.
  EOT
  type        = list(string)
  default     = []

  validation {
    condition = alltrue([
      for arn in var.waiting_machines : can(regex("^arn:[^:*]+:states:[^:*]+:[0-9]{12}:stateMachine:[^:*]+$", arn))
    ])
    error_message = "waiting_machines: ARNs of state machines, each with its name."
  }
}

variable "waiting_functions" {
  description = <<-EOT
    ARNs of durable functions of yours that hand Trapline a callback's id and wait for the end of a run.
  EOT
  type        = list(string)
  default     = []

  validation {
    condition = alltrue([
      for arn in var.waiting_functions : can(regex("^arn:[^:*]+:lambda:[^:*]+:[0-9]{12}:function:[^:*]+$", arn))
    ])
    error_message = "waiting_functions: ARNs of functions, each with its name and without a version or an alias."
  }
}

variable "architecture" {
  description = "Processor that images and zips are built for: x86_64 or arm64."
  type        = string
  default     = "x86_64"

  validation {
    condition     = contains(["x86_64", "arm64"], var.architecture)
    error_message = "architecture: x86_64 or arm64."
  }
}

variable "account_concurrency" {
  description = "Executions at once that the account allows; null asks AWS (Service Quotas)."
  type        = number
  default     = null

  validation {
    condition     = var.account_concurrency == null || coalesce(var.account_concurrency, 1) >= 1
    error_message = "account_concurrency: at least 1, or null."
  }
}

variable "silence_hours" {
  description = <<-EOT
    Hours after which the dead man's switch alarms where runs were due and none succeeded; null without a switch.
  EOT
  type        = number
  default     = 26

  validation {
    condition = (
      var.silence_hours == null
      || try(
        var.silence_hours >= 1 && var.silence_hours <= 168 && floor(var.silence_hours) == var.silence_hours,
        false
      )
    )
    error_message = "silence_hours: whole hours, 1 to 168, or null."
  }
}

variable "tick_sleeps" {
  description = <<-EOT
    Whether the minute's tick sleeps while nothing is due: a database that scales to zero can then, and calls of the
    dispatcher are saved. false: it comes each minute.
  EOT
  type        = bool
  default     = true
}

variable "log_days" {
  description = "Days for which logs are kept."
  type        = number
  default     = 365

  validation {
    condition     = contains([7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731], var.log_days)
    error_message = "log_days: one of 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, as CloudWatch has them."
  }
}

variable "expire_days" {
  description = <<-EOT
    After how many days S3 itself deletes exported runs, and artifacts. Artifacts go with the ledger's rows, after
    retention_days; their own rule is a backstop for what no tick saw, at twice as much or more: null takes just that.
  EOT
  type        = object({ artifacts = optional(number), runs = optional(number, 400) })
  default     = {}

  validation {
    condition = (
      var.expire_days.artifacts == null
      || try(var.expire_days.artifacts >= max(28, 2 * coalesce(var.retention_days, 14)), false)
    )
    error_message = join(" ", [
      "expire_days: artifacts is at least twice retention_days, and at least 28; retention_days says how long",
      "artifacts stay. Leave it out for the least there is.",
    ])
  }
}

variable "web_url" {
  description = <<-EOT
    The address at which people reach a web view of this deployment, such as https://trapline.example.com: alerts and
    `trapline show` link there. null: there is none, and alerts name the command that shows it (`trapline web`).
  EOT
  type        = string
  default     = null

  validation {
    condition = (
      var.web_url == null
      || can(regex("^https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?(/[A-Za-z0-9._~/-]*)?$", var.web_url))
    )
    error_message = "web_url: an address such as https://trapline.example.com, without a query, or null."
  }
}

variable "retention_days" {
  description = <<-EOT
    After how many days runs, with their tasks, observations and alerts, leave the database (archived first), and
    their artifacts the bucket, a week after they were last put; null keeps all.
  EOT
  type        = number
  default     = 90

  validation {
    condition = (
      var.retention_days == null
      || try(
        var.retention_days >= 1 && var.retention_days <= 36500 && floor(var.retention_days) == var.retention_days,
        false
      )
    )
    error_message = "retention_days: a whole number from 1 to 36500, or null."
  }
}

variable "disposable" {
  description = <<-EOT
    Whether destroying the environment may delete its bucket, images and secrets at once. Never for production.
  EOT
  type        = bool
  default     = false

  validation {
    condition     = !(var.disposable && startswith(var.environment, "prod"))
    error_message = "disposable: not for production."
  }
}

variable "local_aws" {
  description = <<-EOT
    AWS is an emulator on this machine: paths instead of host names for buckets, ticks that arrive unexpanded.
  EOT
  type        = bool
  default     = false
}

variable "allow_private" {
  description = <<-EOT
    Private addresses that pages may be on, such as an intranet's: networks or addresses with a port, as 10.1.0.0/16:443
    or [fd12::/16]:443; without one, every port. Metadata addresses and Trapline's own services stay closed in any case.
  EOT
  type        = list(string)
  default     = []

  validation {
    condition = alltrue([
      for place in [for each in var.allow_private : replace(each, "/^([^:]+|\\[.+\\]):[0-9]{1,5}$/", "$1")] :
      anytrue([for length in ["", "/32", "/128"] : can(cidrhost("${trim(place, "[]")}${length}", 0))])
    ])
    error_message = "allow_private: networks or addresses, such as 10.1.0.0/16:443, 192.168.0.7:80 or [fd12::/16]:443."
  }
}

variable "ca_certificates_file" {
  description = <<-EOT
    PEM file of certificate authorities of your own, trusted beside the public ones for pages, sitemaps and robots.txt;
    relative to this folder. The roots alone: servers send what is between, and a function's environment holds 4 KB.
  EOT
  type        = string
  default     = null

  validation {
    condition = var.ca_certificates_file == null || try(alltrue([
      strcontains(file(var.ca_certificates_file), "-----BEGIN CERTIFICATE-----"),
      !strcontains(file(var.ca_certificates_file), "PRIVATE KEY-----"),
      length(file(var.ca_certificates_file)) <= 3000,
    ]), false)
    error_message = "ca_certificates_file: a PEM file of certificates, without a key, of at most 3,000 characters."
  }
}

variable "environment_variables" {
  description = "More environment variables for every function, for example of an emulator. Never a secret."
  type        = map(string)
  default     = {}

  validation {
    condition = !anytrue(
      [for name in keys(var.environment_variables) : can(regex("(?i)password|passwd|token|api_?key|secret$", name))]
    )
    error_message = "environment_variables: that looks like a secret; put it into Secrets Manager."
  }
}
