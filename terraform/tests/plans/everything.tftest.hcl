# No test by itself: what an environment's settings make, planned whole for tests/integration/terraform/conftest.py,
# which gives the environment's file of variables.
mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
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

run "plan" {
  command = plan
}
