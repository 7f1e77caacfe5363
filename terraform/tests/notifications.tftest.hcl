mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  name              = "trapline-test"
  kms_key_arn       = "arn:aws:kms:eu-central-1:123456789012:key/0"
  alert_emails      = ["watch@example.com"]
  operations_emails = ["operations@example.com"]
}

run "two_encrypted_topics" {
  command = apply

  module {
    source = "./modules/notifications"
  }

  assert {
    condition = (
      aws_sns_topic.alerts.kms_master_key_id == var.kms_key_arn
      && aws_sns_topic.operations.kms_master_key_id == var.kms_key_arn
    )
    error_message = "A topic is not encrypted with the environment's key."
  }

  assert {
    condition = (
      [for one in values(aws_sns_topic_subscription.email) : one.endpoint] == ["watch@example.com"]
      && [for one in values(aws_sns_topic_subscription.operations_email) : one.endpoint] == ["operations@example.com"]
    )
    error_message = "An address gets what was meant for another."
  }

  assert {
    condition = (
      strcontains(output.policies["operations"], "cloudwatch.amazonaws.com")
      && !strcontains(output.policies["alerts"], "cloudwatch.amazonaws.com")
    )
    error_message = "Alarms belong into the operations topic, and only there."
  }

  assert {
    condition = alltrue(flatten([for policy in values(output.policies) : [
      for statement in jsondecode(policy).Statement :
      statement.Effect == "Deny" || (statement.Principal != "*" && statement.Resource != "*")
    ]]))
    error_message = "A topic's policy allows every AWS principal."
  }

  assert {
    condition     = length(aws_sns_topic_subscription.relay) == 0 && output.undelivered == {}
    error_message = "There is a relay without a function."
  }
}

run "relay_with_its_queue" {
  command = apply

  module {
    source = "./modules/notifications"
  }

  variables {
    relay = {
      name  = "trapline-test-relay"
      alias = "live"
      arn   = "arn:aws:lambda:eu-central-1:123456789012:function:trapline-test-relay:live"
    }
  }

  assert {
    condition = (
      aws_lambda_permission.relay[0].source_arn == aws_sns_topic.alerts.arn
      && aws_lambda_permission.relay[0].qualifier == "live"
    )
    error_message = "Others than the alerts topic may call the relay, or it may not."
  }

  assert {
    condition = (
      jsondecode(aws_sns_topic_subscription.relay[0].redrive_policy).deadLetterTargetArn
      == aws_sqs_queue.undelivered[0].arn
      && aws_sqs_queue.undelivered[0].sqs_managed_sse_enabled
    )
    error_message = "An alert that SNS can't hand over would be lost, or lie unencrypted."
  }

  assert {
    condition = (
      jsondecode(aws_sqs_queue.undelivered[0].policy).Statement[0].Resource
      == "arn:aws:sqs:eu-central-1:123456789012:${aws_sqs_queue.undelivered[0].name}"
      && jsondecode(aws_sqs_queue.undelivered[0].policy).Statement[0].Condition.ArnEquals["aws:SourceArn"]
      == aws_sns_topic.alerts.arn
    )
    error_message = "SNS may not write into the queue, or others may."
  }
}

run "refuses_bad_values" {
  command = plan

  module {
    source = "./modules/notifications"
  }

  variables {
    alert_emails      = ["watch@example.com", "Watch@example.com"]
    operations_emails = ["Operations <operations@example.com>"]
    kms_key_arn       = "alias/aws/sns"
  }

  expect_failures = [var.alert_emails, var.operations_emails, var.kms_key_arn]
}

run "an_ended_run_wakes_the_notifier" {
  command = apply

  module {
    source = "./modules/notifications"
  }

  variables {
    notifier = {
      name  = "trapline-test-notifier"
      alias = "live"
      arn   = "arn:aws:lambda:eu-central-1:123456789012:function:trapline-test-notifier:live"
    }
  }

  assert {
    condition = (
      jsondecode(aws_cloudwatch_event_rule.run_ended[0].event_pattern)
      == {
        source = ["trapline"], detail-type = ["Run ended"], detail = { outcome = [{ "anything-but" = ["skipped"] }] }
      }
      && aws_cloudwatch_event_target.run_ended[0].arn == var.notifier.arn
      && jsondecode(aws_cloudwatch_event_target.run_ended[0].input) == { v = 1, type = "drain" }
    )
    error_message = "The notifier does not hear of an ended run, or gets a message that it would refuse."
  }

  assert {
    condition = (
      aws_lambda_permission.run_ended[0].source_arn == aws_cloudwatch_event_rule.run_ended[0].arn
      && aws_lambda_permission.run_ended[0].qualifier == "live"
      && output.rule == "trapline-test-run-ended"
    )
    error_message = "EventBridge may not call the notifier's alias, or another rule may."
  }
}
