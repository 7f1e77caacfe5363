"""What `make destroy` says while AWS takes its time."""

import pytest
from botocore.exceptions import ClientError

from tools.deploy import destroy
from tools.deploy.destroy import Interfaces

WAITS = 'module.network[0].aws_security_group.this["crawler"]: Still destroying... [id=sg-0, 5m10s elapsed]\n'


@pytest.fixture
def interfaces(account):
    """Two interfaces of the environment's functions, and one of another environment's."""
    ec2 = account.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24")["Subnet"]["SubnetId"]
    for name in ("trapline-dev-crawler-1", "trapline-dev-notifier-2", "trapline-prod-crawler-3"):
        ec2.create_network_interface(SubnetId=subnet, Description=f"AWS Lambda VPC ENI-{name}")
    return ec2


def test_what_is_waited_for_is_said_once_a_minute(account, interfaces, capsys, monkeypatch):
    """While Terraform waits for the network, the interfaces that are left are counted; other waits say nothing."""
    told = Interfaces(account, "dev")
    told.look("module.database[0].aws_db_instance.this: Still destroying... [id=x, 5m10s elapsed]\n")
    told.look("module.network[0].aws_vpc.this[0]: Destroying... [id=vpc-0]\n")
    assert capsys.readouterr().out == ""
    told.look(WAITS)
    told.look(WAITS)
    text = capsys.readouterr().out
    assert text.count("2 network interfaces of functions are left") == 1
    assert "20 to 45 minutes" in text
    monkeypatch.setattr(destroy, "_BETWEEN", 0.0)
    for one in interfaces.describe_network_interfaces()["NetworkInterfaces"]:
        interfaces.delete_network_interface(NetworkInterfaceId=one["NetworkInterfaceId"])
    told.look(WAITS)
    assert capsys.readouterr().out == ""


def test_a_look_that_fails_stops_no_destroy(account, capsys, monkeypatch):
    """Who may not look at interfaces is told what is usual, and the destroy goes on."""

    def refuse(*_, **__):
        raise ClientError({"Error": {"Code": "UnauthorizedOperation", "Message": "no"}}, "DescribeNetworkInterfaces")

    monkeypatch.setattr(type(account), "client", refuse)
    Interfaces(account, "dev").look(WAITS)
    assert "20 to 45 minutes" in capsys.readouterr().out
