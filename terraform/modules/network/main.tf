data "aws_availability_zones" "this" {
  #checkov:skip=CKV_AWS_394:an account's zones differ by region; the module takes the first two by name
  count            = local.made ? 1 : 0
  state            = "available"
  exclude_zone_ids = var.exclude_zone_ids

  filter {
    name   = "opt-in-status"
    values = ["opt-in-not-required"] # no local zones: they have no NAT gateways
  }

  lifecycle {
    postcondition {
      condition     = length(self.names) >= 2
      error_message = "network: this region has fewer than two zones of use here; use mode existing, or another region."
    }
  }
}

data "aws_region" "this" {}

locals {
  made     = var.mode == "made"
  zones    = local.made ? slice(data.aws_availability_zones.this[0].names, 0, 2) : []
  gateways = !local.made ? 0 : { instance = 0, gateway = 1, gateway_per_zone = 2 }[var.nat]
  instance = local.made && var.nat == "instance" ? 1 : 0
  ways_out = local.gateways + local.instance
  vpc_id   = local.made ? aws_vpc.this[0].id : var.vpc_id
  subnets  = local.made ? aws_subnet.private[*].id : var.subnet_ids
}

resource "aws_vpc" "this" {
  count = local.made ? 1 : 0

  cidr_block           = var.cidr
  enable_dns_support   = true
  enable_dns_hostnames = true
  tags                 = { Name = var.name }
}

# Nothing may use the group that every VPC is born with.
resource "aws_default_security_group" "this" {
  count  = local.made ? 1 : 0
  vpc_id = aws_vpc.this[0].id
}

resource "aws_subnet" "private" {
  count = local.made ? 2 : 0

  vpc_id            = aws_vpc.this[0].id
  availability_zone = local.zones[count.index]
  cidr_block        = cidrsubnet(var.cidr, 4, count.index)
  tags              = { Name = "${var.name}-private-${count.index + 1}" }

  timeouts {
    delete = local.interfaces_gone_within
  }
}

resource "aws_route_table" "private" {
  count = local.made ? 2 : 0

  vpc_id = aws_vpc.this[0].id
  tags   = { Name = "${var.name}-private-${count.index + 1}" }
}

resource "aws_route_table_association" "private" {
  count = local.made ? 2 : 0

  subnet_id      = aws_subnet.private[count.index].id
  route_table_id = aws_route_table.private[count.index].id
}

resource "aws_subnet" "public" {
  count = local.ways_out

  vpc_id                  = aws_vpc.this[0].id
  availability_zone       = local.zones[count.index]
  cidr_block              = cidrsubnet(var.cidr, 8, 240 + count.index)
  map_public_ip_on_launch = false
  tags                    = { Name = "${var.name}-public-${count.index + 1}" }
}

resource "aws_internet_gateway" "this" {
  count = local.ways_out > 0 ? 1 : 0

  vpc_id = aws_vpc.this[0].id
  tags   = { Name = var.name }
}

resource "aws_route_table" "public" {
  count = local.ways_out > 0 ? 1 : 0

  vpc_id = aws_vpc.this[0].id
  tags   = { Name = "${var.name}-public" }
}

resource "aws_route" "public" {
  count = local.ways_out > 0 ? 1 : 0

  route_table_id         = aws_route_table.public[0].id
  destination_cidr_block = "0.0.0.0/0"
  gateway_id             = aws_internet_gateway.this[0].id
}

resource "aws_route_table_association" "public" {
  count = local.ways_out

  subnet_id      = aws_subnet.public[count.index].id
  route_table_id = aws_route_table.public[0].id
}

resource "aws_eip" "nat" {
  #checkov:skip=CKV2_AWS_19:it belongs to the NAT gateway or instance, which the check does not look for
  count = local.ways_out

  domain = "vpc"
  tags   = { Name = "${var.name}-nat-${count.index + 1}" }
}

resource "aws_nat_gateway" "this" {
  count = local.gateways

  allocation_id = aws_eip.nat[count.index].id
  subnet_id     = aws_subnet.public[count.index].id
  tags          = { Name = "${var.name}-${count.index + 1}" }

  depends_on = [aws_route.public]
}

resource "aws_route" "private" {
  count = local.ways_out > 0 ? 2 : 0

  route_table_id         = aws_route_table.private[count.index].id
  destination_cidr_block = "0.0.0.0/0"
  nat_gateway_id         = local.gateways > 0 ? aws_nat_gateway.this[min(count.index, local.gateways - 1)].id : null
  network_interface_id   = local.instance > 0 ? aws_instance.nat[0].primary_network_interface_id : null
}

# Keeps artifacts off the NAT gateway, which is paid by the byte. It has no policy of its own on purpose: pages that are
# served from S3 in this region go through it too, and a policy for our bucket only would fail their visits.
resource "aws_vpc_endpoint" "s3" {
  count = local.made ? 1 : 0

  vpc_id          = aws_vpc.this[0].id
  service_name    = "com.amazonaws.${data.aws_region.this.id}.s3"
  route_table_ids = aws_route_table.private[*].id
  tags            = { Name = "${var.name}-s3" }
}
