# A NAT gateway's work by the smallest instance, for a fifth of its price: one machine in one zone, which nobody repairs
# while it is replaced. It is patched by that: an apply replaces it when Amazon has published a newer image.
data "aws_ssm_parameter" "image" {
  count = local.instance

  name = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64"
}

resource "aws_instance" "nat" {
  #checkov:skip=CKV_AWS_88:it leads into the internet, and lets nothing in from there
  #checkov:skip=CKV_AWS_126:figures of each minute are paid, and every five minutes is enough
  #checkov:skip=CKV2_AWS_41:it asks nothing of AWS, so it has no role
  count = local.instance

  ami           = nonsensitive(data.aws_ssm_parameter.image[0].value)
  instance_type = "t4g.nano" # the smallest arm64: 512 MiB, 32 Mbit/s for as long as one likes, 5 Gbit/s in bursts
  subnet_id     = aws_subnet.public[0].id
  ebs_optimized = true

  # It forwards what is neither from it nor for it
  source_dest_check      = false
  vpc_security_group_ids = [aws_security_group.nat[0].id]
  # One to begin with, because it installs before its own address is there; that one then takes its place
  associate_public_ip_address = true

  user_data                   = file("${path.module}/nat.sh")
  user_data_replace_on_change = true

  credit_specification {
    cpu_credits = "standard" # never more than its price
  }

  metadata_options {
    http_endpoint = "enabled"
    http_tokens   = "required"
  }

  root_block_device {
    volume_type = "gp3"
    volume_size = 8 # GiB; the image's own
    encrypted   = true
  }

  tags = { Name = "${var.name}-nat" }

  depends_on = [aws_route.public]
}

resource "aws_eip_association" "nat" {
  count = local.instance

  allocation_id = aws_eip.nat[0].id
  instance_id   = aws_instance.nat[0].id
}

resource "aws_security_group" "nat" {
  #checkov:skip=CKV2_AWS_5:the instance above has it; the scanner does not follow the count
  count = local.instance

  name        = "${var.name}-nat"
  description = "The instance that leads into the internet: in from the private subnets only"
  vpc_id      = local.vpc_id
}

resource "aws_vpc_security_group_ingress_rule" "nat" {
  count = 2 * local.instance

  security_group_id = aws_security_group.nat[0].id
  description       = "What the private subnet ${count.index + 1} sends out"
  cidr_ipv4         = aws_subnet.private[count.index].cidr_block
  ip_protocol       = "tcp"
  from_port         = 1
  to_port           = 65535
}

resource "aws_vpc_security_group_egress_rule" "nat" {
  count = local.instance

  security_group_id = aws_security_group.nat[0].id
  description       = "Pages, sitemaps, web hooks, AWS, and its own packages"
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "tcp"
  from_port         = 1
  to_port           = 65535
}
