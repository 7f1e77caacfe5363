locals {
  # Lambda gives the interfaces of a function back 20 to 45 minutes after it went; until then AWS deletes neither the
  # groups nor the subnets that they are in, and the provider's own patience is 15 and 20 minutes.
  interfaces_gone_within = "60m"
}

# Who visits pages or posts to web hooks reaches any port of the internet: a page may be served on 8443.
resource "aws_security_group" "web" {
  #checkov:skip=CKV2_AWS_5:the function module attaches it; the scanner does not follow outputs
  name        = "${var.name}-web"
  description = "Trapline functions that visit pages and call web hooks"
  vpc_id      = local.vpc_id

  timeouts {
    delete = local.interfaces_gone_within
  }
}

resource "aws_vpc_security_group_egress_rule" "web" {
  security_group_id = aws_security_group.web.id
  description       = "Pages, sitemaps, web hooks and AWS"
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "tcp"
  from_port         = 1
  to_port           = 65535
}

resource "aws_security_group" "inner" {
  #checkov:skip=CKV2_AWS_5:the function module attaches it; the scanner does not follow outputs
  name        = "${var.name}-inner"
  description = "Trapline functions that talk to AWS and to the database only"
  vpc_id      = local.vpc_id

  timeouts {
    delete = local.interfaces_gone_within
  }
}

resource "aws_vpc_security_group_egress_rule" "inner_aws" {
  security_group_id = aws_security_group.inner.id
  description       = "AWS"
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}

resource "aws_security_group" "database" {
  #checkov:skip=CKV2_AWS_5:the database module attaches it; the scanner does not follow outputs
  name        = "${var.name}-database"
  description = "Trapline database: no way out, in from the functions only"
  vpc_id      = local.vpc_id

  timeouts {
    delete = local.interfaces_gone_within
  }
}

resource "aws_vpc_security_group_egress_rule" "inner_database" {
  security_group_id            = aws_security_group.inner.id
  description                  = "The ledger"
  referenced_security_group_id = aws_security_group.database.id
  ip_protocol                  = "tcp"
  from_port                    = 5432
  to_port                      = 5432
}

resource "aws_vpc_security_group_ingress_rule" "database" {
  for_each = { web = aws_security_group.web.id, inner = aws_security_group.inner.id }

  security_group_id            = aws_security_group.database.id
  description                  = "Functions of the group ${each.key}"
  referenced_security_group_id = each.value
  ip_protocol                  = "tcp"
  from_port                    = 5432
  to_port                      = 5432
}
