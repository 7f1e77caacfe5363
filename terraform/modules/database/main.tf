locals {
  # Memory by size, in GiB (RDS User Guide, "Hardware specifications for DB instance classes"). t: burstable.
  # m: 4 GiB for each CPU, r: 8 GiB.
  burstable = { micro = 1, small = 2, medium = 4, large = 8, xlarge = 16, "2xlarge" = 32 }
  cpus = {
    medium     = 1
    large      = 2
    xlarge     = 4
    "2xlarge"  = 8
    "4xlarge"  = 16
    "8xlarge"  = 32
    "12xlarge" = 48
    "16xlarge" = 64
    "24xlarge" = 96
  }
  family = substr(var.instance_class, 3, 1)
  size   = element(split(".", var.instance_class), 2)
  memory = (
    local.family == "t" ? lookup(local.burstable, local.size, null) :
    contains(keys(local.cpus), local.size) ? local.cpus[local.size] * { m = 4, r = 8 }[local.family] : null
  )

  # RDS sets max_connections to LEAST(DBInstanceClassMemory / 9531392, 5000) (RDS User Guide, "Quotas and constraints"),
  # and DBInstanceClassMemory is what the system and RDS leave of the memory: 0.80 of it, as measured on small classes,
  # and more on large ones. RDS and superusers keep a few connections for themselves.
  max_connections = local.memory == null ? null : min(5000, floor(local.memory * 1073741824 * 0.80 / 9531392)) - 8
}

resource "aws_db_subnet_group" "this" {
  name       = var.name
  subnet_ids = var.subnet_ids
}

resource "aws_db_parameter_group" "this" {
  name_prefix = "${var.name}-"
  family      = "postgres${var.postgres_version}"
  description = "Trapline: TLS only, and a vacuum that keeps up with leases and heartbeats"

  parameter {
    name         = "rds.force_ssl"
    value        = "1"
    apply_method = "immediate"
  }

  dynamic "parameter" {
    for_each = local.parameters

    content {
      name         = parameter.key
      value        = parameter.value
      apply_method = "immediate"
    }
  }

  lifecycle {
    create_before_destroy = true
  }
}

locals {
  parameters = {
    # The hot tables set their own thresholds (the ledger's migrations); these make the server look often and work fast.
    "autovacuum_naptime"           = "15" # seconds
    "autovacuum_vacuum_cost_limit" = "2000"
    "autovacuum_vacuum_cost_delay" = "1" # milliseconds
    # A client that died in a transaction must not hold a lane's lock until TCP notices.
    "idle_in_transaction_session_timeout" = "60000" # milliseconds
    "log_statement"                       = "ddl"
    "log_min_duration_statement"          = "1000" # milliseconds; parameters of slow statements hold no secret
    "log_lock_waits"                      = "1"
  }
}

resource "aws_db_instance" "this" {
  #checkov:skip=CKV_AWS_133:7 days unless the root says otherwise, and no fewer in prod; the scanner can't follow it
  #checkov:skip=CKV_AWS_293:on unless the root says otherwise; the scanner does not read a member's default
  #checkov:skip=CKV_AWS_118:each minute unless the root says otherwise, as dev.tfvars does to pay for no logs of it
  #checkov:skip=CKV_AWS_157:the same: two zones unless the root says otherwise, as dev.tfvars does to pay half
  identifier     = var.name
  engine         = "postgres"
  engine_version = var.postgres_version
  instance_class = var.instance_class
  db_name        = "trapline"
  port           = 5432

  username                            = "trapline_admin"
  manage_master_user_password         = true # RDS makes, keeps and rotates it; Terraform never sees it
  master_user_secret_kms_key_id       = var.kms_key_arn
  iam_database_authentication_enabled = true

  allocated_storage     = var.storage_gib
  max_allocated_storage = var.max_storage_gib
  storage_type          = "gp3"
  storage_encrypted     = true
  kms_key_id            = var.kms_key_arn

  db_subnet_group_name   = aws_db_subnet_group.this.name
  vpc_security_group_ids = [var.security_group_id]
  publicly_accessible    = false
  multi_az               = var.multi_az
  ca_cert_identifier     = "rds-ca-rsa2048-g1"
  parameter_group_name   = aws_db_parameter_group.this.name

  backup_retention_period    = var.backup_days
  backup_window              = "02:00-03:00"
  maintenance_window         = "sun:03:30-sun:04:30"
  copy_tags_to_snapshot      = true
  deletion_protection        = var.deletion_protection
  skip_final_snapshot        = !var.deletion_protection
  final_snapshot_identifier  = var.deletion_protection ? "${var.name}-final" : null
  delete_automated_backups   = !var.deletion_protection
  auto_minor_version_upgrade = true
  # RDS refuses the next major version without it; what is asked for stands in postgres_version, and never by itself
  allow_major_version_upgrade = true
  apply_immediately           = var.apply_immediately

  enabled_cloudwatch_logs_exports       = ["postgresql", "upgrade"]
  performance_insights_enabled          = true
  performance_insights_kms_key_id       = var.kms_key_arn
  performance_insights_retention_period = 7 # days; what is free
  monitoring_interval                   = var.monitoring_seconds
  monitoring_role_arn                   = one(aws_iam_role.monitoring[*].arn)

  depends_on = [aws_cloudwatch_log_group.this, aws_iam_role_policy_attachment.monitoring]
}

# Made first, or RDS makes them without key and end.
resource "aws_cloudwatch_log_group" "this" {
  for_each = toset(["postgresql", "upgrade"])

  name              = "/aws/rds/instance/${var.name}/${each.key}"
  retention_in_days = var.log_days
  kms_key_id        = var.kms_key_arn
}

data "aws_partition" "this" {}

data "aws_region" "this" {}

resource "aws_iam_role" "monitoring" {
  count = var.monitoring_seconds > 0 ? 1 : 0

  name = "${var.name}-database-monitoring-${data.aws_region.this.id}"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "monitoring.rds.amazonaws.com" }
      Action    = "sts:AssumeRole"
    }]
  })
}

resource "aws_iam_role_policy_attachment" "monitoring" {
  count = var.monitoring_seconds > 0 ? 1 : 0

  role       = aws_iam_role.monitoring[0].name
  policy_arn = "arn:${data.aws_partition.this.partition}:iam::aws:policy/service-role/AmazonRDSEnhancedMonitoringRole"
}
