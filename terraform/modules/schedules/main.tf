data "aws_caller_identity" "this" {}

data "aws_region" "this" {}

locals {
  when = "<aws.scheduler.scheduled-time>"
  # Before the functions are there, the machine is not: then a tick goes to the dispatcher.
  machines = { for name, crawl in var.crawls : name => crawl.machine && var.machine_arn != null }
  # jsonencode writes < and > as \u003c and \u003e, and then the Scheduler would not know its placeholder.
  ticks = { for name, crawl in var.crawls : name => replace(replace(
    local.machines[name]
    ? jsonencode({ crawl = name, scheduled_for = local.when })
    : jsonencode({ v = 1, type = "tick", crawl = name, schedule = name, scheduled_for = local.when }),
  "\\u003c", "<"), "\\u003e", ">") }
}

resource "aws_scheduler_schedule_group" "this" {
  name = var.name
}

resource "aws_scheduler_schedule" "crawl" {
  for_each = var.crawls

  name                         = each.key
  group_name                   = aws_scheduler_schedule_group.this.name
  description                  = "Opens a run of the crawl ${each.key}"
  schedule_expression          = each.value.expression
  schedule_expression_timezone = each.value.timezone
  state                        = each.value.enabled ? "ENABLED" : "DISABLED"
  kms_key_arn                  = var.kms_key_arn

  flexible_time_window {
    mode                      = each.value.jitter_minutes > 0 ? "FLEXIBLE" : "OFF"
    maximum_window_in_minutes = each.value.jitter_minutes > 0 ? each.value.jitter_minutes : null
  }

  target {
    arn      = local.machines[each.key] ? var.machine_arn : var.target_arn
    role_arn = aws_iam_role.this.arn
    input    = local.ticks[each.key]

    dead_letter_config {
      arn = aws_sqs_queue.missed.arn
    }

    retry_policy {
      # An hour late is better than not at all; a day late is the next tick's business
      maximum_event_age_in_seconds = 3600
      maximum_retry_attempts       = 20
    }
  }

  depends_on = [aws_iam_role_policy.this]
}

# With a new one of these the tick is made anew, and comes each minute: a dispatcher of another release may not know how
# to switch it on, and an update in place would send what it was when the plan was made.
resource "terraform_data" "tick" {
  input = [
    var.tick, var.target_arn, var.kms_key_arn, aws_iam_role.this.arn, aws_sqs_queue.missed.arn,
  ]
}

# Every minute: rescue what got stuck, ask again, end runs, sweep alerts. Names of crawls never begin with _. While
# nothing is due the dispatcher lets it come once an hour instead, with another input.
resource "aws_scheduler_schedule" "reap" {
  name                         = "_reap"
  group_name                   = aws_scheduler_schedule_group.this.name
  description                  = "Rescues what got stuck, ends runs, sweeps alerts"
  schedule_expression          = "rate(1 minute)"
  schedule_expression_timezone = "UTC"
  kms_key_arn                  = var.kms_key_arn

  flexible_time_window {
    mode = "OFF"
  }

  target {
    arn      = var.target_arn
    role_arn = aws_iam_role.this.arn
    input    = jsonencode({ v = 1, type = "reap" })

    dead_letter_config {
      arn = aws_sqs_queue.missed.arn
    }

    retry_policy {
      maximum_event_age_in_seconds = 60 # the next one is due by then
      maximum_retry_attempts       = 2
    }
  }

  lifecycle {
    ignore_changes       = [schedule_expression, state, target[0].input] # the dispatcher's
    replace_triggered_by = [terraform_data.tick]
  }

  depends_on = [aws_iam_role_policy.this]
}

resource "aws_sqs_queue" "missed" {
  name                      = "${var.name}-ticks-missed"
  sqs_managed_sse_enabled   = true
  message_retention_seconds = 1209600 # 14 days, the longest there is
}

resource "aws_iam_role" "this" {
  name        = "${var.name}-scheduler-${data.aws_region.this.id}"
  description = "Lets the schedules of ${var.name} call the dispatcher"

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "scheduler.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = {
        StringEquals = {
          "aws:SourceAccount" = data.aws_caller_identity.this.account_id
          "aws:SourceArn"     = aws_scheduler_schedule_group.this.arn
        }
      }
    }]
  })
}

resource "aws_iam_role_policy" "this" {
  name = "statements"
  role = aws_iam_role.this.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat([
      { Sid = "Dispatcher", Effect = "Allow", Action = ["lambda:InvokeFunction"], Resource = [var.target_arn] },
      { Sid = "Missed", Effect = "Allow", Action = ["sqs:SendMessage"], Resource = [aws_sqs_queue.missed.arn] },
      ], [
      for key in var.kms_key_arn[*] : { Sid = "Key", Effect = "Allow", Action = ["kms:Decrypt"], Resource = [key] }
      ], anytrue(values(local.machines)) ? [
      { Sid = "Machine", Effect = "Allow", Action = ["states:StartExecution"], Resource = [var.machine_arn] },
    ] : [])
  })
}
