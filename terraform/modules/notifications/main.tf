data "aws_caller_identity" "this" {}

data "aws_partition" "this" {}

data "aws_region" "this" {}

locals {
  account = data.aws_caller_identity.this.account_id
  topics  = { alerts = aws_sns_topic.alerts.arn, operations = aws_sns_topic.operations.arn }

  # The queue's own policy names the queue, so its ARN is put together.
  queues          = "arn:${data.aws_partition.this.partition}:sqs:${data.aws_region.this.id}:${local.account}"
  rules           = "arn:${data.aws_partition.this.partition}:events:${data.aws_region.this.id}:${local.account}"
  undelivered_arn = "${local.queues}:${var.name}-alerts-undelivered"
}

# Alerts about pages.
resource "aws_sns_topic" "alerts" {
  name              = "${var.name}-alerts"
  display_name      = "Trapline"
  kms_master_key_id = var.kms_key_arn
}

# Messages about Trapline itself, for the operator: alarms, and alerts whose content SNS refused.
resource "aws_sns_topic" "operations" {
  name              = "${var.name}-operations"
  display_name      = "Trapline operations"
  kms_master_key_id = var.kms_key_arn
}

# Roles publish by their own policy; a topic's policy allows no other publisher, but for alarms in the operations topic.
resource "aws_sns_topic_policy" "this" {
  for_each = local.topics

  arn = each.value
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [
        {
          Sid       = "Account"
          Effect    = "Allow"
          Principal = { AWS = local.account }
          Action    = ["sns:Publish", "sns:Subscribe", "sns:GetTopicAttributes", "sns:ListSubscriptionsByTopic"]
          Resource  = each.value
        },
        {
          Sid       = "TlsOnly"
          Effect    = "Deny"
          Principal = "*"
          Action    = "sns:Publish"
          Resource  = each.value
          Condition = { Bool = { "aws:SecureTransport" = "false" } }
        },
      ],
      each.key == "operations" ? [{
        Sid       = "Alarms"
        Effect    = "Allow"
        Principal = { Service = "cloudwatch.amazonaws.com" }
        Action    = ["sns:Publish"]
        Resource  = each.value
        Condition = { StringEquals = { "aws:SourceAccount" = local.account } }
        }, {
        # If it exists: AWS does not say whether EventBridge names its rule to SNS
        Sid       = "AlarmsOver"
        Effect    = "Allow"
        Principal = { Service = "events.amazonaws.com" }
        Action    = ["sns:Publish"]
        Resource  = each.value
        Condition = { ArnLikeIfExists = { "aws:SourceArn" = "${local.rules}:rule/${var.name}-*" } }
      }] : [],
    )
  })
}

# SNS sends nothing to an address before the person has followed the link in its first mail.
resource "aws_sns_topic_subscription" "email" {
  for_each = toset(var.alert_emails)

  topic_arn = aws_sns_topic.alerts.arn
  protocol  = "email"
  endpoint  = each.value
}

resource "aws_sns_topic_subscription" "operations_email" {
  for_each = toset(var.operations_emails)

  topic_arn = aws_sns_topic.operations.arn
  protocol  = "email"
  endpoint  = each.value
}
