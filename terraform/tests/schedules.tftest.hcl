mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  name        = "trapline-test"
  target_arn  = "arn:aws:lambda:eu-central-1:123456789012:function:trapline-test-dispatcher:live"
  kms_key_arn = "arn:aws:kms:eu-central-1:123456789012:key/0"
  crawls = {
    pricing = { expression = "cron(0 8 ? * MON-FRI *)", timezone = "America/Chicago" }
    docs    = { expression = "rate(6 hours)", jitter_minutes = 15, enabled = false }
  }
}

run "one_for_each_crawl" {
  command = apply

  module {
    source = "./modules/schedules"
  }

  assert {
    condition     = join(" ", keys(output.schedules)) == "docs pricing"
    error_message = "A crawl has no schedule."
  }

  assert {
    condition = (
      output.schedules["pricing"].expression == "cron(0 8 ? * MON-FRI *)"
      && output.schedules["pricing"].timezone == "America/Chicago"
      && output.schedules["docs"].timezone == "UTC"
    )
    error_message = "A crawl runs at another time than crawls.yaml says."
  }

  assert {
    condition     = output.schedules["docs"].state == "DISABLED" && output.schedules["pricing"].state == "ENABLED"
    error_message = "enabled is not what crawls.yaml says."
  }

  assert {
    condition = (
      output.schedules["docs"].window.mode == "FLEXIBLE"
      && output.schedules["docs"].window.maximum_window_in_minutes == 15
      && output.schedules["pricing"].window.mode == "OFF"
    )
    error_message = "Jitter is not what crawls.yaml says."
  }

  assert {
    condition = strcontains(
      output.schedules["pricing"].input,
      "\"scheduled_for\":\"<aws.scheduler.scheduled-time>\""
    )
    error_message = "The Scheduler would not know its placeholder, so no tick would have a time."
  }

  assert {
    condition = (
      jsondecode(output.schedules["pricing"].input).crawl == "pricing"
      && jsondecode(output.schedules["pricing"].input).type == "tick"
    )
    error_message = "The tick does not say which crawl it opens."
  }

  assert {
    condition = alltrue(
      [
        for schedule in values(output.schedules) :
        schedule.missed == aws_sqs_queue.missed.arn && schedule.target == var.target_arn
      ]
    )
    error_message = "A tick goes elsewhere, or is lost when it fails."
  }

  assert {
    condition = (
      aws_scheduler_schedule.reap.schedule_expression == "rate(1 minute)"
      && jsondecode(aws_scheduler_schedule.reap.target[0].input).type == "reap"
    )
    error_message = "Nothing reaps every minute."
  }

  assert {
    condition = alltrue(
      [
        for statement in jsondecode(output.policy).Statement :
        !strcontains(jsonencode([statement.Action, statement.Resource]), "*")
      ]
    )
    error_message = "The schedules' role has a wildcard."
  }

  assert {
    condition = (
      jsondecode(aws_iam_role.this.assume_role_policy).Statement[0].Condition.StringEquals["aws:SourceArn"]
      == aws_scheduler_schedule_group.this.arn
    )
    error_message = "Schedules of others could use the role."
  }

  assert {
    condition = (
      aws_sqs_queue.missed.sqs_managed_sse_enabled
      && alltrue([for schedule in values(aws_scheduler_schedule.crawl) : schedule.kms_key_arn == var.kms_key_arn])
    )
    error_message = "Missed ticks or schedules are not encrypted."
  }
}

run "refuses_a_name_that_is_none" {
  command = plan

  module {
    source = "./modules/schedules"
  }

  variables {
    name   = "a b"
    crawls = { _reap = { expression = "rate(6 hours)" } }
  }

  expect_failures = [var.name, var.crawls]
}

run "refuses_a_unix_cron" {
  command = plan

  module {
    source = "./modules/schedules"
  }

  variables {
    crawls = { docs = { expression = "0 8 * * 1-5" } }
  }

  expect_failures = [var.crawls]
}

run "refuses_too_much_jitter" {
  command = plan

  module {
    source = "./modules/schedules"
  }

  variables {
    crawls = { docs = { expression = "rate(6 hours)", jitter_minutes = 1441 } }
  }

  expect_failures = [var.crawls]
}

run "a_tick_starts_the_machine_where_the_lane_asks" {
  command = apply

  module {
    source = "./modules/schedules"
  }

  variables {
    machine_arn = "arn:aws:states:eu-central-1:123456789012:stateMachine:trapline-test-run"
    crawls = {
      pricing = { expression = "rate(1 hour)", machine = true }
      docs    = { expression = "rate(6 hours)" }
    }
  }

  assert {
    condition = (
      output.schedules["pricing"].target == var.machine_arn
      && output.schedules["docs"].target == var.target_arn
      && jsondecode(output.schedules["docs"].input).type == "tick"
    )
    error_message = "A tick goes elsewhere than its lane says."
  }

  assert {
    condition = (
      jsondecode(output.schedules["pricing"].input).crawl == "pricing"
      && strcontains(output.schedules["pricing"].input, "\"scheduled_for\":\"<aws.scheduler.scheduled-time>\"")
    )
    error_message = "The machine does not hear which crawl, or for when."
  }

  assert {
    condition = [
      for statement in jsondecode(output.policy).Statement :
      statement.Resource if statement.Action == ["states:StartExecution"]
    ] == [[var.machine_arn]]
    error_message = "The schedules' role can't start the machine, or may start another."
  }
}

run "before_the_machine_is_there_the_dispatcher_gets_the_tick" {
  command = plan

  module {
    source = "./modules/schedules"
  }

  variables {
    crawls = { pricing = { expression = "rate(1 hour)", machine = true } }
  }

  assert {
    condition     = aws_scheduler_schedule.crawl["pricing"].target[0].arn == var.target_arn
    error_message = "A tick goes to a machine that is not there."
  }
}
