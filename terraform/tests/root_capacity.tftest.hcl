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

run "lanes_that_fit_keep_their_caps" {
  command = plan

  assert {
    condition = (
      local.lanes_at_most == null && local.measured_environment.dispatcher["TRAPLINE_LANES_AT_MOST"] == ""
    )
    error_message = "A cap of a lane is lowered for nothing."
  }
}

run "notifiers_have_places_of_their_own" {
  command = plan

  assert {
    condition     = local.sizes["notifier"].reserved_concurrency == 3 && output.capacity.reserved == 3
    error_message = "Runs that end together could take every execution of the account, or alerts wait for crawlers."
  }
}

run "notifiers_have_no_fewer_than_asked_for" {
  command = plan

  variables {
    notifier_concurrency = 2
    sizes                = { notifier = { memory_mib = 512 } }
  }

  assert {
    condition     = local.sizes["notifier"].reserved_concurrency == 2
    error_message = "notifier_concurrency is not what is reserved."
  }
}

run "sizes_say_it_before_the_usual" {
  command = plan

  variables {
    sizes = { notifier = { reserved_concurrency = 7 } }
  }

  assert {
    condition     = local.sizes["notifier"].reserved_concurrency == 7
    error_message = "What sizes reserves for the notifier is lost."
  }
}

run "nothing_is_reserved_where_aws_would_refuse_it" {
  command = plan

  variables {
    account_concurrency = 103
    sizes               = { relay = { reserved_concurrency = 1 } }
  }

  assert {
    condition     = local.sizes["notifier"].reserved_concurrency == null && output.capacity.reserved == 1
    error_message = "An apply would fail: AWS keeps 100 executions free."
  }
}

run "refuses_to_reserve_in_a_new_account" {
  command = plan

  variables {
    crawls_file          = "tests/fixtures/few.yaml"
    account_concurrency  = 10
    notifier_concurrency = 1
  }

  expect_failures = [output.capacity]
}

run "a_new_account_needs_no_setting" {
  command = plan

  variables {
    crawls_file         = "tests/fixtures/few.yaml"
    account_concurrency = 10
  }

  assert {
    condition     = local.sizes["notifier"].reserved_concurrency == null && output.capacity.reserved == 0
    error_message = "A new account allows 10 executions, and AWS reserves none of them."
  }
}

run "does_not_fit_a_new_account" {
  command = plan

  variables {
    account_concurrency = 10
  }

  expect_failures = [check.executions]
}

run "lanes_are_held_to_what_a_new_account_allows" {
  command = plan

  variables {
    account_concurrency = 10
  }

  expect_failures = [check.executions]

  assert {
    condition = (
      local.lanes_at_most == 2
      && local.measured_environment.dispatcher["TRAPLINE_LANES_AT_MOST"] == "2"
      && local.lanes_at_most * length(local.used_lanes) + local.other_executions <= 10
    )
    error_message = "Crawlers would take the places of dispatcher and notifier: ${coalesce(local.lanes_at_most, 0)}."
  }
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
