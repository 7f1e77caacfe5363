# Without a key of the account's own, with few alarms, and an instance for a way out: as envs/dev.tfvars has it.
mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  environment  = "test"
  region       = "eu-central-1"
  crawls_file  = "tests/fixtures/orchestrated.yaml"
  relay        = true
  customer_key = false
  alarms       = "few"
  network      = { nat = "instance" }
  database     = { backup_days = 0, monitoring_seconds = 0, multi_az = false, deletion_protection = false }
  releases = {
    crawler = {
      version = "0.2.0"
      digest  = "sha256:0000000000000000000000000000000000000000000000000000000000000000"
    }
    dispatcher = { version = "0.1.0", key = "packages/dispatcher/0.zip", sha256 = "AAAA" }
    notifier   = { version = "0.1.0", key = "packages/notifier/0.zip", sha256 = "AAAA" }
    operator   = { version = "0.1.0", key = "packages/operator/0.zip", sha256 = "AAAA" }
  }
}

run "everything_with_the_keys_of_aws" {
  command = apply

  assert {
    condition = (
      length(module.key) == 0
      && join(" ", keys(output.functions)) == "crawler dispatcher durable notifier operator reader relay"
    )
    error_message = "A key is made, and paid, or a function is not there without one."
  }

  assert {
    condition     = alltrue([for function in values(module.function) : !strcontains(function.policy, "kms:")])
    error_message = "A role names a key that is not there."
  }

  assert {
    condition = (
      (!strcontains(module.schedules[0].policy, "kms:"))
      && alltrue([for policy in values(module.orchestration[0].policies) : !strcontains(policy, "kms:")])
    )
    error_message = "The schedules' or a machine's role names a key that is not there."
  }

  assert {
    condition     = !strcontains(module.function["durable"].template, "KmsKeyArn")
    error_message = "The durable function's stack names a key that is not there."
  }

  assert {
    condition     = length(module.alarms.alarms) == 10
    error_message = "There are more than ten alarms, or fewer: ${join(" ", keys(module.alarms.alarms))}."
  }

  assert {
    condition = (
      module.function["crawler"].environment.TRAPLINE_SESSION_KEY_PARAMETER == "/trapline-test/session-key"
      && [for name, function in module.function : name if strcontains(function.policy, "ssm:PutParameter")]
      == ["operator"]
      && [for name, function in module.function : name if strcontains(function.policy, "ssm:GetParameter")]
      == ["crawler", "durable", "operator"]
    )
    error_message = "The session key is not where crawler and operator look, or another function reads or writes it."
  }
}

run "a_tick_that_never_sleeps" {
  command = plan

  variables {
    tick_sleeps = false
  }

  assert {
    condition = alltrue([for function in values(module.function) :
      (!strcontains(function.policy, "scheduler:"))
      && (!strcontains(function.policy, "iam:"))
      && !contains(keys(function.environment), "TRAPLINE_TICK")
    ])
    error_message = "Somebody switches, or may switch, a tick that is to come each minute."
  }
}
