# Warnings of what would start and then not fit, at plan and apply; preconditions in outputs.tf refuse what AWS would.
data "aws_servicequotas_service_quota" "concurrency" {
  count = var.account_concurrency == null ? 1 : 0

  service_code = "lambda"
  quota_code   = "L-B99A9384" # concurrent executions
}

locals {
  account_concurrency = (
    var.account_concurrency != null
    ? var.account_concurrency
    : data.aws_servicequotas_service_quota.concurrency[0].value
  )
  reserved = sum(
    concat([0], [for one in values(local.sizes) : one.reserved_concurrency == null ? 0 : one.reserved_concurrency])
  )

  # AWS reserves nothing of the last 100, and so nothing at all in a new account.
  kept_free         = 100
  reserved_by_sizes = sum(concat([0], [for one in values(var.sizes) : coalesce(one.reserved_concurrency, 0)]))
  reservable        = local.account_concurrency - local.reserved_by_sizes - local.kept_free
  notifier_usual    = local.reservable >= 3 ? 3 : 0
  notifier_ceiling  = var.notifier_concurrency == null ? local.notifier_usual : var.notifier_concurrency

  crawler_ceiling = local.sizes["crawler"].reserved_concurrency
  crawler_free = (
    local.crawler_ceiling != null
    ? local.crawler_ceiling
    : local.account_concurrency - local.reserved - local.other_executions
  )
  # Where the account allows fewer than the lanes ask for, each gets an equal part, so that crawlers never take the
  # places of dispatcher and notifier; null: all fit.
  lanes_at_most = (
    local.invocations_cap <= local.crawler_free
    ? null
    : max(1, floor(local.crawler_free / max(1, length(local.used_lanes))))
  )
  # Dispatchers, notifiers, the relay and the operator beside the crawlers: at once, in a busy minute.
  other_executions = 5

  database_connections = one(module.database[*].max_connections)
  wanted_connections   = local.invocations_cap + local.other_executions
}

check "executions" {
  assert {
    condition = local.invocations_cap <= local.crawler_free
    error_message = join(" ", [
      "The lanes of ${var.crawls_file} allow ${local.invocations_cap} crawlers at once; ${local.crawler_free} fit",
      "(the account allows ${local.account_concurrency} executions). Each lane is held to",
      "${coalesce(local.lanes_at_most, 0)}. Lower max_invocations of the lanes to ${max(1, local.crawler_free)} in",
      "all, or ask AWS for more concurrent executions (Service Quotas, Lambda, L-B99A9384).",
    ])
  }
}

check "connections" {
  assert {
    condition = (
      local.database_connections == null
      || local.wanted_connections <= coalesce(local.database_connections, 0)
    )
    error_message = join(" ", [
      "The lanes of ${var.crawls_file} allow ${local.invocations_cap} crawlers at once, each with a connection, and",
      "${local.other_executions} other functions; ${var.database.instance_class} leaves about",
      "${coalesce(local.database_connections, 0)}. Lower max_invocations of the lanes, or take a larger",
      "database.instance_class.",
    ])
  }
}

check "lanes" {
  assert {
    condition     = length(setsubtract(local.used_lanes, keys(local.lane_caps))) == 0
    error_message = "${var.crawls_file}: a crawl names a lane that is not there; `trapline config` says which line."
  }
}
