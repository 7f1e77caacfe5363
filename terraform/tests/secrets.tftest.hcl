mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  path        = "trapline-test"
  kms_key_arn = "arn:aws:kms:eu-central-1:123456789012:key/0"
  secrets     = { channels = "Channels of the relay" }
  parameters  = { session-key = "Key of the sessions" }
}

run "secrets_without_values" {
  command = apply

  module {
    source = "./modules/secrets"
  }

  assert {
    condition = (
      output.names == { channels = "trapline-test/channels" }
      && aws_ssm_parameter.this["session-key"].name == "/trapline-test/session-key"
    )
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

run "a_parameter_whose_value_is_in_no_state" {
  command = apply

  module {
    source = "./modules/secrets"
  }

  assert {
    condition = (
      aws_ssm_parameter.this["session-key"].type == "SecureString"
      && aws_ssm_parameter.this["session-key"].key_id == var.kms_key_arn
      && aws_ssm_parameter.this["session-key"].value_wo_version == 1
    )
    error_message = "The session key is not encrypted, or an apply could write over it."
  }
}

run "with_the_keys_of_aws" {
  command = plan

  module {
    source = "./modules/secrets"
  }

  variables {
    kms_key_arn = null
  }

  assert {
    condition     = aws_ssm_parameter.this["session-key"].type == "SecureString"
    error_message = "The session key is not encrypted."
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
    parameters           = { "Session Key" = "no" }
    recovery_window_days = 3
    kms_key_arn          = ""
  }

  expect_failures = [var.path, var.secrets, var.parameters, var.recovery_window_days, var.kms_key_arn]
}
