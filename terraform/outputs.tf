output "functions" {
  description = "The functions that exist, with the release that each runs."
  value = { for name, function in module.function : name => {
    name    = function.name
    alias   = function.alias_arn
    release = local.made[name].release.version
    version = function.version
  } }
}

output "schedules" {
  description = "Every scheduled crawl: expression, time zone, whether it is on."
  value       = one(module.schedules[*].schedules)
}

output "machines" {
  description = "ARNs of the state machines wave and run; a workflow of yours starts `run`. Empty without such a lane."
  value       = try(module.orchestration[0].machines, {})
}

output "bucket" {
  description = "The bucket of artifacts, exported runs, packages and crawls.yaml."
  value       = module.storage.bucket
}

output "image_repository" {
  description = "Where the crawler's images are pushed; null where zips are run."
  value       = one(module.image_repository[*].url)
}

output "topics" {
  description = "The topics of alerts about pages (alerts) and of messages about Trapline itself (operations)."
  value       = { alerts = module.notifications.alerts_arn, operations = module.notifications.operations_arn }
}

output "secrets" {
  description = "Names of the secrets; `channels` waits for a value where the relay is on."
  value       = module.secrets.names
}

output "nat_addresses" {
  description = "The addresses that crawled sites see."
  value       = try(module.network[0].nat_addresses, [])
}

output "capacity" {
  description = "Executions at once: what the account allows, what is reserved, and what the lanes may ask for."
  value       = { account = local.account_concurrency, reserved = local.reserved, lanes = local.invocations_cap }

  precondition {
    condition = (
      local.reserved == 0
      || local.reserved <= local.account_concurrency - min(local.kept_free, local.account_concurrency)
    )
    error_message = join(" ", [
      "sizes: ${local.reserved} executions are reserved, and the account's ${local.account_concurrency} less the",
      "100 that AWS keeps free leave ${max(0, local.account_concurrency - 100)}. Reserve less, or ask AWS for more",
      "concurrent executions.",
    ])
  }
}
