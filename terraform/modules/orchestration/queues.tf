# One queue for each lane with `queue: true`: Lambda takes from it for at most the lane's max_invocations at once, a
# second limit beside the ledger's own.
resource "aws_sqs_queue" "lane" {
  for_each = var.queues

  name                       = "${var.name}-lane-${each.key}"
  sqs_managed_sse_enabled    = true
  message_retention_seconds  = 3600 # whatever is older, the ledger has given up
  visibility_timeout_seconds = 6 * var.functions.crawler.timeout

  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.undelivered[each.key].arn
    maxReceiveCount     = 2
  })
}

# What no crawler could take twice: a crawler that fails before it says ready, of which nothing else keeps a record.
resource "aws_sqs_queue" "undelivered" {
  for_each = var.queues

  name                      = "${var.name}-lane-${each.key}-undelivered"
  sqs_managed_sse_enabled   = true
  message_retention_seconds = 1209600 # 14 days, the longest there is: a person has time to look

  redrive_allow_policy = jsonencode({
    redrivePermission = "byQueue"
    sourceQueueArns   = ["arn:${local.partition}:sqs:${local.region}:${local.account}:${var.name}-lane-${each.key}"]
  })
}

resource "aws_lambda_event_source_mapping" "lane" {
  for_each = var.queues

  event_source_arn = aws_sqs_queue.lane[each.key].arn
  function_name    = var.functions.crawler.alias_arn
  batch_size       = 1

  scaling_config {
    maximum_concurrency = each.value
  }
}
