# Subnets of yours: whether a function in them reaches anything. It has no public address, so an internet gateway leads
# it nowhere.
data "aws_route_tables" "of_subnet" {
  for_each = local.made ? [] : toset(var.subnet_ids)
  vpc_id   = var.vpc_id

  filter {
    name   = "association.subnet-id"
    values = [each.value]
  }
}

data "aws_route_tables" "main" {
  count  = local.made ? 0 : 1
  vpc_id = var.vpc_id

  filter {
    name   = "association.main"
    values = ["true"]
  }
}

data "aws_route_table" "existing" {
  for_each       = data.aws_route_tables.of_subnet
  route_table_id = one(slice(concat(each.value.ids, data.aws_route_tables.main[0].ids), 0, 1))
}

check "way_out" {
  assert {
    condition = alltrue([
      for table in values(data.aws_route_table.existing) : anytrue([
        for route in table.routes :
        route.cidr_block == "0.0.0.0/0" && !startswith(coalesce(route.gateway_id, "none"), "igw-")
      ])
    ])
    error_message = join(" ", [
      "network: of ${join(", ", var.subnet_ids)} some have no way out for a function: no route to 0.0.0.0/0, or one to",
      "an internet gateway, which serves public addresses only. Route them to a NAT gateway, a NAT instance or a",
      "transit gateway; without it no function reaches AWS, and no page.",
    ])
  }
}
