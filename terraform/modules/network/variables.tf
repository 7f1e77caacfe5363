variable "name" {
  description = "Name of the environment's parts, for example trapline-dev."
  type        = string
}

variable "mode" {
  description = "made: a VPC of Trapline's own. existing: the subnets you name, with the way out you have."
  type        = string
  default     = "made"

  validation {
    condition     = contains(["made", "existing"], var.mode)
    error_message = "mode: made or existing."
  }
}

variable "nat" {
  description = <<-EOT
    Way out of a made VPC: gateway (one, in the first zone), gateway_per_zone, or instance (the smallest arm64).
  EOT
  type        = string
  default     = "gateway"

  validation {
    condition = contains(["gateway", "gateway_per_zone", "instance"], var.nat)
    error_message = join(" ", [
      "nat: gateway, gateway_per_zone or instance. Without a way out no function reaches AWS, and no page: where you",
      "route it yourself, make the network and name its subnets (mode existing).",
    ])
  }
}

variable "cidr" {
  description = "Addresses of a made VPC; it takes two sixteenths for private and two 256ths for public subnets."
  type        = string
  default     = "10.64.0.0/16"

  validation {
    condition     = can(cidrhost(var.cidr, 0)) && can(regex("/(1[6-9]|20)$", var.cidr))
    error_message = "cidr: an IPv4 range from /16 to /20, for example 10.64.0.0/16."
  }
}

variable "exclude_zone_ids" {
  description = <<-EOT
    Zones that get no subnet. The usual ones are old ones in which Lambda makes no network interface ("the subnet is in
    an unsupported Availability Zone"); an id names the same zone in every account.
  EOT
  type        = list(string)
  default     = ["use1-az3", "cac1-az3", "apne1-az3"]

  validation {
    condition     = alltrue([for zone in var.exclude_zone_ids : can(regex("^[a-z]+[0-9]-az[0-9]+$", zone))])
    error_message = "exclude_zone_ids: ids of zones such as use1-az3, not names such as us-east-1e."
  }
}

variable "vpc_id" {
  description = "Existing VPC."
  type        = string
  default     = null

  validation {
    condition     = (var.mode == "existing") == (var.vpc_id != null)
    error_message = "vpc_id: goes with mode existing, and only with it."
  }
}

variable "subnet_ids" {
  description = "Existing private subnets, in two zones at least."
  type        = list(string)
  default     = []

  validation {
    condition     = var.mode == "existing" ? length(distinct(var.subnet_ids)) >= 2 : length(var.subnet_ids) == 0
    error_message = "subnet_ids: with mode existing name two or more; otherwise none."
  }
}

variable "kms_key_arn" {
  description = "Key that encrypts the flow logs; null: AWS's own."
  type        = string
}

variable "flow_log_days" {
  description = "Days for which rejected traffic is kept."
  type        = number
  default     = 90

  validation {
    condition     = contains([30, 60, 90, 120, 150, 180, 365, 400, 545, 731], var.flow_log_days)
    error_message = "flow_log_days: one of 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, as CloudWatch has them."
  }
}
