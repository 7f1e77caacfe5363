mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  name       = "trapline-test"
  log_groups = ["/aws/lambda/trapline-test-*"]
}

run "rotated_and_open_to_those_who_need_it" {
  command = apply

  module {
    source = "./modules/key"
  }

  assert {
    condition     = aws_kms_key.this.enable_key_rotation && aws_kms_key.this.deletion_window_in_days == 30
    error_message = "The key is not rotated, or can't be restored for 30 days."
  }

  assert {
    condition = anytrue([for statement in jsondecode(output.policy).Statement :
      try(statement.Principal.Service, "") == "cloudwatch.amazonaws.com"
      && try(toset(statement.Action) == toset(["kms:Decrypt", "kms:GenerateDataKey*"]), false)
      && try(statement.Condition.StringEquals["aws:SourceAccount"] == "123456789012", false)
    ])
    error_message = "CloudWatch can't publish alarms to a topic with this key, or another account's can."
  }

  assert {
    condition = [for statement in jsondecode(output.policy).Statement :
      statement.Condition.ArnLike["kms:EncryptionContext:aws:logs:arn"] if statement.Sid == "Logs"
    ][0] == ["arn:aws:logs:eu-central-1:123456789012:log-group:/aws/lambda/trapline-test-*"]
    error_message = "The key encrypts other log groups than those named."
  }

  assert {
    condition = alltrue([for statement in jsondecode(output.policy).Statement :
      statement.Principal != "*" && (statement.Action != "kms:*" || statement.Sid == "Account")
    ])
    error_message = "The key's policy is wider than the account."
  }
}

run "refuses_bad_values" {
  command = plan

  module {
    source = "./modules/key"
  }

  variables {
    name                 = "Trapline"
    log_groups           = ["*"]
    deletion_window_days = 1
  }

  expect_failures = [var.name, var.log_groups, var.deletion_window_days]
}
