mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  name           = "trapline-test"
  topic_arn      = "arn:aws:sns:eu-central-1:123456789012:trapline-test-operations"
  schedule_group = "trapline-test"
  functions = {
    crawler = {
      name           = "trapline-test-crawler"
      log_group      = "/aws/lambda/trapline-test-crawler"
      timeout        = 900
      duration_share = 0.995
    }
  }
  queues = {
    crawler-failures = {
      name     = "trapline-test-crawler-failures"
      consumed = true
      text     = "Lambda gave up on events."
    }
    crawler-dead-letters = { name = "trapline-test-crawler-dead-letters", text = "Failures could not be handled." }
  }
  database       = { identifier = "trapline-test", max_connections = 100, storage_gib = 20 }
  run_log_groups = { crawler = "/aws/lambda/trapline-test-crawler" }
  silence_hours  = 26

  operator_log_group = "/aws/lambda/trapline-test-operator"
}

run "all_of_them" {
  command = apply

  module {
    source = "./modules/alarms"
  }

  assert {
    condition = toset(keys(output.alarms)) == toset([
      "crawler-errors",
      "crawler-throttles",
      "crawler-duration",
      "crawler-failures",
      "crawler-dead-letters",
      "ticks-failed",
      "ticks-dropped", "database-storage", "database-cpu", "database-connections", "silence",
      "faults",
    ])
    error_message = "An alarm is missing: ${join(" ", keys(output.alarms))}."
  }

  assert {
    condition = alltrue(
      [for alarm in values(output.alarms) : alarm.actions == toset([var.topic_arn]) && length(alarm.description) > 20]
    )
    error_message = "An alarm has no subscriber, or does not say what to do."
  }

  assert {
    condition = (
      output.alarms["crawler-duration"].threshold == 895500
      && output.alarms["crawler-duration"].dimensions.FunctionName == "trapline-test-crawler"
    )
    error_message = "The duration is compared with another time than the timeout, in milliseconds."
  }

  assert {
    condition = (
      output.alarms["crawler-failures"].metric == "ApproximateAgeOfOldestMessage"
      && output.alarms["crawler-dead-letters"].metric == "ApproximateNumberOfMessagesVisible"
      && output.alarms["crawler-dead-letters"].threshold == 0
    )
    error_message = "A dead letter goes unnoticed, or every failure that is handled alarms."
  }

  assert {
    condition = (
      output.alarms["database-storage"].comparison == "LessThanThreshold"
      && output.alarms["database-storage"].threshold == 1073741824
      && output.alarms["database-storage"].threshold < 0.1 * var.database.storage_gib * 1073741824
      && aws_cloudwatch_metric_alarm.this["database-storage"].evaluation_periods == 3
      && output.alarms["database-connections"].threshold == 80
    )
    error_message = "The database's alarms come at other values, or before RDS has enlarged the storage."
  }

  assert {
    condition = (
      aws_cloudwatch_metric_alarm.silence[0].treat_missing_data == "breaching"
      && aws_cloudwatch_metric_alarm.silence[0].evaluation_periods * aws_cloudwatch_metric_alarm.silence[0].period
      == 26 * 3600
    )
    error_message = "The dead man's switch sleeps when nothing happens."
  }

  assert {
    condition = (
      [for name, filter in aws_cloudwatch_log_metric_filter.life : name
        if filter.metric_transformation[0].name == aws_cloudwatch_metric_alarm.silence[0].metric_name
      && filter.metric_transformation[0].namespace == aws_cloudwatch_metric_alarm.silence[0].namespace]
      == ["crawler", "operator"]
      && alltrue([for event in ["run_ended", "nothing_was_due", "ledger_made"] :
        strcontains(aws_cloudwatch_log_metric_filter.life["crawler"].pattern, "$.event = \"${event}\"")
      ])
    )
    error_message = "The dead man's switch looks at a metric that no filter writes, or no sign of life is counted."
  }
}

run "no_alarm_asks_for_a_unit" {
  command = apply

  module {
    source = "./modules/alarms"
  }

  assert {
    condition = alltrue([
      for alarm in concat(
        values(aws_cloudwatch_metric_alarm.this),
        aws_cloudwatch_metric_alarm.silence,
        aws_cloudwatch_metric_alarm.faults
      ) : alarm.unit == null || alarm.unit == ""
    ])
    error_message = "An alarm never sees data that AWS publishes with another unit, or with none."
  }
}

run "one_mail_when_an_alarm_is_over_and_none_when_it_begins_to_see_data" {
  command = apply

  module {
    source = "./modules/alarms"
  }

  assert {
    condition = alltrue([
      for alarm in concat(
        values(aws_cloudwatch_metric_alarm.this),
        aws_cloudwatch_metric_alarm.silence,
        aws_cloudwatch_metric_alarm.faults
      ) : length(coalesce(alarm.ok_actions, [])) == 0
    ])
    error_message = "Each alarm of a new deployment would send a mail when it has its first data."
  }

  assert {
    condition = (
      jsondecode(aws_cloudwatch_event_rule.over.event_pattern).detail.previousState.value == ["ALARM"]
      && jsondecode(aws_cloudwatch_event_rule.over.event_pattern).detail.state.value == ["OK"]
      && jsondecode(aws_cloudwatch_event_rule.over.event_pattern).detail.alarmName == [{ prefix = "trapline-test-" }]
      && aws_cloudwatch_event_target.over.arn == var.topic_arn
    )
    error_message = "Nobody hears that an alarm is over, or of alarms that never came."
  }
}

run "faults_that_fail_no_function" {
  command = apply

  module {
    source = "./modules/alarms"
  }

  assert {
    condition = (
      aws_cloudwatch_log_metric_filter.faults["crawler"].metric_transformation[0].name
      == aws_cloudwatch_metric_alarm.faults[0].metric_name
      && aws_cloudwatch_log_metric_filter.faults["crawler"].metric_transformation[0].namespace
      == aws_cloudwatch_metric_alarm.faults[0].namespace
      && strcontains(aws_cloudwatch_log_metric_filter.faults["crawler"].pattern, "= \"artifact_store_away\" || $")
    )
    error_message = "The alarm looks at a metric that no filter writes, or the filter at no event."
  }
}

run "few_of_them" {
  command = plan

  module {
    source = "./modules/alarms"
  }

  variables {
    only = ["crawler-errors", "silence"]
  }

  assert {
    condition     = join(" ", keys(output.alarms)) == "crawler-errors silence"
    error_message = "More alarms are made, and paid, than were asked for: ${join(" ", keys(output.alarms))}."
  }
}

run "nothing_to_watch" {
  command = plan

  module {
    source = "./modules/alarms"
  }

  variables {
    schedule_group = null
    functions      = {}
    queues         = {}
    database       = null
    run_log_groups = {}
    silence_hours  = null

    operator_log_group = null
  }

  assert {
    condition     = length(output.alarms) == 0
    error_message = "An alarm watches what is not there."
  }
}

run "refuses_bad_values" {
  command = plan

  module {
    source = "./modules/alarms"
  }

  variables {
    functions     = { crawler = { name = "a", log_group = "b", timeout = 900, duration_share = 90 } }
    queues        = { failures = { name = "a", text = "Look." } }
    silence_hours = 200
  }

  expect_failures = [var.functions, var.queues, var.silence_hours]
}

run "machines_and_rules" {
  command = apply

  module {
    source = "./modules/alarms"
  }

  variables {
    machines = { wave = "arn:aws:states:eu-central-1:123456789012:stateMachine:trapline-test-wave" }
    rules    = { run-ended = "trapline-test-run-ended" }
  }

  assert {
    condition = (
      [for key in ["failed", "timed-out", "throttled"] : output.alarms["wave-${key}"].metric]
      == ["ExecutionsFailed", "ExecutionsTimedOut", "ExecutionThrottled"]
      && output.alarms["wave-failed"].dimensions["StateMachineArn"] == var.machines["wave"]
    )
    error_message = "A machine that fails, hangs or waits goes unnoticed."
  }

  assert {
    condition = (
      output.alarms["run-ended-undelivered"].metric == "FailedInvocations"
      && output.alarms["run-ended-undelivered"].dimensions["RuleName"] == "trapline-test-run-ended"
    )
    error_message = "An event that reaches no function goes unnoticed."
  }
}
