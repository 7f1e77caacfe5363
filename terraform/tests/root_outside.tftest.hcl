# A Postgres that is there already, as on the local AWS: the address is the administrator's, and services log in as
# themselves.
mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  environment         = "test"
  region              = "us-east-1"
  crawls_file         = "tests/fixtures/crawls.yaml"
  account_concurrency = 1000
  network             = { mode = "outside" }
  database_url        = "postgresql://postgres@/postgres?host=/run/postgresql"
  releases = {
    crawler    = { version = "0.1.0", key = "packages/crawler/0.zip", sha256 = "AAAA" }
    dispatcher = { version = "0.1.0", key = "packages/dispatcher/0.zip", sha256 = "AAAA" }
    notifier   = { version = "0.1.0", key = "packages/notifier/0.zip", sha256 = "AAAA" }
    operator   = { version = "0.1.0", key = "packages/operator/0.zip", sha256 = "AAAA" }
  }
}

run "each_as_itself" {
  command = apply

  assert {
    condition = alltrue([for name in ["crawler", "dispatcher", "notifier", "operator", "reader"] :
      module.function[name].environment.DATABASE_URL == "postgresql://trapline_${name}@/postgres?host=/run/postgresql"
    ])
    error_message = "A service logs in as another role than its own."
  }

  assert {
    condition = (
      join(
        " ",
        [
          for name, function in module.function :
          "${name} ${function.environment.TRAPLINE_ADMIN_URL}"
          if can(function.environment.TRAPLINE_ADMIN_URL)
        ]
      )
      == "operator postgresql://postgres@/postgres?host=/run/postgresql"
    )
    error_message = "The operator alone knows the administrator."
  }
}

run "an_address_without_a_user" {
  command = apply

  variables {
    database_url = "postgres://db.example/ledger"
  }

  assert {
    condition = (
      module.function["notifier"].environment.DATABASE_URL
      == "postgres://trapline_notifier@db.example/ledger"
    )
    error_message = "The role was not put in."
  }
}

run "on_an_emulator" {
  command = plan

  variables {
    local_aws = true
  }

  assert {
    condition = (
      length(module.image_repository) == 0
      && module.function["dispatcher"].environment.TRAPLINE_UNEXPANDED_TICKS == "database-minute"
    )
    error_message = "An emulator gets a repository of images, which it can't run, or refuses the ticks that it fires."
  }
}
