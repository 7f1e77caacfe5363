# Bad values are refused before anything is asked of AWS.
mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  environment = "test"
  region      = "eu-central-1"
  crawls_file = "tests/fixtures/crawls.yaml"
}

run "bad_values" {
  command = plan

  variables {
    environment           = "Dev"
    region                = "Frankfurt"
    account_id            = "4711"
    crawls_file           = "tests/fixtures/missing.yaml"
    releases              = { browser = { version = "1", digest = "latest" } }
    database_url          = "postgresql://user:hunter2@host/db"
    sizes                 = { browser = {} }
    account_concurrency   = 0
    environment_variables = { SLACK_TOKEN = "xoxb-1" }
    allow_private         = ["10.1.0.0/16:443", "127.0.0.1:https"]
  }

  expect_failures = [
    var.environment, var.region, var.account_id, var.crawls_file, var.releases, var.database_url, var.sizes,
    var.account_concurrency, var.environment_variables, var.allow_private,
  ]
}

run "a_password_in_the_query_and_a_zip_for_two" {
  command = plan

  variables {
    database_url = "postgresql://host/db?password=hunter2"
    network      = { mode = "outside" }
    releases     = { dispatcher = { version = "1", key = "packages/a.zip", sha256 = "AAAA", file = "a.zip" } }
  }

  expect_failures = [var.database_url, var.releases]
}

run "outside_without_a_database_and_an_unquoted_name" {
  command = plan

  variables {
    crawls_file = "tests/fixtures/unquoted.yaml"
    network     = { mode = "outside" }
    releases = {
      dispatcher = {
        version = "1"
        digest  = "sha256:0000000000000000000000000000000000000000000000000000000000000000"
      }
    }
  }

  expect_failures = [var.network, var.releases, var.crawls_file]
}

run "values_that_aws_or_a_module_would_refuse" {
  command = plan

  variables {
    alert_emails      = ["watch"]
    operations_emails = ["Ops <ops@example.com>"]
    architecture      = "arm"
    silence_hours     = 200
    log_days          = 5
    alarms            = "some"
    database          = { instance_class = "t4g.micro", storage_gib = 10, backup_days = 40 }
    network           = { nat = "none", cidr = "10.0.0.0/24", subnet_ids = ["subnet-1"] }
    sizes             = { crawler = { timeout = 901 } }
    waiting_machines  = ["reports"]
    waiting_functions = ["*"]
    bucket            = "Somebody's"
  }

  expect_failures = [
    var.alert_emails, var.operations_emails, var.architecture, var.silence_hours, var.log_days, var.alarms,
    var.database, var.network, var.sizes, var.waiting_machines, var.waiting_functions, var.bucket,
  ]
}

run "production_without_backups" {
  command = plan

  variables {
    environment = "prod"
    database    = { backup_days = 6 }
  }

  expect_failures = [var.database]
}

run "another_partition" {
  command = plan

  variables {
    region = "us-gov-west-1"
  }

  expect_failures = [var.region]
}

run "nothing_kept_for_a_day" {
  command = plan

  variables {
    retention_days = 0
  }

  expect_failures = [var.retention_days]
}

run "a_backstop_that_takes_what_the_ledger_names" {
  command = plan

  variables {
    retention_days       = 90
    expire_days          = { artifacts = 179 }
    notifier_concurrency = 1.5
    ca_certificates_file = "tests/fixtures/crawls.yaml"
  }

  expect_failures = [var.expire_days, var.notifier_concurrency, var.ca_certificates_file]
}

run "a_view_that_is_no_address" {
  command = plan

  variables {
    web_url = "https://trapline.example.com/?page=1"
  }

  expect_failures = [var.web_url]
}

run "production_thrown_away_in_an_unknown_network" {
  command = plan

  variables {
    environment = "prod"
    disposable  = true
    network     = { mode = "public" }
  }

  expect_failures = [var.disposable, var.network]
}
