mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  name              = "trapline-test"
  subnet_ids        = ["subnet-1", "subnet-2"]
  security_group_id = "sg-1"
  kms_key_arn       = "arn:aws:kms:eu-central-1:123456789012:key/0"
}

run "private_encrypted_and_kept" {
  command = apply

  module {
    source = "./modules/database"
  }

  assert {
    condition = (
      aws_db_instance.this.storage_encrypted
      && aws_db_instance.this.kms_key_id == var.kms_key_arn
      && aws_db_instance.this.performance_insights_kms_key_id == var.kms_key_arn
    )
    error_message = "Storage or insights are not encrypted with the environment's key."
  }

  assert {
    condition = (
      (!aws_db_instance.this.publicly_accessible)
      && aws_db_instance.this.iam_database_authentication_enabled
    )
    error_message = "The database is public, or services would need passwords."
  }

  assert {
    condition     = aws_db_instance.this.manage_master_user_password && aws_db_instance.this.password == null
    error_message = "The administrator's password would be in the state."
  }

  assert {
    condition = (
      aws_db_instance.this.deletion_protection
      && aws_db_instance.this.backup_retention_period >= 7
      && aws_db_instance.this.multi_az
      && !aws_db_instance.this.skip_final_snapshot
    )
    error_message = "By default the database must survive mistakes and a zone."
  }

  assert {
    condition     = aws_db_instance.this.allow_major_version_upgrade
    error_message = "RDS would refuse a newer postgres_version."
  }

  assert {
    condition     = output.parameters["rds.force_ssl"] == "1"
    error_message = "TLS is not forced."
  }

  assert {
    condition = (
      tonumber(output.parameters["autovacuum_naptime"]) <= 15
      && tonumber(output.parameters["autovacuum_vacuum_cost_limit"]) >= 2000
    )
    error_message = "The vacuum would not keep up with leases and heartbeats."
  }

  assert {
    condition     = alltrue([for group in values(aws_cloudwatch_log_group.this) : group.kms_key_id == var.kms_key_arn])
    error_message = "The server's log is not encrypted with the environment's key."
  }

  assert {
    condition     = output.max_connections == 82
    error_message = "A micro leaves 0.80 of 112 connections, less 8, not ${output.max_connections}."
  }
}

run "cheap" {
  command = apply

  module {
    source = "./modules/database"
  }

  variables {
    kms_key_arn        = null
    backup_days        = 0
    monitoring_seconds = 0
  }

  assert {
    condition = (
      aws_db_instance.this.storage_encrypted
      && aws_db_instance.this.manage_master_user_password
      && aws_db_instance.this.backup_retention_period == 0
      && aws_db_instance.this.monitoring_interval == 0
      && length(aws_iam_role.monitoring) == 0
    )
    error_message = "Without a key, backups and monitoring it is not encrypted, or pays for monitoring all the same."
  }
}

run "knows_what_a_larger_class_allows" {
  command = apply

  module {
    source = "./modules/database"
  }

  variables {
    instance_class = "db.r7g.xlarge"
  }

  assert {
    condition     = output.max_connections > 2800 && output.max_connections < 2900
    error_message = "32 GiB leave about 2,870 connections, not ${output.max_connections}."
  }
}

run "guesses_nothing_about_an_unknown_size" {
  command = apply

  module {
    source = "./modules/database"
  }

  variables {
    instance_class = "db.m7g.metal"
  }

  assert {
    condition     = output.max_connections == null
    error_message = "A size that is not known has no estimate."
  }
}

run "refuses_bad_values" {
  command = plan

  module {
    source = "./modules/database"
  }

  variables {
    name             = "Trapline"
    instance_class   = "t4g.micro"
    postgres_version = "14"
    max_storage_gib  = 20
    backup_days      = 36
    kms_key_arn      = "alias/aws/rds"
    log_days         = 2

    monitoring_seconds = 7
  }

  expect_failures = [
    var.name,
    var.instance_class,
    var.postgres_version,
    var.max_storage_gib,
    var.backup_days,
    var.kms_key_arn,
    var.log_days,
    var.monitoring_seconds,
  ]
}

run "refuses_less_storage_than_there_is" {
  command = plan

  module {
    source = "./modules/database"
  }

  variables {
    storage_gib = 10
  }

  expect_failures = [var.storage_gib]
}
