# The functions by name: what each runs, finds in its environment and may do. This file puts names and ARNs of what
# functions call together instead of reading them from the modules, because dispatcher and crawler call each other.
locals {
  alias = "live"
  function_arn = {
    for name in local.names :
    name => "arn:${local.partition}:lambda:${var.region}:${local.account}:function:${local.name}-${name}:${local.alias}"
  }
  names       = toset(["crawler", "dispatcher", "durable", "notifier", "operator", "reader", "relay"])
  secret_path = "arn:${local.partition}:secretsmanager:${var.region}:${local.account}:secret:${local.name}"
  failures_arns = [
    for name in concat(["crawler"], local.durable ? ["durable"] : []) :
    "arn:${local.partition}:sqs:${var.region}:${local.account}:${local.name}-${name}-failures"
  ]

  # Every service logs into Postgres as a role of its own, on RDS with an IAM token for a password.
  logged_in = ["crawler", "dispatcher", "notifier", "operator", "reader"]
  on_rds    = var.database_url == null
  database_url = {
    for name in local.logged_in :
    name => (
      local.on_rds
      ? join("", [
        "postgresql://trapline_${name}@",
        module.database[0].address,
        ":5432/trapline?sslmode=verify-full&sslrootcert=/var/task/rds-ca.pem",
      ])
      : replace(var.database_url, "/^(postgres(?:ql)?://)(?:[^/@]*@)?/", "$${1}trapline_${name}@")
    )
  }
  database_users = "arn:${local.partition}:rds-db:${var.region}:${local.account}:dbuser"
  log_in = { for name in local.logged_in : name => local.on_rds ? {
    Ledger = {
      actions   = ["rds-db:connect"]
      resources = ["${local.database_users}:${module.database[0].resource_id}/trapline_${name}"]
    }
  } : {} }
  trusted = {
    for file in var.ca_certificates_file[*] : "TRAPLINE_CA_CERTIFICATES" => file(file)
  }
  write_encrypted = { actions = ["kms:GenerateDataKey"], resources = local.key_arn[*] } # none without a key of ours

  # Who makes work switches the minute's tick on before, and the dispatcher lets it sleep again.
  tick_environment = var.tick_sleeps ? { TRAPLINE_TICK = "${local.name}/_reap" } : {}
  switch_tick = {
    for sid, statement in {
      Tick = {
        actions    = ["scheduler:GetSchedule", "scheduler:UpdateSchedule"]
        resources  = ["arn:${local.partition}:scheduler:${var.region}:${local.account}:schedule/${local.name}/_reap"]
        conditions = null
      }
      TickRole = { # an update hands the schedule's role over again
        actions    = ["iam:PassRole"]
        resources  = ["arn:${local.partition}:iam::${local.account}:role/${local.name}-scheduler-${var.region}"]
        conditions = { StringEquals = { "iam:PassedToService" = "scheduler.amazonaws.com" } }
      }
      TickKey = {
        actions    = ["kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey"]
        resources  = local.key_arn[*]
        conditions = { StringEquals = { "kms:ViaService" = "scheduler.${var.region}.amazonaws.com" } }
      }
    } : sid => statement if var.tick_sleeps
  }

  # What the texts of alerts and of commands link to, or name the command of.
  web_view = merge(
    { TRAPLINE_ENVIRONMENT = var.environment },
    var.web_url == null ? {} : { TRAPLINE_WEB_URL = var.web_url },
  )

  shared_environment = merge(var.environment_variables, local.on_rds ? { TRAPLINE_DATABASE_AUTH = "iam" } : {})
  artifacts_url      = "s3://${module.storage.bucket}/artifacts"

  services = {
    reader = local.reader

    dispatcher = {
      description = "Opens runs, counts, invokes crawlers, rescues what got stuck"
      handler     = "trapline_dispatcher.handler.handler"
      group       = "web" # it fetches sitemaps
      size        = { memory_mib = 512, timeout = 300, scratch_mib = 512 }
      events      = { retries = 2, max_event_age = 21600 }
      environment = merge(local.dispatcher_environment, local.trusted, local.tick_environment, {
        DATABASE_URL               = local.database_url["dispatcher"]
        TRAPLINE_CONFIG            = module.storage.config_url
        TRAPLINE_ARTIFACTS         = local.artifacts_url
        TRAPLINE_RUNS              = "s3://${module.storage.bucket}/runs"
        TRAPLINE_CRAWLER_FUNCTION  = local.function_arn["crawler"]
        TRAPLINE_NOTIFIER_FUNCTION = local.function_arn["notifier"]
        TRAPLINE_ALLOW_PRIVATE     = join(",", var.allow_private)
        TRAPLINE_RETENTION_DAYS    = var.retention_days == null ? "" : tostring(var.retention_days)

        TRAPLINE_ARTIFACT_BACKSTOP_DAYS = tostring(local.artifact_backstop)

        TRAPLINE_UNEXPANDED_TICKS = var.local_aws ? "database-minute" : "refused"
        TRAPLINE_SECRETS_PREFIX   = "${local.name}/crawl/"
        TRAPLINE_SIGNS_OF_LIFE    = var.silence_hours == null ? "" : "1"
      })
      statements = merge(local.log_in["dispatcher"], local.dispatcher_statements, local.switch_tick, {
        Call = {
          actions   = ["lambda:InvokeFunction"]
          resources = [local.function_arn["crawler"], local.function_arn["notifier"]]
        }
        Config = { actions = ["s3:GetObject"], resources = ["${module.storage.arn}/config/crawls.yaml"] }
        Secrets = { # what a sitemap is fetched with
          actions   = ["secretsmanager:GetSecretValue"]
          resources = ["${local.secret_path}/crawl/*"]
        }
        Runs = {
          actions   = ["s3:PutObject", "s3:AbortMultipartUpload"]
          resources = ["${module.storage.arn}/runs/*"]
        }
        Retention = { # a copy onto itself reads what it writes
          actions   = ["s3:GetObject", "s3:GetObjectVersion", "s3:PutObject", "s3:DeleteObjectVersion"]
          resources = ["${module.storage.arn}/artifacts/*"]
        }
        ArtifactVersions = {
          actions    = ["s3:ListBucketVersions"]
          resources  = [module.storage.arn]
          conditions = { StringLike = { "s3:prefix" = "artifacts/*" } }
        }
        GivenUp = {
          actions   = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
          resources = local.failures_arns
        }
        Encrypts = local.write_encrypted
      })
    }

    crawler = {
      description = "Leases tasks and visits pages in a headless browser"
      handler     = "trapline_crawler.handler.handler"
      group       = "web"
      size        = { memory_mib = 2048, timeout = 900, scratch_mib = 1024 }
      events      = { retries = 0, max_event_age = 300 } # the ledger repeats, and takes an event for lost after 330 s
      environment = merge(local.crawler_environment, local.trusted, {
        DATABASE_URL                   = local.database_url["crawler"]
        TRAPLINE_ARTIFACTS             = local.artifacts_url
        TRAPLINE_DISPATCHER_FUNCTION   = local.function_arn["dispatcher"]
        TRAPLINE_NOTIFIER_FUNCTION     = local.function_arn["notifier"]
        TRAPLINE_ALLOW_PRIVATE         = join(",", var.allow_private)
        TRAPLINE_SECRETS_PREFIX        = "${local.name}/crawl/"
        TRAPLINE_SESSION_KEY_PARAMETER = module.secrets.parameters["session-key"].name
      })
      statements = merge(local.log_in["crawler"], local.crawler_statements, {
        Nudge = {
          actions   = ["lambda:InvokeFunction"]
          resources = [local.function_arn["dispatcher"], local.function_arn["notifier"]]
        }
        Artifacts = { # read: the picture before; what is not listed is only found by a key that the ledger names
          actions   = ["s3:PutObject", "s3:GetObject"]
          resources = ["${module.storage.arn}/artifacts/*"]
        }
        Secrets = {
          actions   = ["secretsmanager:GetSecretValue"]
          resources = ["${local.secret_path}/crawl/*"]
        }
        SessionKey = { actions = ["ssm:GetParameter"], resources = [module.secrets.parameters["session-key"].arn] }
        Encrypts   = local.write_encrypted
      })
    }

    notifier = {
      description = "Drains the alert outbox to the topic and the relay's channels"
      handler     = "trapline_notifier.handler.handler"
      group       = "inner"
      size        = { memory_mib = 256, timeout = 300, scratch_mib = 512 }
      events      = { retries = 2, max_event_age = 21600 }
      environment = merge({
        DATABASE_URL                  = local.database_url["notifier"]
        TRAPLINE_TOPIC_ARN            = module.notifications.alerts_arn
        TRAPLINE_OPERATIONS_TOPIC_ARN = module.notifications.operations_arn
      }, local.web_view, var.relay ? { TRAPLINE_RELAY_FUNCTION = local.function_arn["relay"] } : {})
      statements = merge(local.log_in["notifier"], {
        Publish = {
          actions   = ["sns:Publish"]
          resources = [module.notifications.alerts_arn, module.notifications.operations_arn]
        }
        Encrypts = local.write_encrypted
        }, var.relay ? {
        Chat = { actions = ["lambda:InvokeFunction"], resources = [local.function_arn["relay"]] }
      } : {})
    }

    relay = {
      description = "Hands alerts to chat channels"
      handler     = "trapline_notifier.relay.handler"
      group       = null # no ledger, so no VPC
      size        = { memory_mib = 256, timeout = 60, scratch_mib = 512 }
      events      = { retries = 2, max_event_age = 21600 }
      environment = {
        TRAPLINE_CHANNELS_SECRET = module.secrets.names["channels"]
        TRAPLINE_SECRET_PREFIX   = "${local.name}/relay/"
      }
      statements = {
        Channels = {
          actions   = ["secretsmanager:GetSecretValue"]
          resources = [module.secrets.arns["channels"], "${local.secret_path}/relay/*"]
        }
      }
    }

    operator = {
      description = "Migrations and the operator's commands; no service may call it"
      handler     = "trapline.operator.handler.handler"
      group       = "inner"
      size        = { memory_mib = 512, timeout = 900, scratch_mib = 512 }
      events      = { retries = 0, max_event_age = 300 } # it is called directly, and a person reads the answer
      environment = merge({
        DATABASE_URL                   = local.database_url["operator"]
        TRAPLINE_CONFIG                = module.storage.config_url
        TRAPLINE_ARTIFACTS             = local.artifacts_url
        TRAPLINE_DISPATCHER_FUNCTION   = local.function_arn["dispatcher"]
        TRAPLINE_NOTIFIER_FUNCTION     = local.function_arn["notifier"]
        TRAPLINE_SESSION_KEY_PARAMETER = module.secrets.parameters["session-key"].name
        }, local.web_view, local.tick_environment, (
        local.on_rds
        ? { TRAPLINE_ADMIN_SECRET = module.database[0].admin_secret_arn }
        : { TRAPLINE_ADMIN_URL = var.database_url }
      ))
      statements = merge(local.log_in["operator"], local.on_rds ? {
        AdminByToken = { # where RDS takes no password of whoever counts as rds_iam
          actions   = ["rds-db:connect"]
          resources = ["${local.database_users}:${module.database[0].resource_id}/trapline_admin"]
        }
        Admin = { actions = ["secretsmanager:GetSecretValue"], resources = [module.database[0].admin_secret_arn] }
        } : {}, local.switch_tick, {
        Key = {
          actions   = ["ssm:GetParameter", "ssm:PutParameter"]
          resources = [module.secrets.parameters["session-key"].arn]
        }
        Encrypts = local.write_encrypted
        Call = {
          actions   = ["lambda:InvokeFunction"]
          resources = [local.function_arn["dispatcher"], local.function_arn["notifier"]]
        }
        Config = { actions = ["s3:GetObject"], resources = ["${module.storage.arn}/config/crawls.yaml"] }
        Read = {
          actions   = ["s3:GetObject"]
          resources = ["${module.storage.arn}/artifacts/*", "${module.storage.arn}/runs/*"]
        }
      })
    }
  }
}
