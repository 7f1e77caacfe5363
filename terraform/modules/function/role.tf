data "aws_caller_identity" "this" {}

data "aws_partition" "this" {}

data "aws_region" "this" {}

locals {
  # Put together instead of read: the role needs neither to exist, and SQS takes half a minute to make a queue.
  scope        = "${data.aws_region.this.id}:${data.aws_caller_identity.this.account_id}"
  function_arn = "arn:${data.aws_partition.this.partition}:lambda:${local.scope}:function:${var.name}"
  failures_arn = "arn:${data.aws_partition.this.partition}:sqs:${local.scope}:${var.name}-failures"

  interface_actions = [
    "ec2:AssignPrivateIpAddresses", "ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets", "ec2:UnassignPrivateIpAddresses",
  ]

  # Lambda puts the function into the VPC in the role's name. EC2 takes no resource for half of these actions, so the
  # allow has to be wide; the deny takes all of it away again from the code that runs in the function.
  vpc_statements = [
    {
      Sid      = "NetworkInterfaces"
      Effect   = "Allow"
      Action   = local.interface_actions
      Resource = "*" # EC2 knows no narrower resource for the Describe actions; see the deny
    },
    {
      Sid       = "NetworkInterfacesNotFromCode"
      Effect    = "Deny"
      Action    = local.interface_actions
      Resource  = "*" # a deny is as wide as its allow
      Condition = { ArnEquals = { "lambda:SourceFunctionArn" = local.function_arn } }
    },
  ]

  base_statements = [
    {
      Sid      = "Logs"
      Effect   = "Allow"
      Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
      Resource = ["${aws_cloudwatch_log_group.this.arn}:*"] # the group's streams
    },
    {
      Sid      = "Failures"
      Effect   = "Allow"
      Action   = ["sqs:SendMessage"]
      Resource = [local.failures_arn]
    },
  ]

  key_statements = [for key in var.kms_key_arn[*] : {
    Sid      = "Environment"
    Effect   = "Allow"
    Action   = ["kms:Decrypt"]
    Resource = [key]
  }]

  own_statements = [for sid, statement in var.statements : merge(
    {
      Sid      = sid
      Effect   = "Allow"
      Action   = statement.actions
      Resource = statement.resources
    },
    statement.conditions == null ? {} : { Condition = statement.conditions },
  )]
}

resource "aws_iam_role" "this" {
  name        = "${var.name}-${data.aws_region.this.id}" # roles are of the account, in all its regions
  description = "What ${var.name} may do"

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "lambda.amazonaws.com" }
      Action    = "sts:AssumeRole"
    }]
  })
}

resource "aws_iam_role_policy" "this" {
  #checkov:skip=CKV_AWS_290:the interface actions are denied to the code; every other statement names its ARNs
  #checkov:skip=CKV_AWS_355:the same
  name = "statements"
  role = aws_iam_role.this.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      local.base_statements,
      local.key_statements,
      local.own_statements,
      [for statement in local.vpc_statements : statement if var.vpc != null]
    )
  })
}
