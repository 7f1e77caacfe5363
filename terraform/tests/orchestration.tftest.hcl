mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  name        = "trapline-test"
  bucket_arn  = "arn:aws:s3:::trapline-test-123456789012"
  kms_key_arn = "arn:aws:kms:eu-central-1:123456789012:key/0"
  functions = {
    crawler = {
      alias_arn = "arn:aws:lambda:eu-central-1:123456789012:function:trapline-test-crawler:live"
      timeout   = 900
    }
    dispatcher = {
      alias_arn = "arn:aws:lambda:eu-central-1:123456789012:function:trapline-test-dispatcher:live"
      timeout   = 300
    }
    notifier = {
      alias_arn = "arn:aws:lambda:eu-central-1:123456789012:function:trapline-test-notifier:live"
      timeout   = 300
    }
  }
}

run "machines_without_a_queue" {
  command = apply

  module {
    source = "./modules/orchestration"
  }

  assert {
    condition     = join(" ", keys(output.machines)) == "run wave" && output.queues == {}
    error_message = "A machine is missing, or there is a queue that no lane asked for."
  }

  assert {
    condition = alltrue([for machine in values(aws_sfn_state_machine.this) :
      machine.type == "STANDARD"
      && machine.logging_configuration[0].level == "ERROR"
      && machine.logging_configuration[0].include_execution_data == false
    ])
    error_message = "A machine can't wait for a token, does not log its errors, or logs what it works on."
  }

  assert {
    condition = alltrue([for group in values(aws_cloudwatch_log_group.this) :
      group.kms_key_id == var.kms_key_arn && startswith(group.name, "/aws/vendedlogs/states/trapline-test-")
    ])
    error_message = "A machine's log is not encrypted, or is not where Step Functions may write."
  }

  assert {
    condition = (
      jsondecode(output.definitions["wave"]).States["Every invocation"].ItemProcessor.States["Crawl"].TimeoutSeconds
      == 960
      && jsondecode(output.definitions["wave"]).States["Count again"].TimeoutSeconds == 320
      && jsondecode(output.definitions["run"]).States["Tell"].TimeoutSeconds == 320
    )
    error_message = "A machine ends a call before the function's own time-out, or numbers became words."
  }

  assert {
    condition = alltrue(flatten([for name, policy in output.policies : [
      for statement in jsondecode(policy).Statement :
      statement.Sid == "Logs" || (!strcontains(jsonencode([statement.Action, statement.Resource]), "\"*\""))
    ]]))
    error_message = "A machine's role has a wildcard without a reason."
  }

  assert {
    condition = (
      [
        for statement in jsondecode(output.policies["wave"]).Statement : statement.Resource if statement.Sid == "Call"
      ] == [[var.functions.crawler.alias_arn, var.functions.dispatcher.alias_arn]]
    )
    error_message = "The machine wave may call another function than those that it calls, or one past its alias."
  }

  assert {
    condition = (
      [
        for statement in jsondecode(output.policies["run"]).Statement : statement.Resource if statement.Sid == "Call"
      ] == [[var.functions.dispatcher.alias_arn, var.functions.notifier.alias_arn]]
    )
    error_message = "The machine run may call another function than those that it calls, or one past its alias."
  }

  assert {
    condition = (
      strcontains(output.policies["wave"], "${var.bucket_arn}/waves/*")
      && strcontains(output.policies["wave"], ":execution:trapline-test-wave")
      && (!strcontains(output.policies["wave"], "sqs:SendMessage"))
      && (!strcontains(output.policies["run"], "states:StartExecution"))
    )
    error_message = "A wave can't read its items or run its children, or a role holds what its machine does not need."
  }

  assert {
    condition = alltrue([for role in values(aws_iam_role.this) :
      jsondecode(role.assume_role_policy).Statement[0].Condition.StringEquals["aws:SourceAccount"] == "123456789012"
    ])
    error_message = "Another account's machine could take a role."
  }

  assert {
    condition = (
      jsondecode(aws_cloudwatch_event_rule.wave_ended.event_pattern).detail.stateMachineArn
      == ["arn:aws:states:eu-central-1:123456789012:stateMachine:trapline-test-wave"]
      && aws_cloudwatch_event_target.wave_ended.arn == var.functions.dispatcher.alias_arn
      && aws_lambda_permission.wave_ended.function_name
      == "arn:aws:lambda:eu-central-1:123456789012:function:trapline-test-dispatcher"
      && aws_lambda_permission.wave_ended.qualifier == "live"
    )
    error_message = "The dispatcher does not hear of a wave that was stopped."
  }

  assert {
    condition = (
      aws_cloudwatch_event_target.wave_ended.input_transformer[0].input_template
      == "{\"v\":1,\"type\":\"wave_ended\",\"wave\":<wave>,\"status\":<status>}"
    )
    error_message = "EventBridge would put quotes around quotes, or not know its placeholders."
  }
}

run "a_queue_for_each_lane" {
  command = apply

  module {
    source = "./modules/orchestration"
  }

  variables {
    queues = { fragile = 2, licence = 5 }
  }

  assert {
    condition = (
      {
        for lane, mapping in aws_lambda_event_source_mapping.lane :
        lane => mapping.scaling_config[0].maximum_concurrency
      }
      == { fragile = 2, licence = 5 }
    )
    error_message = "Lambda takes more from a queue at once than its lane allows."
  }

  assert {
    condition = alltrue([for lane, mapping in aws_lambda_event_source_mapping.lane :
      mapping.batch_size == 1 && mapping.function_name == var.functions.crawler.alias_arn
    ])
    error_message = "A crawler would get two calls at once, or is called past its alias."
  }

  assert {
    condition = alltrue([for lane, queue in aws_sqs_queue.lane :
      queue.visibility_timeout_seconds >= var.functions.crawler.timeout
      && jsondecode(queue.redrive_policy).maxReceiveCount == 2
      && queue.sqs_managed_sse_enabled
      && aws_sqs_queue.undelivered[lane].sqs_managed_sse_enabled
    ])
    error_message = "AWS would refuse the mapping, a broken call would go round for ever, or a queue is not encrypted."
  }

  assert {
    condition = output.queues["fragile"] == {
      name        = "trapline-test-lane-fragile"
      arn         = "arn:aws:sqs:eu-central-1:123456789012:mocked"
      undelivered = "trapline-test-lane-fragile-undelivered"
    }
    error_message = "A queue is not where its alarm looks."
  }

  assert {
    condition = anytrue([for statement in jsondecode(output.policies["wave"]).Statement :
      statement.Sid == "Queues" && length(statement.Resource) == 2 && statement.Action == ["sqs:SendMessage"]
    ])
    error_message = "A wave can't put a call into its lane's queue."
  }
}

run "refuses_bad_values" {
  command = plan

  module {
    source = "./modules/orchestration"
  }

  variables {
    name        = "Trapline"
    kms_key_arn = "aws/sqs"
    queues      = { one = 1 }
    rounds      = 5000
    functions = {
      crawler    = { alias_arn = "arn:aws:lambda:eu-central-1:123456789012:function:c", timeout = 900 }
      dispatcher = { alias_arn = "arn:aws:lambda:eu-central-1:123456789012:function:d:live", timeout = 300 }
      notifier   = { alias_arn = "arn:aws:lambda:eu-central-1:123456789012:function:n:live", timeout = 300 }
    }
  }

  expect_failures = [var.name, var.kms_key_arn, var.queues, var.rounds, var.functions]
}
