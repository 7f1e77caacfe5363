data "aws_caller_identity" "this" {}

data "aws_partition" "this" {}

locals {
  name      = "trapline-${var.environment}"
  account   = data.aws_caller_identity.this.account_id
  partition = data.aws_partition.this.partition

  # The tick keeps artifacts as long as the ledger names them, and puts those again that are half as old as this.
  artifact_backstop = coalesce(var.expire_days.artifacts, max(28, 2 * coalesce(var.retention_days, 200)))
}

locals {
  # Within quotes, so that a plan knows there is one before there is
  key_arn = var.customer_key ? "${module.key[0].arn}" : null
}

moved {
  from = module.key
  to   = module.key[0]
}

module "key" {
  source = "./modules/key"
  count  = var.customer_key ? 1 : 0

  name = local.name
  log_groups = [
    "/aws/lambda/${local.name}-*",
    "/aws/rds/instance/${local.name}/*",
    "/aws/vendedlogs/states/${local.name}-*",
    "/trapline/${local.name}/*",
  ]
  deletion_window_days = var.disposable ? 7 : 30
}

module "network" {
  source = "./modules/network"
  count  = var.network.mode == "outside" ? 0 : 1

  name        = local.name
  mode        = var.network.mode
  nat         = var.network.nat
  cidr        = var.network.cidr
  vpc_id      = var.network.vpc_id
  subnet_ids  = var.network.subnet_ids
  kms_key_arn = local.key_arn
}

module "database" {
  source = "./modules/database"
  count  = var.database_url == null ? 1 : 0

  name                = local.name
  instance_class      = var.database.instance_class
  postgres_version    = var.database.postgres_version
  storage_gib         = var.database.storage_gib
  max_storage_gib     = var.database.max_storage_gib
  multi_az            = var.database.multi_az
  backup_days         = var.database.backup_days
  deletion_protection = var.database.deletion_protection
  apply_immediately   = var.database.apply_immediately
  monitoring_seconds  = var.database.monitoring_seconds
  subnet_ids          = module.network[0].subnet_ids
  security_group_id   = module.network[0].security_groups.database
  kms_key_arn         = local.key_arn
  log_days            = var.log_days
}

module "image_repository" {
  source = "./modules/image_repository"
  count  = var.local_aws ? 0 : 1 # an emulator runs zips

  name           = "${local.name}/crawler"
  function_names = [for name in local.durable ? ["crawler", "durable"] : ["crawler"] : "${local.name}-${name}"]
  kms_key_arn    = local.key_arn
  force_delete   = var.disposable
}

module "storage" {
  source = "./modules/storage"

  # Buckets are of all accounts and regions; an environment of an older release keeps the name that it has
  bucket = coalesce(var.bucket, "${local.name}-${local.account}-${var.region}")
  crawls = file(var.crawls_file)
  expire_days = {
    artifacts = local.artifact_backstop
    runs      = var.expire_days.runs
    waves     = 7 # an execution reads its wave's object once, as it starts
  }
  force_destroy = var.disposable
  kms_key_arn   = local.key_arn
}

module "secrets" {
  source = "./modules/secrets"

  path                 = local.name
  kms_key_arn          = local.key_arn
  recovery_window_days = var.disposable ? 0 : 30
  secrets              = { channels = "Channels of the relay, `name: address` in YAML; put in by hand" }
  parameters = {
    session-key = "Encrypts the sessions of ordered tasks between invocations; the operator function makes it"
  }
}

module "notifications" {
  source = "./modules/notifications"

  name              = local.name
  kms_key_arn       = local.key_arn
  alert_emails      = var.alert_emails
  operations_emails = var.operations_emails
  relay = (
    contains(keys(module.function), "relay")
    ? { name = module.function["relay"].name, alias = local.alias, arn = module.function["relay"].alias_arn }
    : null
  )
  notifier = (
    contains(keys(module.function), "notifier")
    ? { name = module.function["notifier"].name, alias = local.alias, arn = module.function["notifier"].alias_arn }
    : null
  )
}

module "schedules" {
  source = "./modules/schedules"
  count  = contains(keys(local.made), "dispatcher") ? 1 : 0

  name        = local.name
  crawls      = local.scheduled
  target_arn  = module.function["dispatcher"].alias_arn
  machine_arn = try(module.orchestration[0].machines["run"], null)
  kms_key_arn = local.key_arn
  tick        = jsonencode([var.tick_sleeps, var.releases["dispatcher"]])
}
