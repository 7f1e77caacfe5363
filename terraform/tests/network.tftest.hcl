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

run "made_without_a_way_out" {
  command = plan

  module {
    source = "./modules/network"
  }

  variables {
    nat = "none"
  }

  assert {
    condition = (
      length(aws_nat_gateway.this) == 0
      && length(aws_internet_gateway.this) == 0
      && length(aws_route.private) == 0
    )
    error_message = "A way out was made though none was wanted."
  }
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

run "refuses_bad_values" {
  command = plan

  module {
    source = "./modules/network"
  }

  variables {
    mode          = "existing"
    nat           = "instance"
    cidr          = "10.0.0.0/24"
    subnet_ids    = ["subnet-1"]
    flow_log_days = 1
  }

  expect_failures = [var.nat, var.cidr, var.vpc_id, var.subnet_ids, var.flow_log_days]
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
