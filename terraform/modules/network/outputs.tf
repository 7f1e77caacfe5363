output "vpc_id" {
  description = "The VPC that the parts are in."
  value       = local.vpc_id
}

output "subnet_ids" {
  description = "The private subnets."
  value       = local.subnets
}

output "security_groups" {
  description = "Ids of the groups: web (visits pages), inner (AWS and the database only), database."
  value = {
    web      = aws_security_group.web.id
    inner    = aws_security_group.inner.id
    database = aws_security_group.database.id
  }
}

output "nat_addresses" {
  description = "The public addresses that crawled sites see; empty without a way out of ours."
  value       = aws_eip.nat[*].public_ip
}
