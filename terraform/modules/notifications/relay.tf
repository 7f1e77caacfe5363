# The relay takes the alerts to Slack, Teams and the rest.
resource "aws_lambda_permission" "relay" {
  count = var.relay != null ? 1 : 0

  statement_id  = "alerts"
  action        = "lambda:InvokeFunction"
  function_name = var.relay.name
  qualifier     = var.relay.alias
  principal     = "sns.amazonaws.com"
  source_arn    = aws_sns_topic.alerts.arn
}

resource "aws_sns_topic_subscription" "relay" {
  count = var.relay != null ? 1 : 0

  topic_arn      = aws_sns_topic.alerts.arn
  protocol       = "lambda"
  endpoint       = var.relay.arn
  redrive_policy = jsonencode({ deadLetterTargetArn = aws_sqs_queue.undelivered[0].arn })

  depends_on = [aws_lambda_permission.relay]
}

# Messages that SNS could not hand to Lambda at all; the relay's failure queue holds those that the relay gave up on.
resource "aws_sqs_queue" "undelivered" {
  count = var.relay != null ? 1 : 0

  name                      = "${var.name}-alerts-undelivered"
  sqs_managed_sse_enabled   = true
  message_retention_seconds = 1209600 # 14 days, the longest there is

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "Alerts"
      Effect    = "Allow"
      Principal = { Service = "sns.amazonaws.com" }
      Action    = "sqs:SendMessage"
      Resource  = local.undelivered_arn
      Condition = { ArnEquals = { "aws:SourceArn" = aws_sns_topic.alerts.arn } }
    }]
  })
}
