# Functions exist once their release is known: the first apply in an empty account makes all that they need.
locals {
  release_of = {
    crawler    = "crawler"
    dispatcher = "dispatcher"
    durable    = "crawler"
    notifier   = "notifier"
    operator   = "operator"
    reader     = "operator"
    relay      = "notifier"
  }
  made = {
    for name, function in local.functions :
    name => merge(function, { release = var.releases[local.release_of[name]] })
    if contains(keys(var.releases), local.release_of[name]) && (name != "relay" || var.relay)
  }

  sizes = { for name, function in local.functions : name => {
    memory_mib           = try(coalesce(var.sizes[name].memory_mib), function.size.memory_mib)
    timeout              = try(coalesce(var.sizes[name].timeout), function.size.timeout)
    scratch_mib          = try(coalesce(var.sizes[name].scratch_mib), function.size.scratch_mib)
    reserved_concurrency = try(coalesce(var.sizes[name].reserved_concurrency), local.usual_ceiling[name], null)
  } }
  # What follows from the sizes of all functions
  measured_environment = { dispatcher = {
    TRAPLINE_LANES_AT_MOST = local.lanes_at_most == null ? "" : tostring(local.lanes_at_most)
  } }
  usual_ceiling = { for name in local.notifier_ceiling > 0 ? ["notifier"] : [] : name => local.notifier_ceiling }
}

module "function" {
  source   = "./modules/function"
  for_each = local.made

  name         = "${local.name}-${each.key}"
  description  = "${each.value.description} (${each.value.release.version})"
  architecture = var.architecture
  alias        = local.alias

  code = {
    image = (
      each.value.release.digest != null
      ? "${one(module.image_repository[*].url)}@${each.value.release.digest}"
      : null
    )
    file    = each.value.release.file
    bucket  = each.value.release.digest == null ? module.storage.bucket : null
    key     = each.value.release.key
    sha256  = each.value.release.sha256
    handler = each.value.release.digest == null || each.key == "durable" ? each.value.handler : null
    runtime = each.value.release.runtime
  }

  memory_mib           = local.sizes[each.key].memory_mib
  timeout              = local.sizes[each.key].timeout
  scratch_mib          = local.sizes[each.key].scratch_mib
  reserved_concurrency = local.sizes[each.key].reserved_concurrency

  retries       = each.value.events.retries
  max_event_age = each.value.events.max_event_age
  # What AWS asks for where a function reads the queue
  failures_visibility = contains(local.crawling, each.key) ? 6 * local.sizes["dispatcher"].timeout : 30
  durable             = each.key == "durable" ? { execution_timeout = 31622400, retention_days = 14 } : null

  environment = merge(
    local.shared_environment, each.value.environment, lookup(local.measured_environment, each.key, {})
  )
  statements = { for sid, one in each.value.statements : sid => one if length(one.resources) > 0 }
  vpc = length(module.network) > 0 && each.value.group != null ? {
    subnet_ids         = module.network[0].subnet_ids
    security_group_ids = [module.network[0].security_groups[each.value.group]]
  } : null

  kms_key_arn = local.key_arn
  log_days    = var.log_days
}

locals {
  crawling     = ["crawler", "durable"]
  queued_lanes = length(module.orchestration) > 0 ? keys(local.queues) : []
}

# The dispatcher learns at once which crawlers Lambda gave up on.
resource "aws_lambda_event_source_mapping" "failures" {
  for_each = toset(contains(keys(local.made), "dispatcher") ? setintersection(keys(local.made), local.crawling) : [])

  event_source_arn = module.function[each.key].failures.arn
  function_name    = module.function["dispatcher"].alias_arn
  batch_size       = 10

  scaling_config {
    maximum_concurrency = 2 # the least there is; a broken crawler must not take all executions with its failures
  }
}

moved {
  from = aws_lambda_event_source_mapping.failures[0]
  to   = aws_lambda_event_source_mapping.failures["crawler"]
}

locals {
  # What costs a run or an alert, or ends by itself the work of all: ten at most.
  few_alarms = [
    "crawler-errors", "dispatcher-errors", "notifier-errors", "relay-errors", "ticks-failed", "ticks-missed",
    "database-storage", "database-connections", "silence", "faults",
  ]
}

module "alarms" {
  source = "./modules/alarms"

  name      = local.name
  topic_arn = module.notifications.operations_arn
  only      = var.alarms == "few" ? local.few_alarms : null

  functions = { for name, function in module.function : name => {
    name      = function.name
    log_group = function.log_group
    timeout   = function.timeout
    ceiling   = try(coalesce(local.sizes[name].reserved_concurrency), null)
    # A crawler works until 10 s before its end, and ends in order
    duration_share = contains(local.crawling, name) ? 0.995 : 0.9
  } }

  queues = merge(
    { for name, function in module.function : "${name}-failures" => {
      name     = function.failures.name
      consumed = contains(keys(aws_lambda_event_source_mapping.failures), name)
      text = join(" ", [
        "Lambda gave up on events of ${function.name}. Each message in ${function.failures.name} holds the event",
        "and its error: mend the cause, then redrive or purge the queue.",
      ])
    } },
    { for name, function in module.function : "${name}-dead-letters" => {
      name = function.dead_letters.name
      text = join(" ", [
        "Failures of ${function.name} could not be handled either. Read the messages in",
        "${function.dead_letters.name} and the dispatcher's log, then redrive or purge the queue.",
      ])
    } },
    { for lane in local.queued_lanes : "lane-${lane}" => {
      name     = module.orchestration[0].queues[lane].name
      consumed = true
      text = join(" ", [
        "Calls of crawlers of the lane ${lane} wait in its queue for longer than the ledger waits for them. See",
        "whether the crawler is throttled, or the mapping between the queue and it is off.",
      ])
    } },
    { for lane in local.queued_lanes : "lane-${lane}-undelivered" => {
      name = module.orchestration[0].queues[lane].undelivered
      text = join(" ", [
        "A crawler of the lane ${lane} failed twice on a call before it said ready. Read the message in",
        "${module.orchestration[0].queues[lane].undelivered} and the crawler's log; the ledger has asked anew, so",
        "purge the queue when it is mended.",
      ])
    } },
    { for queue in module.schedules[*].missed : "ticks-missed" => {
      name = queue
      text = join(" ", [
        "Ticks did not reach the dispatcher, so runs were not opened. The messages in ${queue} say which; `trapline",
        "run NAME` opens a run by hand, then purge the queue.",
      ])
    } },
    { for owner, queue in module.notifications.undelivered : "${owner}-undelivered" => {
      name = queue
      text = join(" ", [
        "SNS could not hand alerts to the ${owner}. The messages in ${queue} are the alerts; look whether the",
        "function is throttled or gone.",
      ])
    } },
  )

  machines = { for machines in module.orchestration[*].machines : "wave" => machines["wave"] }
  rules = merge(
    { for name in contains(keys(local.made), "notifier") ? ["run-ended"] : [] : name => module.notifications.rule },
    { for rules in module.orchestration[*].rules : "wave-ended" => rules.wave_ended },
  )

  schedule_group = one(module.schedules[*].group)
  database = length(module.database) == 0 ? null : {
    identifier      = module.database[0].identifier
    max_connections = coalesce(module.database[0].max_connections, 5000)
    storage_gib     = var.database.storage_gib
  }
  run_log_groups = {
    for name in ["crawler", "dispatcher"] :
    name => module.function[name].log_group
    if contains(keys(local.made), name)
  }
  operator_log_group = contains(keys(local.made), "operator") ? module.function["operator"].log_group : null
  silence_hours      = length(module.schedules) > 0 ? var.silence_hours : null
}
