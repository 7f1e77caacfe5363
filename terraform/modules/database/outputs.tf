output "address" {
  description = "Host name of the instance."
  value       = aws_db_instance.this.address
}

output "identifier" {
  description = "Name of the instance, as metrics have it."
  value       = aws_db_instance.this.identifier
}

output "resource_id" {
  description = "What rds-db:connect is granted on."
  value       = aws_db_instance.this.resource_id
}

output "admin_secret_arn" {
  description = "The administrator's password, made and rotated by RDS."
  value       = aws_db_instance.this.master_user_secret[0].secret_arn
}

output "max_connections" {
  description = <<-EOT
    Connections that the class leaves for Trapline, a cautious estimate; null for a class that is not known.
  EOT
  value       = local.max_connections
}

output "parameters" {
  description = "The server's settings that are ours, by name."
  value       = { for one in aws_db_parameter_group.this.parameter : one.name => one.value }
}
