"""What whoever deploys may do: by type of resource the actions that Terraform's provider calls.

The one table serves twice: as the IAM policies of an environment, which
``python -m tools.terraform.deployer dev eu-central-1 123456789012`` prints, each small enough for a managed policy of
its own; and as the actions that a first deploy has IAM simulate before it makes anything.
"""

import argparse
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tools.shell import main_guard, say

LARGEST = 6144
"""Characters of a managed policy, without white space (IAM, "IAM and STS quotas")."""

_TAGS = "ec2:CreateTags ec2:DeleteTags"
_GROUPS = "ec2:DescribeSecurityGroups ec2:DescribeSecurityGroupRules"
ACTIONS: Mapping[str, str] = {
    "aws_cloudformation_stack": (
        "cloudformation:CreateStack cloudformation:DeleteStack cloudformation:DescribeStackEvents"
        " cloudformation:DescribeStacks cloudformation:GetTemplate cloudformation:UpdateStack"
        " lambda:PutFunctionConcurrency lambda:DeleteFunctionConcurrency"
    ),
    "aws_cloudwatch_event_rule": (
        "events:DeleteRule events:DescribeRule events:ListTagsForResource events:PutRule events:TagResource"
        " events:UntagResource"
    ),
    "aws_cloudwatch_event_target": "events:ListTargetsByRule events:PutTargets events:RemoveTargets",
    "aws_cloudwatch_log_group": (
        "logs:CreateLogGroup logs:DeleteLogGroup logs:DescribeLogGroups logs:ListTagsForResource"
        " logs:PutRetentionPolicy logs:TagResource logs:UntagResource logs:AssociateKmsKey logs:DisassociateKmsKey"
    ),
    "aws_cloudwatch_log_metric_filter": ("logs:DeleteMetricFilter logs:DescribeMetricFilters logs:PutMetricFilter"),
    "aws_cloudwatch_metric_alarm": (
        "cloudwatch:DeleteAlarms cloudwatch:DescribeAlarms cloudwatch:ListTagsForResource cloudwatch:PutMetricAlarm"
        " cloudwatch:TagResource cloudwatch:UntagResource"
    ),
    "aws_db_instance": (
        "rds:AddTagsToResource rds:CreateDBInstance rds:CreateDBSnapshot rds:DeleteDBInstance rds:DescribeDBInstances"
        " rds:ListTagsForResource rds:ModifyDBInstance rds:RebootDBInstance rds:RemoveTagsFromResource"
        " secretsmanager:CreateSecret secretsmanager:TagResource kms:DescribeKey kms:CreateGrant"
        " iam:CreateServiceLinkedRole"  # RDS makes its own role with the account's first database
    ),
    "aws_db_parameter_group": (
        "rds:AddTagsToResource rds:CreateDBParameterGroup rds:DeleteDBParameterGroup rds:DescribeDBParameterGroups"
        " rds:DescribeDBParameters rds:ListTagsForResource rds:ModifyDBParameterGroup rds:ResetDBParameterGroup"
    ),
    "aws_db_subnet_group": (
        "rds:AddTagsToResource rds:CreateDBSubnetGroup rds:DeleteDBSubnetGroup rds:DescribeDBSubnetGroups"
        " rds:ListTagsForResource rds:ModifyDBSubnetGroup"
    ),
    "aws_default_security_group": (f"{_GROUPS} {_TAGS} ec2:RevokeSecurityGroupEgress ec2:RevokeSecurityGroupIngress"),
    "aws_ecr_lifecycle_policy": "ecr:DeleteLifecyclePolicy ecr:GetLifecyclePolicy ecr:PutLifecyclePolicy",
    "aws_ecr_repository": (
        "ecr:CreateRepository ecr:DeleteRepository ecr:DescribeRepositories ecr:ListTagsForResource"
        " ecr:PutImageScanningConfiguration ecr:PutImageTagMutability ecr:TagResource ecr:UntagResource"
    ),
    "aws_ecr_repository_policy": ("ecr:DeleteRepositoryPolicy ecr:GetRepositoryPolicy ecr:SetRepositoryPolicy"),
    "aws_eip": (
        f"ec2:AllocateAddress ec2:DescribeAddresses ec2:DescribeAddressesAttribute ec2:ReleaseAddress {_TAGS}"
        " ec2:DisassociateAddress"
    ),
    "aws_eip_association": "ec2:AssociateAddress ec2:DescribeAddresses ec2:DisassociateAddress",
    "aws_flow_log": f"ec2:CreateFlowLogs ec2:DeleteFlowLogs ec2:DescribeFlowLogs iam:PassRole {_TAGS}",
    "aws_iam_role": (
        "iam:CreateRole iam:DeleteRole iam:GetRole iam:ListAttachedRolePolicies iam:ListInstanceProfilesForRole"
        " iam:ListRolePolicies iam:TagRole iam:UntagRole iam:UpdateAssumeRolePolicy iam:UpdateRole"
        " iam:UpdateRoleDescription"
    ),
    "aws_iam_role_policy": "iam:DeleteRolePolicy iam:GetRolePolicy iam:PutRolePolicy",
    "aws_iam_role_policy_attachment": ("iam:AttachRolePolicy iam:DetachRolePolicy iam:ListAttachedRolePolicies"),
    "aws_instance": (
        "ec2:DescribeIamInstanceProfileAssociations ec2:DescribeImages ec2:DescribeInstanceAttribute"
        " ec2:DescribeInstanceCreditSpecifications ec2:DescribeInstances ec2:DescribeInstanceTypes ec2:DescribeTags"
        " ec2:DescribeVolumes ec2:ModifyInstanceAttribute ec2:ModifyInstanceCreditSpecification"
        f" ec2:ModifyInstanceMetadataOptions ec2:RunInstances ec2:TerminateInstances {_TAGS}"
    ),
    "aws_internet_gateway": (
        "ec2:AttachInternetGateway ec2:CreateInternetGateway ec2:DeleteInternetGateway ec2:DescribeInternetGateways"
        f" ec2:DetachInternetGateway {_TAGS}"
    ),
    "aws_kms_alias": "kms:CreateAlias kms:DeleteAlias kms:ListAliases kms:UpdateAlias",
    "aws_kms_key": (
        "kms:CreateKey kms:DescribeKey kms:EnableKeyRotation kms:GetKeyPolicy kms:GetKeyRotationStatus"
        " kms:ListResourceTags kms:PutKeyPolicy kms:ScheduleKeyDeletion kms:TagResource kms:UntagResource"
        " kms:UpdateKeyDescription kms:CreateGrant kms:Decrypt kms:GenerateDataKey"
    ),
    "aws_lambda_alias": "lambda:CreateAlias lambda:DeleteAlias lambda:GetAlias lambda:UpdateAlias",
    "aws_lambda_event_source_mapping": (
        "lambda:CreateEventSourceMapping lambda:DeleteEventSourceMapping lambda:GetEventSourceMapping"
        " lambda:ListTags lambda:TagResource lambda:UpdateEventSourceMapping"
    ),
    "aws_lambda_function": (
        "iam:PassRole lambda:CreateFunction lambda:DeleteFunction lambda:DeleteFunctionConcurrency lambda:GetFunction"
        " lambda:GetFunctionCodeSigningConfig lambda:GetFunctionConfiguration lambda:ListVersionsByFunction"
        " lambda:PublishVersion lambda:PutFunctionConcurrency lambda:TagResource lambda:UntagResource"
        " lambda:UpdateFunctionCode lambda:UpdateFunctionConfiguration ec2:DescribeSecurityGroups ec2:DescribeSubnets"
        " ec2:DescribeVpcs"
    ),
    "aws_lambda_function_event_invoke_config": (
        "lambda:DeleteFunctionEventInvokeConfig lambda:GetFunctionEventInvokeConfig lambda:PutFunctionEventInvokeConfig"
    ),
    "aws_lambda_permission": "lambda:AddPermission lambda:GetPolicy lambda:RemovePermission",
    "aws_nat_gateway": f"ec2:CreateNatGateway ec2:DeleteNatGateway ec2:DescribeNatGateways {_TAGS}",
    "aws_route": "ec2:CreateRoute ec2:DeleteRoute ec2:DescribeRouteTables ec2:ReplaceRoute",
    "aws_route_table": (
        f"ec2:CreateRouteTable ec2:DeleteRouteTable ec2:DescribeRouteTables ec2:DisassociateRouteTable {_TAGS}"
    ),
    "aws_route_table_association": (
        "ec2:AssociateRouteTable ec2:DescribeRouteTables ec2:DisassociateRouteTable ec2:ReplaceRouteTableAssociation"
    ),
    "aws_s3_bucket": (
        "s3:CreateBucket s3:DeleteBucket s3:DeleteObject s3:DeleteObjectVersion s3:GetAccelerateConfiguration"
        " s3:GetBucketAcl s3:GetBucketCORS s3:GetBucketLogging s3:GetBucketObjectLockConfiguration s3:GetBucketPolicy"
        " s3:GetBucketRequestPayment s3:GetBucketTagging s3:GetBucketVersioning s3:GetBucketWebsite"
        " s3:GetEncryptionConfiguration s3:GetLifecycleConfiguration s3:GetReplicationConfiguration s3:ListBucket"
        " s3:ListBucketVersions s3:PutBucketTagging"
    ),
    "aws_s3_bucket_lifecycle_configuration": "s3:GetLifecycleConfiguration s3:PutLifecycleConfiguration",
    "aws_s3_bucket_ownership_controls": "s3:GetBucketOwnershipControls s3:PutBucketOwnershipControls",
    "aws_s3_bucket_policy": "s3:DeleteBucketPolicy s3:GetBucketPolicy s3:PutBucketPolicy",
    "aws_s3_bucket_public_access_block": "s3:GetBucketPublicAccessBlock s3:PutBucketPublicAccessBlock",
    "aws_s3_bucket_server_side_encryption_configuration": (
        "s3:GetEncryptionConfiguration s3:PutEncryptionConfiguration"
    ),
    "aws_s3_bucket_versioning": "s3:GetBucketVersioning s3:PutBucketVersioning",
    "aws_s3_object": (
        "s3:DeleteObject s3:DeleteObjectVersion s3:GetObject s3:GetObjectTagging s3:ListBucketVersions s3:PutObject"
        " s3:PutObjectTagging"
    ),
    "aws_scheduler_schedule": (
        "iam:PassRole scheduler:CreateSchedule scheduler:DeleteSchedule scheduler:GetSchedule scheduler:UpdateSchedule"
    ),
    "aws_scheduler_schedule_group": (
        "scheduler:CreateScheduleGroup scheduler:DeleteScheduleGroup scheduler:GetScheduleGroup"
        " scheduler:ListTagsForResource scheduler:TagResource scheduler:UntagResource"
    ),
    "aws_secretsmanager_secret": (
        "secretsmanager:CreateSecret secretsmanager:DeleteSecret secretsmanager:DescribeSecret"
        " secretsmanager:GetResourcePolicy secretsmanager:TagResource secretsmanager:UntagResource"
        " secretsmanager:UpdateSecret"
    ),
    "aws_security_group": (
        f"ec2:CreateSecurityGroup ec2:DeleteSecurityGroup ec2:DescribeNetworkInterfaces"
        f" ec2:RevokeSecurityGroupEgress {_GROUPS} {_TAGS}"
    ),
    "aws_sfn_state_machine": (
        "iam:PassRole states:CreateStateMachine states:DeleteStateMachine states:DescribeStateMachine"
        " states:ListStateMachineVersions states:ListTagsForResource states:TagResource states:UntagResource"
        " states:UpdateStateMachine states:ValidateStateMachineDefinition"
    ),
    "aws_sns_topic": (
        "sns:CreateTopic sns:DeleteTopic sns:GetTopicAttributes sns:ListTagsForResource sns:SetTopicAttributes"
        " sns:TagResource sns:UntagResource"
    ),
    "aws_sns_topic_policy": "sns:GetTopicAttributes sns:SetTopicAttributes",
    "aws_sns_topic_subscription": (
        "sns:GetSubscriptionAttributes sns:ListSubscriptionsByTopic sns:SetSubscriptionAttributes sns:Subscribe"
        " sns:Unsubscribe"
    ),
    "aws_sqs_queue": (
        "sqs:CreateQueue sqs:DeleteQueue sqs:GetQueueAttributes sqs:GetQueueUrl sqs:ListQueueTags"
        " sqs:SetQueueAttributes sqs:TagQueue sqs:UntagQueue"
    ),
    "aws_ssm_parameter": (
        "ssm:AddTagsToResource ssm:DeleteParameter ssm:DescribeParameters ssm:GetParameter ssm:ListTagsForResource"
        " ssm:PutParameter ssm:RemoveTagsFromResource"
    ),
    "aws_subnet": (
        "ec2:CreateSubnet ec2:DeleteNetworkInterface ec2:DeleteSubnet ec2:DescribeNetworkInterfaces"
        f" ec2:DescribeSubnets ec2:DetachNetworkInterface ec2:ModifySubnetAttribute {_TAGS}"
    ),
    "aws_vpc": (
        "ec2:CreateVpc ec2:DeleteVpc ec2:DescribeNetworkAcls ec2:DescribeRouteTables ec2:DescribeSecurityGroups"
        f" ec2:DescribeVpcAttribute ec2:DescribeVpcs ec2:ModifyVpcAttribute {_TAGS}"
    ),
    "aws_vpc_endpoint": (
        "ec2:CreateVpcEndpoint ec2:DeleteVpcEndpoints ec2:DescribePrefixLists ec2:DescribeVpcEndpoints"
        f" ec2:ModifyVpcEndpoint {_TAGS}"
    ),
    "aws_vpc_security_group_egress_rule": (
        f"ec2:AuthorizeSecurityGroupEgress ec2:ModifySecurityGroupRules ec2:RevokeSecurityGroupEgress {_GROUPS} {_TAGS}"
    ),
    "aws_vpc_security_group_ingress_rule": (
        f"ec2:AuthorizeSecurityGroupIngress ec2:ModifySecurityGroupRules ec2:RevokeSecurityGroupIngress {_GROUPS}"
        f" {_TAGS}"
    ),
    "terraform_data": "",  # Terraform's own
}
"""What the provider calls to make, read, change and delete each type of managed resource."""
READS: Mapping[str, str] = {
    "aws_availability_zones": "ec2:DescribeAvailabilityZones",
    "aws_caller_identity": "sts:GetCallerIdentity",
    "aws_partition": "",
    "aws_region": "",
    "aws_route_table": "ec2:DescribeRouteTables",
    "aws_route_tables": "ec2:DescribeRouteTables",
    "aws_servicequotas_service_quota": "servicequotas:GetServiceQuota servicequotas:GetAWSDefaultServiceQuota",
    "aws_ssm_parameter": "ssm:GetParameter",
}
"""What it calls to read each data source."""
TOOLS: Mapping[str, str] = {
    "the first look": (
        "ec2:DescribeRegions freetier:GetAccountPlanState iam:GetRole iam:SimulatePrincipalPolicy"
        " lambda:GetAccountSettings"
    ),
    "the state's bucket": (
        "s3:CreateBucket s3:ListBucket s3:PutBucketPolicy s3:PutBucketPublicAccessBlock s3:PutBucketVersioning"
        " s3:PutEncryptionConfiguration s3:GetObject s3:PutObject s3:DeleteObject"
    ),
    "the push": (
        "ecr:BatchCheckLayerAvailability ecr:BatchGetImage ecr:CompleteLayerUpload ecr:DescribeImages"
        " ecr:GetAuthorizationToken ecr:GetDownloadUrlForLayer ecr:InitiateLayerUpload ecr:PutImage ecr:UploadLayerPart"
        " s3:GetObject s3:PutObject"
    ),
    "the operator function, for the migrations and the test alert": "lambda:InvokeFunction",
    "the links in the mails": "sns:ListSubscriptionsByTopic",
    "a destroy's look at what is left": "ec2:DescribeNetworkInterfaces",
    "who acts": "sts:GetCallerIdentity",
}
"""What `make deploy` and its kin call themselves, by what they do."""
_NETWORK = frozenset(
    {
        "aws_default_security_group", "aws_flow_log", "aws_internet_gateway", "aws_route", "aws_route_table",
        "aws_route_table_association", "aws_subnet", "aws_vpc", "aws_vpc_endpoint", "aws_eip",
    }
)  # fmt: skip
"""Types of a network that is made."""
_INSTANCE = frozenset({"aws_instance", "aws_eip_association"})
"""Types of the instance in the NAT gateway's place."""
_KEY = frozenset({"aws_kms_key", "aws_kms_alias"})
_ORCHESTRATION = frozenset({"aws_sfn_state_machine", "aws_cloudformation_stack"})
"""Types of lanes with another orchestrator."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where actions of a service are allowed: a kind of resource whose names begin with the environment's."""

    pattern: str
    """The ARN in a policy."""
    example: str = ""
    """One resource of that pattern, of which IAM is asked; the pattern itself where nothing varies."""
    of: str = ""
    """Regular expression of the actions that IAM is asked of here; a service's last place takes those of no other."""


_ANY = "*"
_PASSED_TO = (
    "lambda.amazonaws.com", "monitoring.rds.amazonaws.com", "scheduler.amazonaws.com", "states.amazonaws.com",
    "vpc-flow-logs.amazonaws.com",
)  # fmt: skip
PASSED_TO = "iam:PassedToService"
"""IAM's key of a condition: to whom a role is passed."""
LINKED_TO = "iam:AWSServiceName"
"""IAM's key of a condition: whose service-linked role is made."""
_LINKED = "rds.amazonaws.com"


def _places(service: str, *places: tuple[str, str, str]) -> tuple[Place, ...]:
    """Return places of the account and region, each of a pattern, an example and a regular expression of actions."""
    here = f"arn:aws:{service}:{{region}}:{{account}}:"
    return tuple(Place(pattern=here + pattern, example=here + one, of=of) for pattern, one, of in places)


_NAMED: Mapping[str, tuple[Place, ...]] = {
    "cloudformation": _places("cloudformation", ("stack/{name}-*", "stack/{name}-durable/x", "")),
    "cloudwatch": _places("cloudwatch", ("alarm:{name}-*", "alarm:{name}-silence", "")),
    "ecr": _places("ecr", ("repository/{name}/*", "repository/{name}/crawler", "")),
    "events": _places("events", ("rule/{name}-*", "rule/{name}-run-ended", "")),
    "iam": (
        Place(pattern="arn:aws:iam::{account}:role/{name}-*", example="arn:aws:iam::{account}:role/{name}-crawler"),
    ),
    "lambda": _places("lambda", ("function:{name}-*", "function:{name}-crawler", "")),
    "logs": _places("logs", ("log-group:*{name}*", "log-group:/aws/lambda/{name}-crawler", "")),
    "rds": _places(
        "rds",
        ("pg:{name}-*", "pg:{name}-17", "Parameter"),
        ("snapshot:{name}-*", "snapshot:{name}-final", "Snapshot"),
        ("subgrp:{name}", "subgrp:{name}", "SubnetGroup"),
        ("db:{name}", "db:{name}", ""),
    ),
    "s3": (
        Place(pattern="{states}"),
        Place(
            pattern="arn:aws:s3:::{name}-{account}*/*",
            example="arn:aws:s3:::{name}-{account}-{region}/packages/x",
            of="Object(Version|Tagging)?$",
        ),
        Place(pattern="arn:aws:s3:::{name}-{account}*", example="arn:aws:s3:::{name}-{account}-{region}"),
    ),
    "scheduler": _places(
        "scheduler",
        ("schedule/{name}/*", "schedule/{name}/x", "Schedule$"),
        ("schedule-group/{name}", "schedule-group/{name}", ""),
    ),
    "secretsmanager": _places(
        "secretsmanager", ("secret:rds!db-*", "secret:rds!db-*", ""), ("secret:{name}/*", "secret:{name}/channels", "")
    ),
    "sns": _places("sns", ("{name}-*", "{name}-alerts", "")),
    "sqs": _places("sqs", ("{name}-*", "{name}-crawler-failures", "")),
    "ssm": (
        Place(pattern="arn:aws:ssm:{region}::parameter/aws/service/ami-amazon-*"),
        *_places("ssm", ("parameter/{name}/*", "parameter/{name}/session-key", "")),
    ),
    "states": _places("states", ("stateMachine:{name}-*", "stateMachine:{name}-run", "")),
}
"""What each service's actions are allowed on. Who is not here, EC2 and KMS among them, gives its things no names, so
that their actions are allowed on all."""
_UNNAMED = frozenset(
    {
        "cloudformation:DescribeStacks", "cloudwatch:DescribeAlarms", "ecr:GetAuthorizationToken",
        "iam:GetRole", "iam:SimulatePrincipalPolicy", "lambda:CreateEventSourceMapping",
        "lambda:DeleteEventSourceMapping", "lambda:GetAccountSettings", "lambda:GetEventSourceMapping",
        "lambda:UpdateEventSourceMapping", "lambda:ListTags", "logs:DescribeLogGroups", "rds:DescribeDBInstances",
        "rds:DescribeDBParameterGroups", "rds:DescribeDBSubnetGroups", "sns:GetSubscriptionAttributes",
        "sns:SetSubscriptionAttributes", "sns:Unsubscribe", "ssm:DescribeParameters",
        "states:ValidateStateMachineDefinition",
    }
)  # fmt: skip
"""Actions of those services that know no narrower resource, or one whose name AWS or the account makes."""
_CONDITIONS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "iam:PassRole": (PASSED_TO, _PASSED_TO),
    "iam:CreateServiceLinkedRole": (LINKED_TO, (_LINKED,)),
}
"""Actions that are allowed for some services only: the condition's key, and the services."""
_LINKED_ROLE = f"arn:aws:iam::{{account}}:role/aws-service-role/{_LINKED}/AWSServiceRoleForRDS"
_POLICIES: Mapping[str, tuple[str, ...]] = {
    "network": ("ec2",),
    "data": ("ecr", "kms", "rds", "s3", "secretsmanager", "ssm"),
    "functions": (
        "cloudformation", "cloudwatch", "events", "freetier", "iam", "lambda", "logs", "scheduler", "servicequotas",
        "sns", "sqs", "states", "sts",
    ),
}  # fmt: skip
"""Services by policy: one policy would be larger than AWS takes."""


def actions(kinds: Iterable[str] = (*ACTIONS,), reads: Iterable[str] = (*READS,)) -> set[str]:
    """Return every action that the types of resources and data sources, and the tools, call. Raises ``KeyError``."""
    texts = [*TOOLS.values(), *(ACTIONS[kind] for kind in kinds), *(READS[kind] for kind in reads)]
    return {action for text in texts for action in text.split()}


def kinds(*, network: bool, instance: bool, key: bool, orchestration: bool) -> set[str]:
    """Return the types of resources that an environment makes.

    ``network``: a VPC of its own; ``instance``: with an instance in the NAT gateway's place; ``key``: a key of the
    account's own; ``orchestration``: lanes with another orchestrator.
    """
    gone = set() if network else {*_NETWORK, *_INSTANCE, "aws_nat_gateway"}
    gone |= {"aws_nat_gateway"} if instance else _INSTANCE
    gone |= set() if key else _KEY
    gone |= set() if orchestration else _ORCHESTRATION
    return ACTIONS.keys() - gone


def asked(wanted: Iterable[str], *, name: str, region: str, account: str) -> dict[str, set[str]]:
    """Return what IAM is asked: by the ARN of one resource of the environment ``name`` the actions on it."""
    known = {"name": f"trapline-{name}", "region": region, "account": account}
    found: defaultdict[str, set[str]] = defaultdict(set)
    for action in wanted:
        found[_example(action).format(**known)].add(action)
    return dict(found)


def _example(action: str) -> str:
    if action == "iam:CreateServiceLinkedRole":
        return _LINKED_ROLE
    service = action.partition(":")[0]
    if action in _UNNAMED or service not in _NAMED:
        return _ANY
    *narrow, usual = _NAMED[service]
    return next((place for place in narrow if place.of and re.search(place.of, action)), usual).example


def condition(action: str) -> str | None:
    """Return the key of the condition under which ``action`` is allowed; ``None`` without one."""
    return _CONDITIONS[action][0] if action in _CONDITIONS else None


def policies(name: str, *, region: str, account: str, states: str) -> dict[str, Any]:
    """Return the policies of whoever deploys the environment ``name``; ``states``: the bucket of Terraform's state."""
    known = {"name": f"trapline-{name}", "region": region, "account": account, "states": f"arn:aws:s3:::{states}*"}
    wanted = actions()
    return {
        policy: {
            "Version": "2012-10-17",
            "Statement": [one for service in services for one in _statements(service, wanted, known)],
        }
        for policy, services in _POLICIES.items()
    }


def _statements(service: str, wanted: set[str], known: Mapping[str, str]) -> list[dict[str, Any]]:
    ours = sorted(action for action in wanted if action.partition(":")[0] == service)
    narrow = [action for action in ours if action in _CONDITIONS]
    named = [action for action in ours if service in _NAMED and action not in _UNNAMED and action not in narrow]
    other = [action for action in ours if action not in {*named, *narrow}]
    where = [place.pattern.format(**known) for place in _NAMED.get(service, ())]
    found: list[dict[str, Any]] = []
    if named:
        found.append({"Effect": "Allow", "Action": named, "Resource": where})
    if other:
        found.append({"Effect": "Allow", "Action": other, "Resource": _ANY})
    for action in narrow:
        key, values = _CONDITIONS[action]
        on = [_LINKED_ROLE.format(**known)] if key == LINKED_TO else where
        only = {"StringEquals": {key: list(values)}}
        found.append({"Effect": "Allow", "Action": [action], "Resource": on, "Condition": only})
    return found


def states_bucket(account: str, region: str) -> str:
    """Return the name of the bucket that a first deploy makes for Terraform's state."""
    return f"trapline-state-{account}-{region}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the policies of an environment, one JSON document for each, by its name."""
    parser = argparse.ArgumentParser(prog="python -m tools.terraform.deployer", description=__doc__)
    parser.add_argument("environment", help="such as dev")
    parser.add_argument("region", help="such as eu-central-1")
    parser.add_argument("account", help="the 12 digits of the account")
    parser.add_argument("states", nargs="?", help="the bucket of Terraform's state, where it is not the usual one")
    options = parser.parse_args(arguments)
    states = options.states or states_bucket(options.account, options.region)
    made = policies(options.environment, region=options.region, account=options.account, states=states)
    say(json.dumps(made, indent=2))
    return 0


if __name__ == "__main__":
    main_guard(main)
