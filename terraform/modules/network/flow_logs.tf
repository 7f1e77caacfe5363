# Rejected traffic only: what a page's script tried and the network refused. All traffic would cost as much as the
# crawl.
resource "aws_cloudwatch_log_group" "flow" {
  #checkov:skip=CKV_AWS_338:rejected packets are of no use after a quarter; the setting takes a year where rules want it
  count = local.made ? 1 : 0

  name              = "/trapline/${var.name}/rejected"
  retention_in_days = var.flow_log_days
  kms_key_id        = var.kms_key_arn
}

data "aws_caller_identity" "this" {}

data "aws_partition" "this" {}

locals {
  scope = "${data.aws_region.this.id}:${data.aws_caller_identity.this.account_id}"
  ec2   = "arn:${data.aws_partition.this.partition}:ec2:${local.scope}"
  logs  = "arn:${data.aws_partition.this.partition}:logs:${local.scope}"
}

resource "aws_iam_role" "flow" {
  count = local.made ? 1 : 0

  name = "${var.name}-flow-logs-${data.aws_region.this.id}"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "vpc-flow-logs.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = {
        StringEquals = { "aws:SourceAccount" = data.aws_caller_identity.this.account_id }
        ArnLike      = { "aws:SourceArn" = "${local.ec2}:vpc-flow-log/*" }
      }
    }]
  })
}

resource "aws_iam_role_policy" "flow" {
  count = local.made ? 1 : 0

  name = "logs"
  role = aws_iam_role.flow[0].id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid    = "Logs"
        Effect = "Allow"
        Action = [
          "logs:CreateLogGroup", "logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents",
        ]
        Resource = [aws_cloudwatch_log_group.flow[0].arn, "${aws_cloudwatch_log_group.flow[0].arn}:*"] # its streams
      },
      {
        Sid      = "Groups"
        Effect   = "Allow"
        Action   = ["logs:DescribeLogGroups"]
        Resource = ["${local.logs}:log-group:*"] # it lists groups, and knows nothing narrower
      },
    ]
  })
}

resource "aws_flow_log" "this" {
  count = local.made ? 1 : 0

  vpc_id          = aws_vpc.this[0].id
  traffic_type    = "REJECT"
  log_destination = aws_cloudwatch_log_group.flow[0].arn
  iam_role_arn    = aws_iam_role.flow[0].arn
}
