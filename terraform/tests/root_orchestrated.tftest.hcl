# A crawls.yaml with a lane of each orchestrator: machines, queues, the durable function, and who may do what.
mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  environment       = "test"
  region            = "eu-central-1"
  crawls_file       = "tests/fixtures/orchestrated.yaml"
  waiting_machines  = ["arn:aws:states:eu-central-1:123456789012:stateMachine:reports"]
  waiting_functions = ["arn:aws:lambda:eu-central-1:123456789012:function:weekly"]
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

run "what_the_lanes_ask_for" {
  command = apply

  assert {
    condition = (
      join(" ", keys(output.machines)) == "run wave"
      && join(" ", keys(module.orchestration[0].queues)) == "fragile licence"
      && contains(keys(output.functions), "durable")
    )
    error_message = "A lane has no machine, no queue or no function."
  }

  assert {
    condition = {
      for name, schedule in output.schedules : name => schedule.target
      } == {
      own  = module.function["dispatcher"].alias_arn
      long = module.function["dispatcher"].alias_arn
      many = module.orchestration[0].machines["run"]
      few  = module.orchestration[0].machines["run"]
    }
    error_message = "A tick of a lane of Step Functions goes past the machine, or another to it."
  }

  assert {
    condition = (
      strcontains(output.schedules["many"].input, "\"scheduled_for\":\"<aws.scheduler.scheduled-time>\"")
      && jsondecode(output.schedules["many"].input).crawl == "many"
    )
    error_message = "The machine does not hear which crawl, or for when."
  }

  assert {
    condition = (
      length(setsubtract(
        [
          "wave-failed",
          "wave-timed-out",
          "wave-throttled",
          "lane-fragile",
          "lane-fragile-undelivered",
          "lane-licence",
          "lane-licence-undelivered",
          "wave-ended-undelivered",
          "run-ended-undelivered",
          "durable-errors",
          "durable-failures",
          "durable-dead-letters",
        ],
        keys(module.alarms.alarms)
      )) == 0
    )
    error_message = "A machine, a queue, a rule or the durable function goes unnoticed."
  }

  assert {
    condition = (
      { for name, mapping in aws_lambda_event_source_mapping.failures : name => mapping.function_name }
      == { for name in ["crawler", "durable"] : name => module.function["dispatcher"].alias_arn }
    )
    error_message = "The dispatcher does not learn which crawlers Lambda gave up on."
  }
}

run "who_may_do_what" {
  command = plan # what the run above made is still there

  assert {
    condition = alltrue([for name, function in module.function :
      strcontains(function.policy, "events:PutEvents") == contains(["crawler", "dispatcher", "durable"], name)
      && strcontains(function.policy, "states:SendTaskSuccess") == contains(["crawler", "dispatcher", "durable"], name)
    ])
    error_message = "Who ends a run can't tell it or answer who waits for it, or another may."
  }

  assert {
    condition = alltrue([for name, function in module.function :
      strcontains(function.policy, "states:StartExecution") == (name == "dispatcher")
      && strcontains(function.policy, "/waves/*") == (name == "dispatcher")
      && strcontains(function.policy, "function:trapline-test-durable:live") == (name == "dispatcher")
      && strcontains(function.policy, "lambda:CheckpointDurableExecution") == (name == "durable")
    ])
    error_message = "The dispatcher can't start a wave or call the durable function, or another may."
  }

  assert {
    condition = [
      for statement in jsondecode(module.function["dispatcher"].policy).Statement : join(" ", statement.Resource)
      if statement.Sid == "Starts"
    ] == ["arn:aws:states:eu-central-1:123456789012:stateMachine:trapline-test-wave"]
    error_message = "The dispatcher may start other machines."
  }

  assert {
    condition = [
      for statement in jsondecode(module.function["crawler"].policy).Statement : join(" ", statement.Resource)
      if statement.Sid == "Answers"
      ] == [join(" ", concat(
        [local.machine_arn["wave"], "${local.machine_arn["wave"]}/*", local.machine_arn["run"]],
        var.waiting_machines
    ))]
    error_message = "A task token that Trapline was given can't be answered, or any may be."
  }

  assert {
    condition = [
      for statement in jsondecode(module.function["dispatcher"].policy).Statement : join(" ", statement.Resource)
      if statement.Sid == "Callbacks"
    ] == ["arn:aws:lambda:eu-central-1:123456789012:function:weekly:*"]
    error_message = "A callback of a durable function that waits can't be answered, or any may be."
  }

  assert {
    condition = anytrue([for statement in jsondecode(module.function["crawler"].policy).Statement :
      statement.Sid == "LaneQueues" && length(statement.Resource) == 2
    ])
    error_message = "Lambda can't take calls from the lanes' queues in the crawler's name."
  }

  assert {
    condition = (
      module.function["dispatcher"].environment.TRAPLINE_WAVE_MACHINE == local.machine_arn["wave"]
      && endswith(module.function["dispatcher"].environment.TRAPLINE_WAVES, "/waves")
      && module.function["dispatcher"].environment.TRAPLINE_BUS == "default"
      && module.function["dispatcher"].environment.TRAPLINE_DURABLE_FUNCTION == local.function_arn["durable"]
      && module.function["crawler"].environment.TRAPLINE_ANSWERS == "1"
      && module.function["durable"].environment == module.function["crawler"].environment
    )
    error_message = "A service does not learn what it is to start, to call or to answer."
  }

  assert {
    condition = alltrue(flatten([for function in values(module.function) : [
      for statement in jsondecode(function.policy).Statement :
      (!contains(flatten([statement.Resource]), "*"))
      || contains(["NetworkInterfaces", "NetworkInterfacesNotFromCode"], statement.Sid)
    ]]))
    error_message = "A role has a wildcard that has no reason."
  }
}

run "without_such_a_lane" {
  command = plan

  variables {
    crawls_file       = "tests/fixtures/crawls.yaml"
    waiting_machines  = []
    waiting_functions = []
  }

  assert {
    condition = (
      output.machines == {}
      && (!contains(keys(local.made), "durable"))
      && (!contains(keys(local.functions.dispatcher.environment), "TRAPLINE_WAVE_MACHINE"))
      && (!contains(keys(local.functions.crawler.environment), "TRAPLINE_ANSWERS"))
      && local.functions.crawler.environment.TRAPLINE_BUS == "default"
    )
    error_message = "Machines or a durable function are made that no lane asked for, or nobody is told of ended runs."
  }
}
