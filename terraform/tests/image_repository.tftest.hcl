mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  name           = "trapline-test/crawler"
  function_names = ["trapline-test-crawler", "trapline-test-durable"]
  kms_key_arn    = "arn:aws:kms:eu-central-1:123456789012:key/0"
}

run "immutable_scanned_encrypted" {
  command = apply

  module {
    source = "./modules/image_repository"
  }

  assert {
    condition = (
      aws_ecr_repository.this.image_tag_mutability == "IMMUTABLE"
      && aws_ecr_repository.this.image_scanning_configuration[0].scan_on_push
    )
    error_message = "A tag could be moved, or an image go unscanned."
  }

  assert {
    condition     = aws_ecr_repository.this.encryption_configuration[0].kms_key == var.kms_key_arn
    error_message = "Images are not encrypted with the environment's key."
  }

  assert {
    condition = (
      (!aws_ecr_repository.this.force_delete)
      && length(jsondecode(aws_ecr_lifecycle_policy.this.policy).rules) == 2
    )
    error_message = "Images would be lost with the repository, or pile up."
  }

  assert {
    condition = (
      jsondecode(aws_ecr_repository_policy.this.policy).Statement[0].Condition.ArnLike["aws:SourceArn"]
      == [for name in var.function_names : "arn:aws:lambda:eu-central-1:123456789012:function:${name}*"]
    )
    error_message = "Other functions than the crawlers may read the images."
  }
}

run "refuses_bad_values" {
  command = plan

  module {
    source = "./modules/image_repository"
  }

  variables {
    name        = "Crawler"
    keep_images = 1
    kms_key_arn = ""
  }

  expect_failures = [var.name, var.keep_images, var.kms_key_arn]
}
