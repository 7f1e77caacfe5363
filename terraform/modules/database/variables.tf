variable "name" {
  description = "Name of the instance, for example trapline-dev."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9]*(-[a-z0-9]+)*$", var.name)) && length(var.name) <= 63
    error_message = "name: lower-case words joined by -, beginning with a letter, at most 63 characters."
  }
}

variable "instance_class" {
  description = "RDS class. It decides how many connections there are: about 80 on a micro, 170 on a small."
  type        = string
  default     = "db.t4g.micro"

  validation {
    condition     = can(regex("^db\\.(t[34]g?|[mr][5-8][a-z]*)\\.[0-9a-z]+$", var.instance_class))
    error_message = "instance_class: a class of the families t, m or r, for example db.t4g.micro or db.m7g.large."
  }
}

variable "postgres_version" {
  description = "Major version of Postgres; minor versions come by themselves."
  type        = string
  default     = "17"

  validation {
    condition     = contains(["16", "17", "18"], var.postgres_version)
    error_message = "postgres_version: 16, 17 or 18, which are tested."
  }
}

variable "storage_gib" {
  description = "Storage to begin with, GiB."
  type        = number
  default     = 20

  validation {
    condition     = var.storage_gib >= 20
    error_message = "storage_gib: at least 20, the least that gp3 takes."
  }
}

variable "max_storage_gib" {
  description = "Storage may grow by itself up to this, GiB."
  type        = number
  default     = 100

  validation {
    condition     = var.max_storage_gib >= var.storage_gib * 1.1
    error_message = "max_storage_gib: at least a tenth more than storage_gib, or RDS refuses it."
  }
}

variable "multi_az" {
  description = "Whether a standby in a second zone takes over by itself."
  type        = bool
  default     = true
}

variable "backup_days" {
  description = "Days for which any moment can be restored; 0: no backups, as plans of AWS that are free may want it."
  type        = number
  default     = 7

  validation {
    condition     = var.backup_days >= 0 && var.backup_days <= 35 && floor(var.backup_days) == var.backup_days
    error_message = "backup_days: whole days, 0 to 35."
  }
}

variable "deletion_protection" {
  description = "Refuse to delete the database, and take a last snapshot when it was allowed."
  type        = bool
  default     = true
}

variable "apply_immediately" {
  description = "Change the instance now instead of in the maintenance window."
  type        = bool
  default     = false
}

variable "monitoring_seconds" {
  description = "How often the system's own figures are logged (enhanced monitoring, paid as logs); 0: never."
  type        = number
  default     = 60

  validation {
    condition     = contains([0, 1, 5, 10, 15, 30, 60], var.monitoring_seconds)
    error_message = "monitoring_seconds: 0, 1, 5, 10, 15, 30 or 60, as RDS has them."
  }
}

variable "subnet_ids" {
  description = "Private subnets in two zones at least."
  type        = list(string)
}

variable "security_group_id" {
  description = "The group that lets the functions in."
  type        = string
}

variable "kms_key_arn" {
  description = "Key that encrypts storage, backups, logs, insights and the administrator's secret; null: AWS's own."
  type        = string

  validation {
    condition     = var.kms_key_arn == null || can(regex("^arn:", var.kms_key_arn))
    error_message = "kms_key_arn: an ARN."
  }
}

variable "log_days" {
  description = "Days for which the server's log is kept."
  type        = number
  default     = 365

  validation {
    condition     = contains([7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731], var.log_days)
    error_message = "log_days: one of 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, as CloudWatch has them."
  }
}
