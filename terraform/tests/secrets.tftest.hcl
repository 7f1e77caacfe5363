mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  path        = "trapline-test"
  kms_key_arn = "arn:aws:kms:eu-central-1:123456789012:key/0"
  secrets     = { channels = "Channels of the relay", session-key = "Key of the sessions" }
}

run "secrets_without_values" {
  command = apply

  module {
    source = "./modules/secrets"
  }

  assert {
    condition     = output.names == { channels = "trapline-test/channels", session-key = "trapline-test/session-key" }
    error_message = "A secret is not where the functions look."
  }

  assert {
    condition = alltrue(
      [
        for secret in values(aws_secretsmanager_secret.this) :
        secret.kms_key_id == var.kms_key_arn && secret.recovery_window_in_days == 30
      ]
    )
    error_message = "A secret is not encrypted with the environment's key, or can't be restored."
  }
}

run "refuses_bad_values" {
  command = plan

  module {
    source = "./modules/secrets"
  }

  variables {
    path                 = "/"
    secrets              = { "Session Key" = "no" }
    recovery_window_days = 3
    kms_key_arn          = ""
  }

  expect_failures = [var.path, var.secrets, var.recovery_window_days, var.kms_key_arn]
}
