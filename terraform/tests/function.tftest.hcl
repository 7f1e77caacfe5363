mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  name          = "trapline-test-crawler"
  description   = "Visits pages"
  memory_mib    = 2048
  timeout       = 900
  retries       = 0
  max_event_age = 300
  kms_key_arn   = "arn:aws:kms:eu-central-1:123456789012:key/0"
  environment   = { DATABASE_URL = "postgresql://trapline_crawler@host:5432/trapline" }
  code = {
    image = format("123456789012.dkr.ecr.eu-central-1.amazonaws.com/crawler@sha256:%064d", 0)
  }
  statements = {
    Artifacts = { actions = ["s3:PutObject"], resources = ["arn:aws:s3:::bucket/artifacts/*"] }
    Names = {
      actions    = ["s3:ListBucket"]
      resources  = ["arn:aws:s3:::bucket"]
      conditions = { StringLike = { "s3:prefix" = "artifacts/*" } }
    }
  }
}

run "image_in_a_vpc" {
  command = apply

  module {
    source = "./modules/function"
  }

  variables {
    vpc = { subnet_ids = ["subnet-1", "subnet-2"], security_group_ids = ["sg-1"] }
  }

  assert {
    condition = (
      aws_lambda_function.this[0].package_type == "Image"
      && aws_lambda_function.this[0].runtime == null
      && aws_lambda_function.this[0].publish
    )
    error_message = "The image is not what runs, or no version is published."
  }

  assert {
    condition = (
      aws_lambda_function.this[0].reserved_concurrent_executions == null
      || aws_lambda_function.this[0].reserved_concurrent_executions == -1
    )
    error_message = "Reserved concurrency must be unset by default: new accounts refuse it."
  }

  assert {
    condition = (
      aws_cloudwatch_log_group.this.kms_key_id == var.kms_key_arn
      && aws_lambda_function.this[0].kms_key_arn == var.kms_key_arn
      && aws_sqs_queue.failures.sqs_managed_sse_enabled
      && aws_sqs_queue.dead_letters.sqs_managed_sse_enabled
    )
    error_message = "Log, environment or queues are not encrypted."
  }

  assert {
    condition     = aws_lambda_function.this[0].logging_config[0].log_group == "/aws/lambda/trapline-test-crawler"
    error_message = "The function does not log into its own group."
  }

  assert {
    condition = output.invoke == {
      qualifier     = "live"
      retries       = 0
      max_event_age = 300
      on_failure    = aws_sqs_queue.failures.arn
    }
    error_message = "Events of the alias are not handled as asked, or their failures are lost."
  }

  assert {
    condition = (
      jsondecode(aws_sqs_queue.failures.redrive_policy).deadLetterTargetArn
      == aws_sqs_queue.dead_letters.arn
    )
    error_message = "The failure queue has no dead-letter queue."
  }

  assert {
    condition = (
      jsondecode(aws_sqs_queue.dead_letters.redrive_allow_policy).sourceQueueArns == [
        "arn:aws:sqs:eu-central-1:123456789012:${aws_sqs_queue.failures.name}"
      ]
      && strcontains(output.policy, "arn:aws:sqs:eu-central-1:123456789012:${aws_sqs_queue.failures.name}")
    )
    error_message = "An ARN that is put together is not that of the failure queue."
  }

  assert {
    condition = alltrue([for statement in jsondecode(output.policy).Statement :
      alltrue([for action in statement.Action : !strcontains(action, "*")])
      && (!contains(flatten([statement.Resource]), "*") || startswith(statement.Sid, "NetworkInterfaces"))
    ])
    error_message = "The role has a wildcard."
  }

  assert {
    condition = [
      for statement in jsondecode(output.policy).Statement :
      statement.Condition.ArnEquals["lambda:SourceFunctionArn"]
      if statement.Effect == "Deny" && statement.Sid == "NetworkInterfacesNotFromCode"
    ] == ["arn:aws:lambda:eu-central-1:123456789012:function:trapline-test-crawler"]
    error_message = "The code could make network interfaces."
  }

  assert {
    condition = length(setsubtract(
      flatten(
        [
          for statement in jsondecode(output.policy).Statement :
          statement.Action
          if statement.Sid == "NetworkInterfaces"
        ]
      ),
      flatten(
        [
          for statement in jsondecode(output.policy).Statement :
          statement.Action
          if statement.Sid == "NetworkInterfacesNotFromCode"
        ]
      ),
    )) == 0
    error_message = "The deny is narrower than the allow."
  }
}

run "zip_outside_a_vpc" {
  command = apply

  module {
    source = "./modules/function"
  }

  variables {
    code = {
      bucket  = "bucket"
      key     = "packages/notifier/0.zip"
      sha256  = "AAAA"
      handler = "trapline_notifier.handler.handler"
    }
  }

  assert {
    condition = (
      aws_lambda_function.this[0].package_type == "Zip"
      && aws_lambda_function.this[0].runtime == "python3.13"
      && aws_lambda_function.this[0].source_code_hash == "AAAA"
    )
    error_message = "The zip is not what runs."
  }

  assert {
    condition = (
      length(aws_lambda_function.this[0].vpc_config) == 0
      && (!strcontains(output.policy, "ec2:"))
      && (!strcontains(output.policy, "\"Resource\":\"*\""))
    )
    error_message = "Outside a VPC the role needs nothing of EC2."
  }
}

run "refuses_bad_values" {
  command = plan

  module {
    source = "./modules/function"
  }

  variables {
    name                 = "Crawler"
    architecture         = "riscv"
    memory_mib           = 64
    scratch_mib          = 100
    timeout              = 901
    environment          = { DATABASE_URL = "postgresql://user:hunter2@host/db" }
    code                 = { image = "repository:latest" }
    statements           = { All = { actions = ["s3:*"], resources = ["arn:aws:s3:::bucket/*"] } }
    reserved_concurrency = 0
    retries              = 3
    max_event_age        = 30
    failures_visibility  = -1
    kms_key_arn          = "alias/aws/lambda"
    log_days             = 2
  }

  expect_failures = [
    var.name, var.architecture, var.memory_mib, var.scratch_mib, var.timeout, var.environment, var.code, var.statements,
    var.reserved_concurrency, var.retries, var.max_event_age, var.failures_visibility, var.kms_key_arn, var.log_days,
  ]
}

run "refuses_two_codes_and_a_wide_resource" {
  command = plan

  module {
    source = "./modules/function"
  }

  variables {
    code       = { file = "a.zip", bucket = "bucket", key = "b.zip", sha256 = "AAAA", handler = "a.b" }
    statements = { All = { actions = ["s3:GetObject"], resources = ["*"] } }
  }

  expect_failures = [var.code, var.statements]
}

run "refuses_a_zip_without_handler_and_every_bucket" {
  command = plan

  module {
    source = "./modules/function"
  }

  variables {
    code       = { bucket = "bucket", key = "b.zip", sha256 = "AAAA" }
    statements = { All = { actions = ["s3:GetObject"], resources = ["arn:aws:s3:::*"] } }
  }

  expect_failures = [var.code, var.statements]
}

run "a_durable_function_by_cloudformation" {
  command = apply

  module {
    source = "./modules/function"
  }

  variables {
    name    = "trapline-test-durable"
    durable = { execution_timeout = 31622400, retention_days = 14 }
    code = {
      image   = format("123456789012.dkr.ecr.eu-central-1.amazonaws.com/crawler@sha256:%064d", 0)
      handler = "trapline_crawler.durable_handler.handler"
    }
    vpc = { subnet_ids = ["subnet-1", "subnet-2"], security_group_ids = ["sg-1"] }
  }

  assert {
    condition = (
      length(aws_lambda_function.this) == 0
      && output.name == "trapline-test-durable"
      && output.version == "7"
    )
    error_message = "The function is made twice, or its alias does not follow the stack's version."
  }

  assert {
    condition = jsondecode(output.template).Resources.Function.Properties.DurableConfig == {
      ExecutionTimeout      = 31622400
      RetentionPeriodInDays = 14
    }
    error_message = "The function is not durable."
  }

  assert {
    condition = (
      jsondecode(output.template).Resources.Function.Properties.ImageConfig.Command
      == ["trapline_crawler.durable_handler.handler"]
      && jsondecode(output.template).Resources.Function.Properties.PackageType == "Image"
      && jsondecode(output.template).Resources.Function.Properties.KmsKeyArn == var.kms_key_arn
      && jsondecode(output.template).Resources.Function.Properties.VpcConfig.SubnetIds
      == ["subnet-1", "subnet-2"]
    )
    error_message = "The image runs another handler, without its key, or outside its network."
  }

  assert {
    condition = alltrue([
      for name, one in jsondecode(output.template).Resources :
      try(one.DeletionPolicy, "") == "Retain" && length(name) == length("Version") + 16
      if one.Type == "AWS::Lambda::Version"
    ])
    error_message = "A deploy would take away the version that executions go on with, or publish none."
  }
}

run "a_durable_zip_goes_to_the_bucket_first" {
  command = apply

  module {
    source = "./modules/function"
  }

  variables {
    name    = "trapline-test-durable"
    durable = { execution_timeout = 3600, retention_days = 1 }
    code = {
      file    = "tests/fixtures/lane.yaml"
      bucket  = "trapline-test"
      handler = "trapline_crawler.durable_handler.handler"
    }
  }

  assert {
    condition = (
      jsondecode(output.template).Resources.Function.Properties.Code.S3Key
      == aws_s3_object.durable[0].key
      && startswith(aws_s3_object.durable[0].key, "packages/trapline-test-durable/")
    )
    error_message = "CloudFormation does not find the zip."
  }
}

run "refuses_a_durable_function_without_bounds" {
  command = plan

  module {
    source = "./modules/function"
  }

  variables {
    durable = { execution_timeout = 0, retention_days = 14 }
  }

  expect_failures = [var.durable]
}
