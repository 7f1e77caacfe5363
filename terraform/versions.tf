terraform {
  required_version = ">= 1.11" # the lockfile of the S3 backend, and what is tested

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.100, < 7.0"
    }
  }

  # Where the state is, is the user's: terraform init -backend-config=envs/dev.backend.hcl
  backend "s3" {
    encrypt      = true
    use_lockfile = true
  }
}

provider "aws" {
  region              = var.region
  allowed_account_ids = var.account_id == null ? null : [var.account_id]
  s3_use_path_style   = var.local_aws

  default_tags {
    tags = {
      Project     = "trapline"
      Environment = var.environment
    }
  }
}
