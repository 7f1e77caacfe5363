locals {
  # One row for each alarm of a function or a queue; the text says what to do.
  function_alarms = merge([
    for key, function in var.functions : {
      "${key}-errors" = {
        namespace  = "AWS/Lambda", metric = "Errors", statistic = "Sum", threshold = 0, periods = 1
        dimensions = { FunctionName = function.name }
        text = join(" ", [
          "${function.name} failed. Read the last errors in its log group ${function.log_group}; its events are in",
          "its failure queue.",
        ])
      }
      "${key}-throttles" = {
        namespace  = "AWS/Lambda"
        metric     = function.ceiling == null ? "Throttles" : "AsyncEventAge"
        statistic  = function.ceiling == null ? "Sum" : "Maximum"
        threshold  = function.ceiling == null ? 0 : 300000
        periods    = 3
        dimensions = { FunctionName = function.name }
        text = function.ceiling == null ? join(" ", [
          "${function.name} waits for free executions. Lower max_invocations of the lanes in crawls.yaml, or ask",
          "AWS for a higher limit of concurrent executions.",
          ]) : join(" ", [
          "Events of ${function.name} wait for more than 5 minutes for one of the ${coalesce(function.ceiling, 0)}",
          "executions that are reserved for it. See in its log what takes so long, or reserve more.",
        ])
      }
      "${key}-duration" = {
        namespace  = "AWS/Lambda", metric = "Duration", statistic = "Maximum", periods = 1
        threshold  = function.timeout * 1000 * function.duration_share
        dimensions = { FunctionName = function.name }
        text = join(" ", [
          "${function.name} ran for nearly its ${function.timeout} s, after which Lambda kills it. See in its log",
          "what took so long: a slow database or slow AWS calls, or too little memory.",
        ])
      }
    }
  ]...)

  queue_alarms = { for key, queue in var.queues : key => {
    namespace  = "AWS/SQS"
    metric     = queue.consumed ? "ApproximateAgeOfOldestMessage" : "ApproximateNumberOfMessagesVisible"
    statistic  = "Maximum"
    threshold  = queue.consumed ? 900 : 0
    periods    = 1
    dimensions = { QueueName = queue.name }
    text       = queue.text
  } }

  machine_alarms = merge([
    for key, arn in var.machines : { for kind, metric in {
      failed    = "ExecutionsFailed"
      timed-out = "ExecutionsTimedOut"
      throttled = "ExecutionThrottled"
      } : "${key}-${kind}" => {
      namespace  = "AWS/States", metric = metric, statistic = "Sum", threshold = 0, periods = 1
      dimensions = { StateMachineArn = arn }
      text = join(" ", [
        "The state machine ${key} failed, or waits for Step Functions. The ledger asks anew for what it did not",
        "call. See the last executions of ${arn} in the console, and its log group: a role, a function or an object",
        "is gone.",
      ])
    } }
  ]...)

  rule_alarms = { for key, name in var.rules : "${key}-undelivered" => {
    namespace  = "AWS/Events", metric = "FailedInvocations", statistic = "Sum", threshold = 0
    periods    = 1
    dimensions = { RuleName = name }
    text = join(" ", [
      "EventBridge could not call a function for the rule ${name}. The minute's sweep does what was missed; see",
      "whether the function is throttled or gone.",
    ])
  } }

  schedule_alarms = var.schedule_group == null ? {} : { for key, metric in {
    "ticks-failed"  = "TargetErrorCount"
    "ticks-dropped" = "InvocationDroppedCount"
    } : key => {
    namespace  = "AWS/Scheduler", metric = metric, statistic = "Sum", threshold = 0, periods = 1
    dimensions = { ScheduleGroup = var.schedule_group }
    text = join(" ", [
      "Schedules of ${var.schedule_group} could not reach the dispatcher. See whether it is throttled or gone;",
      "missed ticks are in the queue of missed ticks. `trapline run NAME` opens a run by hand.",
    ])
  } }

  storage_floor_gib = var.database == null ? 0 : var.database.storage_gib / 20

  # What runs out in the database.
  database_alarms = var.database == null ? {} : {
    "database-storage" = {
      namespace = "AWS/RDS"
      metric    = "FreeStorageSpace"
      statistic = "Minimum"
      threshold = local.storage_floor_gib * 1073741824
      periods   = 3, dimensions = { DBInstanceIdentifier = var.database.identifier }
      text = join(" ", [
        "Less than ${local.storage_floor_gib} GiB are free in the database, and RDS did not enlarge it: it is as large",
        "as database.max_storage_gib, or was enlarged in the last 6 hours. Raise database.max_storage_gib; look for a",
        "replication slot or a long transaction that keeps old data.",
      ])
    }
    "database-cpu" = {
      namespace = "AWS/RDS", metric = "CPUUtilization", statistic = "Average", threshold = 80
      periods   = 3, dimensions = { DBInstanceIdentifier = var.database.identifier }
      text = join(" ", [
        "The database's processors were busy for 15 minutes. See the slowest statements in Performance Insights;",
        "lower max_invocations of the lanes, or take a larger database.instance_class.",
      ])
    }
    "database-connections" = {
      namespace = "AWS/RDS"
      metric    = "DatabaseConnections"
      statistic = "Maximum"
      threshold = floor(var.database.max_connections * 0.8)
      periods   = 1, dimensions = { DBInstanceIdentifier = var.database.identifier }
      text = join(" ", [
        "More than four fifths of the database's ${var.database.max_connections} connections are in use. Lower",
        "max_invocations of the lanes in crawls.yaml, or take a larger database.instance_class.",
      ])
    }
  }

  every = merge(
    local.function_alarms,
    local.queue_alarms,
    local.machine_alarms,
    local.rule_alarms,
    local.schedule_alarms,
    local.database_alarms,
  )
  only    = var.only == null ? concat(keys(local.every), ["silence", "faults"]) : var.only
  alarms  = { for key, alarm in local.every : key => alarm if contains(local.only, key) }
  silence = var.silence_hours != null && contains(local.only, "silence")
  faults  = length(var.run_log_groups) > 0 && contains(local.only, "faults")
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each = local.alarms

  alarm_name          = "${var.name}-${each.key}"
  alarm_description   = each.value.text
  namespace           = each.value.namespace
  metric_name         = each.value.metric
  dimensions          = each.value.dimensions
  statistic           = each.value.statistic
  period              = 300
  evaluation_periods  = each.value.periods
  comparison_operator = each.value.metric == "FreeStorageSpace" ? "LessThanThreshold" : "GreaterThanThreshold"
  threshold           = each.value.threshold
  treat_missing_data  = "notBreaching"
  alarm_actions       = [var.topic_arn]
}

# The dead man's switch: when anything breaks, even the alarms above, no run succeeds any more. The minute tick says
# each hour that none was due since the last that did, and the operator function that the ledger was made: so a new
# deployment is quiet until its first schedule could have run, and a weekend without schedules is no silence.
resource "aws_cloudwatch_log_metric_filter" "life" {
  for_each = merge(var.run_log_groups, var.operator_log_group == null ? {} : { operator = var.operator_log_group })

  name           = "${var.name}-life-${each.key}"
  log_group_name = each.value
  pattern = join("", ["{ ", join(" || ", [
    "($.event = \"run_ended\" && $.outcome = \"completed\")",
    "$.event = \"nothing_was_due\"",
    "$.event = \"ledger_made\"",
  ]), " }"])

  metric_transformation {
    namespace = "Trapline/${var.name}"
    name      = "SignsOfLife"
    value     = "1"
    unit      = "Count"
  }
}

resource "aws_cloudwatch_metric_alarm" "silence" {
  count = local.silence ? 1 : 0

  alarm_name = "${var.name}-silence"
  alarm_description = join(" ", [
    "Runs were due, and none succeeded in ${var.silence_hours} hours, or the minute tick is gone. `trapline status`",
    "says what is open and what waits; then look at the other alarms, the schedules and the database.",
  ])
  namespace           = "Trapline/${var.name}"
  metric_name         = "SignsOfLife"
  statistic           = "Sum"
  period              = 3600
  evaluation_periods  = var.silence_hours
  comparison_operator = "LessThanThreshold"
  threshold           = 1
  treat_missing_data  = "breaching"
  alarm_actions       = [var.topic_arn]
}

# Faults that cost themselves alone, so that no function fails for them, and that a person must mend.
resource "aws_cloudwatch_log_metric_filter" "faults" {
  for_each = var.run_log_groups

  name           = "${var.name}-faults-${each.key}"
  log_group_name = each.value
  pattern = join("", ["{ ", join(" || ", [
    for event in [
      "artifact_store_away",
      "config_unreadable",
      "poison_not_recorded",
      "retention_waits",
      "run_not_ended",
      "task_failed_unrecorded",
    ] : "$.event = \"${event}\""
  ]), " }"])

  metric_transformation {
    namespace = "Trapline/${var.name}"
    name      = "Faults"
    value     = "1"
    unit      = "Count"
  }
}

resource "aws_cloudwatch_metric_alarm" "faults" {
  count = local.faults ? 1 : 0

  alarm_name = "${var.name}-faults"
  alarm_description = join(" ", [
    "Something that Trapline needs is away or refuses: the artifact store, the archive, or a release that reads a",
    "run's config. The crawls go on without it. The log events artifact_store_away, retention_waits,",
    "config_unreadable, poison_not_recorded, task_failed_unrecorded and run_not_ended say what and why.",
  ])
  namespace           = "Trapline/${var.name}"
  metric_name         = "Faults"
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching"
  alarm_actions       = [var.topic_arn]
}

# Tells that an alarm is over: only after one that came. An action of the alarm itself would send a mail for each alarm
# when it gets its first data.
resource "aws_cloudwatch_event_rule" "over" {
  name        = "${var.name}-alarm-over"
  description = "Alarms of ${var.name} that are over"

  event_pattern = jsonencode({
    source      = ["aws.cloudwatch"]
    detail-type = ["CloudWatch Alarm State Change"]
    detail = {
      alarmName     = [{ prefix = "${var.name}-" }]
      state         = { value = ["OK"] }
      previousState = { value = ["ALARM"] }
    }
  })
}

resource "aws_cloudwatch_event_target" "over" {
  rule = aws_cloudwatch_event_rule.over.name
  arn  = var.topic_arn

  input_transformer {
    input_paths    = { alarm = "$.detail.alarmName", at = "$.detail.state.timestamp" }
    input_template = "\"OK: <alarm> is over since <at>.\""
  }
}
