# The state of an environment that the last release made, in ./before, and what today's root would do to it. The
# settings are those that each release's dev.tfvars has.
mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  environment         = "dev"
  region              = "eu-central-1"
  disposable          = true
  account_concurrency = 1000
  database            = { multi_az = false, deletion_protection = false, apply_immediately = true }
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

run "before" {
  command   = apply
  state_key = "environment"

  module {
    source = "./before"
  }
}

run "as_the_page_says" {
  command   = plan
  state_key = "environment"

  variables {
    bucket       = "trapline-dev-123456789012"
    customer_key = true
    alarms       = "few"
    network      = { nat = "instance" }
  }
}

run "unprepared" {
  command   = plan
  state_key = "environment"

  variables {
    customer_key = false
  }
}
