# The plan warns of what would start and then not fit. The fixture's lanes that are used allow 22 crawlers at once.
mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  environment = "test"
  region      = "eu-central-1"
  crawls_file = "tests/fixtures/crawls.yaml"
}

run "fits_an_account_with_a_thousand_executions" {
  command = plan

  assert {
    condition     = local.invocations_cap == 22 && output.capacity.account == 1000
    error_message = "Only lanes that a crawl uses count, a lane without a cap has 20: ${local.invocations_cap}."
  }
}

run "does_not_fit_a_new_account" {
  command = plan

  variables {
    account_concurrency = 10
  }

  expect_failures = [check.executions]
}

run "does_not_fit_what_is_reserved" {
  command = plan

  variables {
    sizes = { crawler = { reserved_concurrency = 21 } }
  }

  expect_failures = [check.executions]
}

run "refuses_to_reserve_what_aws_keeps_free" {
  command = plan

  variables {
    account_concurrency = 150
    sizes               = { crawler = { reserved_concurrency = 51 } }
  }

  expect_failures = [output.capacity]
}

run "does_not_fit_the_database" {
  command = apply

  variables {
    crawls_file = "tests/fixtures/many.yaml"
  }

  expect_failures = [check.connections]
}

run "names_a_lane_that_is_not_there" {
  command = plan

  variables {
    crawls_file = "tests/fixtures/lane.yaml"
  }

  expect_failures = [check.lanes]
}
