output "bucket" {
  description = "Name of the bucket."
  value       = aws_s3_bucket.this.id
}

output "arn" {
  description = "ARN of the bucket."
  value       = aws_s3_bucket.this.arn
}

output "config_url" {
  description = "Where crawls.yaml is."
  value       = "s3://${aws_s3_bucket.this.id}/${aws_s3_object.config.key}"
}

output "policy" {
  description = "The bucket's policy, as JSON."
  value       = aws_s3_bucket_policy.this.policy
}
