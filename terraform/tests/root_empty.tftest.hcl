# The first apply in an empty account: everything but the functions, whose code is not there yet.
mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  environment = "test"
  region      = "eu-central-1"
  crawls_file = "tests/fixtures/crawls.yaml"
}

run "no_function_without_a_release" {
  command = apply

  assert {
    condition     = output.functions == {} && output.schedules == null
    error_message = "A function, or a schedule that calls one, exists before its code."
  }

  assert {
    condition     = output.image_repository != null && output.bucket != ""
    error_message = "What the first release needs is not there."
  }

  assert {
    condition = (
      length(module.alarms.alarms) == 3
      && alltrue([for key in keys(module.alarms.alarms) : startswith(key, "database-")])
    )
    error_message = "Only the database is there to be watched."
  }
}

run "a_release_at_a_time" {
  command = plan

  variables {
    releases = {
      notifier = { version = "0.1.0", key = "packages/notifier/0.zip", sha256 = "AAAA" }
    }
  }

  assert {
    condition     = join(" ", keys(local.made)) == "notifier" && length(aws_lambda_event_source_mapping.failures) == 0
    error_message = "A service that was not released is made, or one that was is not."
  }
}
