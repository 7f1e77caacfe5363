# Made before the function: Lambda would make it itself, without a key and without an end.
resource "aws_cloudwatch_log_group" "this" {
  name              = "/aws/lambda/${var.name}"
  retention_in_days = var.log_days
  kms_key_id        = var.kms_key_arn
}

resource "aws_lambda_function" "this" {
  count = var.durable == null ? 1 : 0

  #checkov:skip=CKV_AWS_115:a new account allows 10 executions at once and no reservation; the root checks what fits
  #checkov:skip=CKV_AWS_116:the on-failure destination below carries error and request id; a dead-letter queue would not
  #checkov:skip=CKV_AWS_117:in the VPC wherever there is one; what needs no database needs no VPC
  #checkov:skip=CKV_AWS_272:images can't be signed so; a hash names the code, and only the deployer's role can change it
  function_name = var.name
  description   = var.description
  role          = aws_iam_role.this.arn

  package_type     = var.code.image != null ? "Image" : "Zip"
  image_uri        = var.code.image
  filename         = var.code.file
  s3_bucket        = var.code.key != null ? var.code.bucket : null
  s3_key           = var.code.key
  source_code_hash = var.code.file != null ? filebase64sha256(var.code.file) : var.code.sha256
  handler          = var.code.image == null ? var.code.handler : null
  runtime          = var.code.image == null ? var.code.runtime : null
  architectures    = [var.architecture]

  memory_size                    = var.memory_mib
  timeout                        = var.timeout
  reserved_concurrent_executions = var.reserved_concurrency
  publish                        = true
  kms_key_arn                    = length(var.environment) > 0 ? var.kms_key_arn : null

  ephemeral_storage {
    size = var.scratch_mib
  }

  dynamic "environment" {
    for_each = length(var.environment) > 0 ? [var.environment] : []

    content {
      variables = environment.value
    }
  }

  dynamic "image_config" {
    for_each = var.code.image != null && var.code.handler != null ? [var.code.handler] : []

    content {
      command = [image_config.value]
    }
  }

  dynamic "vpc_config" {
    for_each = var.vpc != null ? [var.vpc] : []

    content {
      subnet_ids         = vpc_config.value.subnet_ids
      security_group_ids = vpc_config.value.security_group_ids
    }
  }

  logging_config {
    log_format = "Text" # our lines are JSON already; Lambda's own JSON would wrap them and hide the metrics in them
    log_group  = aws_cloudwatch_log_group.this.name
  }

  tracing_config {
    mode = "PassThrough" # one id leads through the logs; traces would cost a permission on everything
  }

  depends_on = [aws_iam_role_policy.this] # Lambda tries the role's network permissions when it makes the function
}

# What callers name. It moves to a new version only after that version was published.
resource "aws_lambda_alias" "live" {
  name             = var.alias
  description      = "Takes the traffic"
  function_name    = local.made.name
  function_version = local.made.version
}

resource "aws_lambda_function_event_invoke_config" "live" {
  function_name                = local.made.name
  qualifier                    = aws_lambda_alias.live.name
  maximum_retry_attempts       = var.retries
  maximum_event_age_in_seconds = var.max_event_age

  destination_config {
    on_failure {
      destination = aws_sqs_queue.failures.arn
    }
  }
}

# Events that Lambda gave up on, each with its error and its request id.
resource "aws_sqs_queue" "failures" {
  name                       = "${var.name}-failures"
  sqs_managed_sse_enabled    = true
  message_retention_seconds  = 1209600 # 14 days, the longest there is: a person has time to look
  visibility_timeout_seconds = var.failures_visibility

  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead_letters.arn
    maxReceiveCount     = 5
  })
}

# What no reader could take out of the failure queue. Its one source is named by its ARN, because that queue is made
# after it.
resource "aws_sqs_queue" "dead_letters" {
  name                      = "${var.name}-dead-letters"
  sqs_managed_sse_enabled   = true
  message_retention_seconds = 1209600 # 14 days

  redrive_allow_policy = jsonencode({
    redrivePermission = "byQueue"
    sourceQueueArns   = [local.failures_arn]
  })
}
