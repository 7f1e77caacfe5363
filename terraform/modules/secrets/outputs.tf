output "arns" {
  description = "ARN of each secret, by its name below the path."
  value       = { for name, secret in aws_secretsmanager_secret.this : name => secret.arn }
}

output "names" {
  description = "Full name of each secret, by its name below the path."
  value       = { for name, secret in aws_secretsmanager_secret.this : name => secret.name }
}
