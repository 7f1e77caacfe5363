# The whole system of a given crawls.yaml: every function with its queues and alarms, every crawl with its schedule.
mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  environment   = "test"
  region        = "eu-central-1"
  crawls_file   = "tests/fixtures/crawls.yaml"
  alert_emails  = ["watch@example.com"]
  relay         = true
  web_url       = "https://trapline.example.com/view"
  allow_private = ["10.1.0.0/16:443", "192.168.0.7:80", "[::1]:8080", "[fd12::/16]:443", "10.2.0.0/16", "fd13::/16"]
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

run "everything" {
  command = apply

  assert {
    condition     = join(" ", keys(output.functions)) == "crawler dispatcher notifier operator reader relay"
    error_message = "A function is missing."
  }

  assert {
    condition = alltrue(flatten([for function in keys(output.functions) : [
      for kind in [
        "errors",
        "throttles",
        "duration",
        "failures",
        "dead-letters",
      ] : contains(keys(module.alarms.alarms), "${function}-${kind}")
    ]]))
    error_message = "A function has no alarm of each kind, or no failure queue or dead-letter queue that one watches."
  }

  assert {
    condition = (
      length(
        setsubtract(
          [
            "ticks-failed",
            "ticks-dropped",
            "ticks-missed",
            "relay-undelivered",
            "silence",
            "faults",
            "run-ended-undelivered",
            "database-storage",
            "database-cpu",
            "database-connections",
          ],
          keys(module.alarms.alarms)
        )
      )
      == 0
    )
    error_message = "Schedules, undelivered alerts, the database or silence go unnoticed."
  }

  assert {
    condition = (
      {
        for name, function in module.function :
        name => "${function.invoke.retries} ${function.invoke.max_event_age} ${function.invoke.qualifier}"
      }
      == {
        crawler    = "0 300 live"
        dispatcher = "2 21600 live"
        notifier   = "2 21600 live"
        operator   = "0 300 live"
        reader     = "0 300 live"
        relay      = "2 21600 live"
      }
    )
    error_message = "Events are repeated or kept otherwise than the design says."
  }

  assert {
    condition = (
      length(aws_lambda_event_source_mapping.failures) == 1
      && aws_lambda_event_source_mapping.failures["crawler"].function_name == module.function["dispatcher"].alias_arn
    )
    error_message = "The dispatcher does not learn which crawlers Lambda gave up on."
  }

  assert {
    condition = (
      {
        for name, one in output.schedules :
        name => "${one.expression} ${one.timezone} ${one.state} ${one.window.mode}"
      }
      == {
        own      = "cron(0 8 ? * MON-FRI *) America/Chicago ENABLED OFF"
        inherits = "rate(6 hours) Europe/Berlin ENABLED FLEXIBLE"
        paused   = "at(2030-01-31T08:00:00) Europe/Berlin DISABLED FLEXIBLE"
      }
    )
    error_message = "The schedules are not those of crawls.yaml with its defaults."
  }

  assert {
    condition = (
      output.schedules["inherits"].window.maximum_window_in_minutes == 5
      && output.schedules["paused"].window.maximum_window_in_minutes == 60
    )
    error_message = "Jitter is not what crawls.yaml says."
  }

  assert {
    condition = alltrue(
      [for one in values(output.schedules) : one.target == module.function["dispatcher"].alias_arn]
    )
    error_message = "A tick goes past the dispatcher's alias."
  }
}

run "artifacts_go_with_the_ledger" {
  command = plan

  assert {
    condition = (
      local.artifact_backstop == 180
      && local.functions["dispatcher"].environment["TRAPLINE_ARTIFACT_BACKSTOP_DAYS"] == "180"
      && local.functions["dispatcher"].environment["TRAPLINE_RETENTION_DAYS"] == "90"
    )
    error_message = "S3's own rule is no backstop at twice retention_days, or the tick does not know it."
  }
}

run "own_authorities_are_trusted_where_pages_are_fetched" {
  command = plan

  variables {
    ca_certificates_file = "tests/fixtures/authority.pem"
  }

  assert {
    condition = (
      [for name, function in local.functions : name if can(function.environment["TRAPLINE_CA_CERTIFICATES"])]
      == ["crawler", "dispatcher"]
    )
    error_message = "Who fetches for pages does not know the authorities, or others do."
  }
}

run "artifacts_of_runs_that_are_kept_for_ever_stay" {
  command = plan

  variables {
    retention_days = null
    expire_days    = { artifacts = 60 }
  }

  assert {
    condition     = local.artifact_backstop == 60
    error_message = "The tick puts again what is half as old; any backstop does."
  }
}

run "least_privilege" {
  command = plan # what the run above made is still there

  assert {
    condition = alltrue(flatten([for function in values(module.function) : [
      for statement in jsondecode(function.policy).Statement :
      alltrue([for action in flatten([statement.Action]) : !strcontains(action, "*")])
      && (
        (!contains(flatten([statement.Resource]), "*"))
        || contains(["NetworkInterfaces", "NetworkInterfacesNotFromCode"], statement.Sid)
      )
    ]]))
    error_message = "A role has a wildcard that has no reason."
  }

  assert {
    condition = {
      for name, function in module.function : name => join(" ", sort(flatten([
        for statement in jsondecode(function.policy).Statement : [
          for action in flatten([statement.Action]) : action if startswith(action, "s3:")
        ] if anytrue([for arn in flatten([statement.Resource]) : endswith(arn, "/artifacts/*")])
      ])))
      } == {
      crawler    = "s3:GetObject s3:PutObject"
      dispatcher = "s3:DeleteObjectVersion s3:GetObject s3:GetObjectVersion s3:PutObject"
      notifier   = ""
      operator   = "s3:GetObject"
      reader     = "s3:GetObject"
      relay      = ""
    }
    error_message = "A function may do more, or less, with artifacts than it needs."
  }

  assert {
    condition = alltrue(flatten([for function in values(module.function) : [
      for statement in jsondecode(function.policy).Statement :
      try(statement.Condition.StringLike["s3:prefix"] == "artifacts/*", false)
      if anytrue([for action in flatten([statement.Action]) : startswith(action, "s3:ListBucket")])
    ]]))
    error_message = "A function may list more of the bucket than its artifacts."
  }

  assert {
    condition = alltrue(flatten([for function in values(module.function) : [
      for statement in jsondecode(function.policy).Statement :
      (!contains(flatten([statement.Action]), "lambda:InvokeFunction"))
      || alltrue([for arn in flatten([statement.Resource]) : length(regexall("-(operator|reader)", arn)) == 0])
    ]]))
    error_message = "A service may call the operator function, or the reader."
  }

  assert {
    condition = (
      join(" ", sort([for statement in jsondecode(module.function["reader"].policy).Statement : statement.Sid]))
      == "Environment Failures Ledger Logs NetworkInterfaces NetworkInterfacesNotFromCode Pictures"
      && join(" ", keys(module.function["reader"].environment))
      == "DATABASE_URL TRAPLINE_ARTIFACTS TRAPLINE_DATABASE_AUTH"
    )
    error_message = "Who may only look can do, or knows, more than to read the ledger and the artifacts."
  }

  assert {
    condition = {
      for name, function in module.function : name => {
        for statement in jsondecode(function.policy).Statement : statement.Sid => [
          join(" ", flatten([statement.Action])), join(" ", flatten([statement.Resource])),
          jsonencode(try(statement.Condition, null)),
        ] if startswith(statement.Sid, "Tick")
      } if strcontains(function.policy, "scheduler:") || strcontains(function.policy, "iam:")
      } == {
      for name in ["dispatcher", "operator"] : name => {
        Tick = [
          "scheduler:GetSchedule scheduler:UpdateSchedule",
          "arn:aws:scheduler:eu-central-1:123456789012:schedule/trapline-test/_reap", "null",
        ]
        TickKey = [
          "kms:Decrypt kms:DescribeKey kms:GenerateDataKey", module.key[0].arn,
          jsonencode({ StringEquals = { "kms:ViaService" = "scheduler.eu-central-1.amazonaws.com" } }),
        ]
        TickRole = [
          "iam:PassRole", "arn:aws:iam::123456789012:role/trapline-test-scheduler-eu-central-1",
          jsonencode({ StringEquals = { "iam:PassedToService" = "scheduler.amazonaws.com" } }),
        ]
      }
    }
    error_message = "Who makes work can't switch the minute's tick on, or another may, or may switch more than that."
  }

  assert {
    condition = (
      module.function["dispatcher"].environment["TRAPLINE_TICK"] == module.schedules[0].tick
      && module.function["operator"].environment["TRAPLINE_TICK"] == module.schedules[0].tick
    )
    error_message = "They know another schedule than the tick's."
  }

  assert {
    condition = alltrue([for name, function in module.function :
      anytrue([for statement in jsondecode(function.policy).Statement :
        contains(flatten([statement.Action]), "lambda:InvokeFunction")
        && anytrue([for arn in flatten([statement.Resource]) : strcontains(arn, "-relay")])
      ]) == (name == "notifier")
    ])
    error_message = "The notifier may not ask the relay, or another may."
  }

  assert {
    condition = alltrue([for name, function in module.function :
      join(" ", sort(flatten(regexall("dbuser:[^/\"]+/([a-z_]+)", function.policy))))
      == lookup({ relay = "", operator = "trapline_admin trapline_operator" }, name, "trapline_${name}")
    ])
    error_message = "A function may log into Postgres as another's role, or can't as its own."
  }

  assert {
    condition = alltrue(
      [for name, function in module.function : strcontains(function.policy, "sns:Publish") == (name == "notifier")]
    )
    error_message = "Only the notifier publishes."
  }

  assert {
    condition = alltrue([for name, function in module.function :
      # A crawl's headers go with its sitemap, which the dispatcher reads
      strcontains(function.policy, "/crawl/*") == contains(["crawler", "dispatcher"], name)
      && strcontains(function.policy, "/relay/*") == (name == "relay")
    ])
    error_message = "A function reads secrets that are another's."
  }

  assert {
    condition = alltrue([for statement in jsondecode(module.function["crawler"].policy).Statement :
      !strcontains(jsonencode(statement.Action), "s3:") || (
        jsonencode(statement.Action) == jsonencode(["s3:PutObject", "s3:GetObject"])
        && alltrue([for arn in flatten([statement.Resource]) : endswith(arn, "/artifacts/*")])
      )
    ])
    error_message = "The crawler does more in the bucket than write and read artifacts: it may list nothing."
  }

  assert {
    condition = alltrue(
      [for name, function in module.function : strcontains(function.policy, "secret:rds-db") == (name == "operator")]
    )
    error_message = "A service reads the administrator's password."
  }

  assert {
    condition     = alltrue([for name, function in module.function : function.in_vpc == (name != "relay")])
    error_message = "What needs the database must be in the VPC, and nothing else."
  }
}

run "configured_as_the_services_read_it" {
  command = plan # what the run above made is still there

  assert {
    condition = alltrue([for name, wanted in {
      dispatcher = [
        "DATABASE_URL",
        "TRAPLINE_CONFIG",
        "TRAPLINE_ARTIFACTS",
        "TRAPLINE_CRAWLER_FUNCTION",
        "TRAPLINE_NOTIFIER_FUNCTION",
        "TRAPLINE_SECRETS_PREFIX",
      ]
      crawler = [
        "DATABASE_URL",
        "TRAPLINE_ARTIFACTS",
        "TRAPLINE_DISPATCHER_FUNCTION",
        "TRAPLINE_NOTIFIER_FUNCTION",
        "TRAPLINE_SECRETS_PREFIX",
        "TRAPLINE_SESSION_KEY_PARAMETER",
      ]
      notifier = [
        "DATABASE_URL",
        "TRAPLINE_TOPIC_ARN",
        "TRAPLINE_OPERATIONS_TOPIC_ARN",
        "TRAPLINE_RELAY_FUNCTION",
      ]
      relay = ["TRAPLINE_CHANNELS_SECRET", "TRAPLINE_SECRET_PREFIX"]
      operator = [
        "DATABASE_URL",
        "TRAPLINE_ADMIN_SECRET",
        "TRAPLINE_CONFIG",
        "TRAPLINE_ARTIFACTS",
        "TRAPLINE_DISPATCHER_FUNCTION",
        "TRAPLINE_NOTIFIER_FUNCTION",
        "TRAPLINE_SESSION_KEY_PARAMETER",
      ]
      reader = ["DATABASE_URL", "TRAPLINE_ARTIFACTS"]
    } : length(setsubtract(wanted, keys(module.function[name].environment))) == 0])
    error_message = "A service would refuse to start for want of a setting."
  }

  assert {
    condition = (
      module.function["dispatcher"].environment.TRAPLINE_CRAWLER_FUNCTION
      == "arn:aws:lambda:eu-central-1:123456789012:function:trapline-test-crawler:live"
    )
    error_message = "The dispatcher calls past the crawler's alias."
  }

  assert {
    condition = alltrue([for name in ["crawler", "dispatcher", "notifier", "operator", "reader"] :
      startswith(module.function[name].environment.DATABASE_URL, "postgresql://trapline_${name}@")
      && strcontains(module.function[name].environment.DATABASE_URL, "sslmode=verify-full&sslrootcert=")
    ])
    error_message = (
      "A service logs in with a password, as another's role, or without checking the server's certificate."
    )
  }

  assert {
    condition = alltrue([for name, function in module.function :
      lookup(function.environment, "TRAPLINE_WEB_URL", "none")
      == (contains(["notifier", "operator"], name) ? "https://trapline.example.com/view" : "none")
      && lookup(function.environment, "TRAPLINE_ENVIRONMENT", "none")
      == (contains(["notifier", "operator"], name) ? "test" : "none")
    ])
    error_message = "Alerts, or what commands print, do not link to the web view, or another function knows of it."
  }

  assert {
    condition     = module.function["dispatcher"].environment.TRAPLINE_UNEXPANDED_TICKS != "database-minute"
    error_message = "On AWS a tick without its time must be refused."
  }
}
