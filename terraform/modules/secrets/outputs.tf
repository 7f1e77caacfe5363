output "arns" {
  description = "ARN of each secret, by its name below the path."
  value       = { for name, secret in aws_secretsmanager_secret.this : name => secret.arn }
}

output "names" {
  description = "Full name of each secret, by its name below the path."
  value       = { for name, secret in aws_secretsmanager_secret.this : name => secret.name }
}

output "parameters" {
  description = "Name and ARN of each parameter, by its name below the path."
  value       = { for name, one in aws_ssm_parameter.this : name => { name = one.name, arn = one.arn } }
}
