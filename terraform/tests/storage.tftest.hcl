mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  bucket      = "trapline-test-123456789012"
  kms_key_arn = "arn:aws:kms:eu-central-1:123456789012:key/0"
  crawls      = "crawls: {}"
}

run "private_encrypted_tls_only" {
  command = apply

  module {
    source = "./modules/storage"
  }

  assert {
    condition = alltrue([
      aws_s3_bucket_public_access_block.this.block_public_acls,
      aws_s3_bucket_public_access_block.this.block_public_policy,
      aws_s3_bucket_public_access_block.this.ignore_public_acls,
      aws_s3_bucket_public_access_block.this.restrict_public_buckets,
    ])
    error_message = "The bucket could be made public."
  }

  assert {
    condition = alltrue([for rule in aws_s3_bucket_server_side_encryption_configuration.this.rule :
      rule.apply_server_side_encryption_by_default[0].kms_master_key_id == var.kms_key_arn
    ])
    error_message = "Objects are not encrypted with the environment's key."
  }

  assert {
    condition = anytrue([for statement in jsondecode(output.policy).Statement :
      statement.Effect == "Deny"
      && statement.Principal == "*"
      && statement.Condition.Bool["aws:SecureTransport"] == "false"
    ])
    error_message = "The bucket answers without TLS."
  }

  assert {
    condition = (
      aws_s3_bucket_versioning.this.versioning_configuration[0].status == "Enabled"
      && !aws_s3_bucket.this.force_destroy
    )
    error_message = "A mistake could not be undone."
  }

  assert {
    condition = (
      aws_s3_object.config.content == "crawls: {}"
      && output.config_url == "s3://trapline-test-123456789012/config/crawls.yaml"
    )
    error_message = "crawls.yaml is not where the dispatcher reads it."
  }

  assert {
    condition = toset([for rule in aws_s3_bucket_lifecycle_configuration.this.rule : rule.id]) == toset(
      ["unfinished-and-replaced", "expire-artifacts", "expire-runs"]
    )
    error_message = "Objects would stay for ever, or go too early."
  }

  assert {
    condition = anytrue(flatten([for rule in aws_s3_bucket_lifecycle_configuration.this.rule :
      [for one in rule.expiration : one.expired_object_delete_marker == true]
    ]))
    error_message = "What is left of an expired object would stay for ever."
  }
}

run "refuses_bad_values" {
  command = plan

  module {
    source = "./modules/storage"
  }

  variables {
    bucket          = "Trapline_Test"
    expire_days     = { packages = 30 }
    noncurrent_days = 0
    kms_key_arn     = "aws/s3"
  }

  expect_failures = [var.bucket, var.expire_days, var.noncurrent_days, var.kms_key_arn]
}
