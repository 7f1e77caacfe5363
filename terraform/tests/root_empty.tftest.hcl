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
}
