mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  name        = "trapline-test"
  kms_key_arn = "arn:aws:kms:eu-central-1:123456789012:key/0"
}

run "made_with_one_gateway" {
  command = apply

  module {
    source = "./modules/network"
  }

  assert {
    condition = (
      length(aws_subnet.private) == 2
      && aws_subnet.private[0].availability_zone != aws_subnet.private[1].availability_zone
    )
    error_message = "Private subnets are not in two zones."
  }

  assert {
    condition     = length(aws_nat_gateway.this) == 1 && length(aws_route.private) == 2
    error_message = "One gateway must serve both private subnets."
  }

  assert {
    condition = alltrue(
      [for subnet in concat(aws_subnet.private, aws_subnet.public) : subnet.map_public_ip_on_launch != true]
    )
    error_message = "Something in a subnet would get a public address."
  }

  assert {
    condition = (
      length(aws_vpc_endpoint.s3[0].route_table_ids) > 0
      && aws_vpc_endpoint.s3[0].service_name == "com.amazonaws.eu-central-1.s3"
    )
    error_message = "Artifacts would go through the NAT gateway."
  }

  assert {
    condition = alltrue(
      [
        for rule in values(aws_vpc_security_group_ingress_rule.database) :
        rule.cidr_ipv4 == null && rule.from_port == 5432 && rule.to_port == 5432
      ]
    )
    error_message = "The database is open to addresses, or on more than its port."
  }

  assert {
    condition = (
      aws_flow_log.this[0].traffic_type == "REJECT"
      && aws_cloudwatch_log_group.flow[0].kms_key_id == var.kms_key_arn
    )
    error_message = "Rejected traffic is not logged, or not encrypted."
  }

  assert {
    condition = (
      contains(data.aws_availability_zones.this[0].exclude_zone_ids, "use1-az3")
      && data.aws_availability_zones.this[0].state == "available"
    )
    error_message = "A subnet could be in a zone in which Lambda makes no network interface."
  }

  assert {
    condition = (
      toset(flatten([for one in jsondecode(aws_iam_role_policy.flow[0].policy).Statement : one.Action])) == toset([
        "logs:CreateLogGroup", "logs:CreateLogStream", "logs:DescribeLogGroups", "logs:DescribeLogStreams",
        "logs:PutLogEvents",
      ])
      && jsondecode(aws_iam_role.flow[0].assume_role_policy).Statement[0].Condition.StringEquals["aws:SourceAccount"]
      == "123456789012"
    )
    error_message = "The flow logs' role lacks an action that AWS asks for, or another account's flow logs may take it."
  }

  assert {
    condition     = !strcontains(aws_iam_role_policy.flow[0].policy, "\"Resource\":\"*\"")
    error_message = "The flow logs' role reaches more than its group."
  }
}

run "made_with_a_gateway_per_zone" {
  command = plan

  module {
    source = "./modules/network"
  }

  variables {
    nat = "gateway_per_zone"
  }

  assert {
    condition     = length(aws_nat_gateway.this) == 2 && length(aws_subnet.public) == 2
    error_message = "Each zone needs its own gateway."
  }
}

run "made_with_an_instance" {
  command = apply

  module {
    source = "./modules/network"
  }

  variables {
    nat = "instance"
  }

  assert {
    condition = (
      length(aws_nat_gateway.this) == 0
      && length(aws_subnet.public) == 1
      && alltrue([
        for route in aws_route.private :
        route.network_interface_id == aws_instance.nat[0].primary_network_interface_id && route.destination_cidr_block
        == "0.0.0.0/0"
      ])
      && length(aws_route.private) == 2
    )
    error_message = "The private subnets have no way out, or two, or a gateway is paid besides."
  }

  assert {
    condition = (
      (!aws_instance.nat[0].source_dest_check)
      && aws_instance.nat[0].instance_type == "t4g.nano"
      && strcontains(data.aws_ssm_parameter.image[0].name, "arm64")
    )
    error_message = "AWS would drop what it forwards, or it is not the smallest arm64."
  }

  assert {
    condition = (
      aws_instance.nat[0].ami == nonsensitive(data.aws_ssm_parameter.image[0].value)
      && aws_instance.nat[0].user_data_replace_on_change
      && aws_eip_association.nat[0].allocation_id == aws_eip.nat[0].id
    )
    error_message = "A newer image would not replace it, or crawled sites would see another address afterwards."
  }

  assert {
    condition = (
      [for rule in aws_vpc_security_group_ingress_rule.nat : rule.cidr_ipv4]
      == [for subnet in aws_subnet.private : subnet.cidr_block]
      && aws_instance.nat[0].metadata_options[0].http_tokens == "required"
      && aws_instance.nat[0].root_block_device[0].encrypted
    )
    error_message = "The instance takes what does not come from the private subnets, or is not hardened."
  }
}

run "refuses_an_unknown_network" {
  command = plan

  module {
    source = "./modules/network"
  }

  variables {
    mode = "public"
  }

  expect_failures = [var.mode]
}

run "refuses_a_network_without_a_way_out" {
  command = plan

  module {
    source = "./modules/network"
  }

  variables {
    nat = "none"
  }

  expect_failures = [var.nat]
}

run "existing_subnets" {
  command = apply

  module {
    source = "./modules/network"
  }

  variables {
    mode       = "existing"
    vpc_id     = "vpc-1"
    subnet_ids = ["subnet-1", "subnet-2"]
  }

  assert {
    condition     = length(aws_vpc.this) == 0 && length(aws_nat_gateway.this) == 0 && length(aws_vpc_endpoint.s3) == 0
    error_message = "Something was made in a network that is the user's."
  }

  assert {
    condition     = join(" ", output.subnet_ids) == "subnet-1 subnet-2" && aws_security_group.web.vpc_id == "vpc-1"
    error_message = "The user's subnets are not the ones that are used."
  }
}

run "existing_subnets_without_a_way_out" {
  command = plan

  module {
    source = "./modules/network"
  }

  variables {
    mode       = "existing"
    vpc_id     = "vpc-1"
    subnet_ids = ["subnet-1", "subnet-2"]
  }

  override_data {
    target = data.aws_route_table.existing
    values = { routes = [{ cidr_block = "0.0.0.0/0", nat_gateway_id = "", gateway_id = "igw-1" }] }
  }

  expect_failures = [check.way_out]
}

run "existing_subnets_without_a_default_route" {
  command = plan

  module {
    source = "./modules/network"
  }

  variables {
    mode       = "existing"
    vpc_id     = "vpc-1"
    subnet_ids = ["subnet-1", "subnet-2"]
  }

  override_data {
    target = data.aws_route_table.existing
    values = { routes = [{ cidr_block = "10.0.0.0/8", nat_gateway_id = "nat-1", gateway_id = "" }] }
  }

  expect_failures = [check.way_out]
}

run "refuses_bad_values" {
  command = plan

  module {
    source = "./modules/network"
  }

  variables {
    mode          = "existing"
    nat           = "transit"
    cidr          = "10.0.0.0/24"
    subnet_ids    = ["subnet-1"]
    flow_log_days = 1

    exclude_zone_ids = ["us-east-1e"]
  }

  expect_failures = [
    var.nat, var.cidr, var.vpc_id, var.subnet_ids, var.flow_log_days, var.exclude_zone_ids,
  ]
}

run "a_destroy_waits_for_lambdas_interfaces" {
  command = plan

  module {
    source = "./modules/network"
  }

  assert {
    condition = alltrue([
      for one in concat([aws_security_group.web, aws_security_group.inner], aws_subnet.private) :
      one.timeouts.delete == "60m"
    ])
    error_message = "A destroy would give up before Lambda gives its network interfaces back."
  }
}
