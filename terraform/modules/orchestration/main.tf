data "aws_caller_identity" "this" {}

data "aws_partition" "this" {}

data "aws_region" "this" {}

locals {
  account   = data.aws_caller_identity.this.account_id
  partition = data.aws_partition.this.partition
  region    = data.aws_region.this.id

  # Put together, because the role of a machine names its machine. Executions have the machine's ARN with another word.
  wave_arn   = "arn:${local.partition}:states:${local.region}:${local.account}:stateMachine:${var.name}-wave"
  executions = replace(local.wave_arn, ":stateMachine:", ":execution:")

  # URLs of the lanes' queues end with the lane's name: a wave puts it there, so that one machine serves every lane.
  queue_prefix = try([for lane, queue in aws_sqs_queue.lane : trimsuffix(queue.id, lane)][0], "no-queue-of-lane-")

  machines = {
    wave = templatefile("${path.module}/wave.asl.json", {
      partition          = local.partition
      crawler            = var.functions.crawler
      dispatcher         = var.functions.dispatcher
      queue_prefix       = local.queue_prefix
      crawler_timeout    = var.timeouts.crawler
      dispatcher_timeout = var.timeouts.dispatcher
      pending_ttl        = var.pending_ttl
      rounds             = var.rounds
    })
    run = templatefile("${path.module}/run.asl.json", {
      partition        = local.partition
      dispatcher       = var.functions.dispatcher
      notifier         = var.functions.notifier
      notifier_timeout = var.timeouts.notifier
    })
  }
}

# wave delivers the rows of one count of one lane; run is one run of a crawl, as a workflow of the account sees it.
resource "aws_sfn_state_machine" "this" {
  #checkov:skip=CKV_AWS_285:errors are logged; the data of an execution holds task tokens, and may name a page
  #checkov:skip=CKV_AWS_284:one id leads through the logs; traces would cost a permission on everything
  for_each = local.machines

  name       = "${var.name}-${each.key}"
  type       = "STANDARD" # an EXPRESS one can't wait for a token, and ends after 5 minutes
  role_arn   = aws_iam_role.this[each.key].arn
  definition = each.value

  logging_configuration {
    level                  = "ERROR"
    include_execution_data = false # it may name a page, and holds task tokens
    log_destination        = "${aws_cloudwatch_log_group.this[each.key].arn}:*"
  }

  depends_on = [aws_iam_role_policy.this] # Step Functions tries the role when it makes the machine
}

resource "aws_cloudwatch_log_group" "this" {
  for_each = local.machines

  # With this prefix AWS's list of log policies stays short
  name              = "/aws/vendedlogs/states/${var.name}-${each.key}"
  retention_in_days = var.log_days
  kms_key_id        = var.kms_key_arn
}

resource "aws_iam_role" "this" {
  for_each = local.machines

  name        = "${var.name}-${each.key}-${local.region}"
  description = "What the machine ${var.name}-${each.key} may do"

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "states.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = { StringEquals = { "aws:SourceAccount" = local.account } }
    }]
  })
}

locals {
  logs = {
    Sid    = "Logs"
    Effect = "Allow"
    Action = [
      "logs:CreateLogDelivery", "logs:DeleteLogDelivery", "logs:DescribeLogGroups", "logs:DescribeResourcePolicies",
      "logs:GetLogDelivery", "logs:ListLogDeliveries", "logs:PutResourcePolicy", "logs:UpdateLogDelivery",
    ]
    Resource = "*" # CloudWatch Logs knows no narrower resource for the delivery of other services' logs
  }
  statements = {
    wave = concat([
      {
        Sid      = "Call"
        Effect   = "Allow"
        Action   = ["lambda:InvokeFunction"]
        Resource = [var.functions.crawler, var.functions.dispatcher]
      },
      { Sid = "Items", Effect = "Allow", Action = ["s3:GetObject"], Resource = ["${var.bucket_arn}/waves/*"] },
      # A Distributed Map runs its children as executions of this very machine
      { Sid = "Children", Effect = "Allow", Action = ["states:StartExecution"], Resource = [local.wave_arn] },
      {
        Sid      = "ChildrenThatRun"
        Effect   = "Allow"
        Action   = ["states:DescribeExecution", "states:StopExecution"]
        Resource = ["${local.executions}:*", "${local.executions}/*"]
      },
      ], [
      for key in var.kms_key_arn[*] : { Sid = "Key", Effect = "Allow", Action = ["kms:Decrypt"], Resource = [key] }
      ], length(var.queues) == 0 ? [] : [{
        Sid      = "Queues"
        Effect   = "Allow"
        Action   = ["sqs:SendMessage"]
        Resource = [for queue in aws_sqs_queue.lane : queue.arn]
    }])
    run = [{
      Sid      = "Call"
      Effect   = "Allow"
      Action   = ["lambda:InvokeFunction"]
      Resource = [var.functions.dispatcher, var.functions.notifier]
    }]
  }
}

resource "aws_iam_role_policy" "this" {
  #checkov:skip=CKV_AWS_290:the delivery of logs knows no resource; every other statement names its ARNs
  #checkov:skip=CKV_AWS_355:the same
  for_each = local.machines

  name   = "statements"
  role   = aws_iam_role.this[each.key].id
  policy = jsonencode({ Version = "2012-10-17", Statement = concat(local.statements[each.key], [local.logs]) })
}
