"""Whoever deploys may do what the provider calls for what is planned, and nothing else."""

import json

import pytest

from tools.terraform import deployer

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
    """The types of everything that any setting makes or reads: of resources, of data sources."""
    every = [plans("dev"), plans("prod"), plans("prod", **EVERYTHING), plans("prod", **EXISTING)]
    changes = [one for plan in every for one in plan["resource_changes"]]
    kinds = {mode: {one["type"] for one in changes if one["mode"] == mode} for mode in ("managed", "data")}
    return kinds["managed"], kinds["data"]


def test_no_action_is_without_something_planned_that_needs_it(planned):
    """Each type that is planned has its actions, and each entry is of a type that some setting plans."""
    managed, _ = planned
    assert managed == set(deployer.ACTIONS)


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
    assert wide == {"ec2", "kms", "servicequotas", "sts"}


def test_each_policy_is_small_enough_for_a_managed_one():
    """Counted as IAM counts it, with the longest name of an environment and of a region."""
    made = deployer.policies("a" * 16, region="ap-southeast-99", account="123456789012", states="s" * 63)
    for policy in made.values():
        assert len("".join(json.dumps(policy).split())) <= deployer.LARGEST
