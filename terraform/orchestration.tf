# What lanes with `orchestrator: step_functions` or `durable` need beside the rest, and what tells others of ended runs.
locals {
  machined = length(local.machine_lanes) > 0
  durable  = length(local.durable_lanes) > 0

  machined_functions = ["crawler", "dispatcher", "notifier"]

  # Put together, as the functions' ARNs are: the machines call the functions, and the functions start the machines.
  machine_arn = {
    for name in ["wave", "run"] :
    name => "arn:${local.partition}:states:${var.region}:${local.account}:stateMachine:${local.name}-${name}"
  }
  bus_arn = "arn:${local.partition}:events:${var.region}:${local.account}:event-bus/default"

  # Those that end a run say so to the bus, and answer who waits with a task token for a run or for a crawler's end. The
  # children of a wave are executions of the machine with the Map's label behind its name.
  awaiting = concat(
    local.machined ? [local.machine_arn["wave"], "${local.machine_arn["wave"]}/*", local.machine_arn["run"]] : [],
    var.waiting_machines
  )
  answers = length(local.awaiting) + length(var.waiting_functions) > 0
  ends_runs_statements = merge(
    { Tells = { actions = ["events:PutEvents"], resources = [local.bus_arn] } },
    { for name in length(local.awaiting) > 0 ? ["Answers"] : [] : name => {
      actions   = ["states:SendTaskSuccess", "states:SendTaskFailure", "states:SendTaskHeartbeat"]
      resources = local.awaiting
    } },
    { for name in length(var.waiting_functions) > 0 ? ["Callbacks"] : [] : name => {
      actions = [
        "lambda:SendDurableExecutionCallbackSuccess",
        "lambda:SendDurableExecutionCallbackFailure",
        "lambda:SendDurableExecutionCallbackHeartbeat",
      ]
      resources = [for arn in var.waiting_functions : "${arn}:*"] # its executions are below a version
    } },
  )
  ends_runs_environment = merge(
    { TRAPLINE_BUS = "default" }, local.answers ? { TRAPLINE_ANSWERS = "1" } : {}
  )

  crawler_environment = local.ends_runs_environment
  crawler_statements = merge(local.ends_runs_statements, {
    for name in length(local.queues) > 0 ? ["LaneQueues"] : [] : name => {
      actions = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
      resources = [
        for lane in keys(local.queues) :
        "arn:${local.partition}:sqs:${var.region}:${local.account}:${local.name}-lane-${lane}"
      ]
    }
  })
  dispatcher_environment = merge(
    local.ends_runs_environment,
    local.machined ? {
      TRAPLINE_WAVE_MACHINE = local.machine_arn["wave"]
      TRAPLINE_WAVES        = "s3://${module.storage.bucket}/waves"
    } : {},
    local.durable ? { TRAPLINE_DURABLE_FUNCTION = local.function_arn["durable"] } : {},
  )
  dispatcher_statements = merge(
    local.ends_runs_statements,
    { for name in local.machined ? ["Starts"] : [] : name => {
      actions   = ["states:StartExecution"]
      resources = [local.machine_arn["wave"]]
    } },
    { for name in local.machined ? ["Waves"] : [] : name => {
      actions   = ["s3:PutObject"]
      resources = ["${module.storage.arn}/waves/*"]
    } },
    { for name in local.durable ? ["CallDurable"] : [] : name => {
      actions   = ["lambda:InvokeFunction"]
      resources = [local.function_arn["durable"]]
    } },
  )

  # The crawler once more, as a durable function: Lambda makes a function durable only when it is made.
  functions = merge(local.services, { for name in local.durable ? ["durable"] : [] : name => merge(
    local.services.crawler,
    {
      description = "Walks ordered lists of pages in slices, as a durable function"
      handler     = "trapline_crawler.durable_handler.handler"
      statements = merge(local.services.crawler.statements, {
        Checkpoints = {
          actions   = ["lambda:CheckpointDurableExecution", "lambda:GetDurableExecutionState"]
          resources = ["${trimsuffix(local.function_arn["durable"], ":${local.alias}")}:*"]
        }
      })
    }
  ) })
}

module "orchestration" {
  source = "./modules/orchestration"
  count  = local.machined && length(setsubtract(local.machined_functions, keys(local.made))) == 0 ? 1 : 0

  name        = local.name
  bucket_arn  = module.storage.arn
  functions   = { for name in local.machined_functions : name => module.function[name].alias_arn }
  timeouts    = { for name in local.machined_functions : name => local.sizes[name].timeout }
  queues      = local.queues
  kms_key_arn = local.key_arn
  log_days    = var.log_days
}
