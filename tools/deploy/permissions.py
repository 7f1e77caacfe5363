"""What a deployer must be allowed, asked of IAM's own simulator: one action that makes each kind of thing."""

from botocore.exceptions import ClientError

from tools.deploy.account import Account

ACTIONS = {
    "arn:{partition}:iam::{account}:role/trapline-{name}-crawler": (
        *("iam:CreateRole", "iam:PutRolePolicy", "iam:PassRole", "iam:DeleteRole"),
    ),
    "arn:{partition}:lambda:{region}:{account}:function:trapline-{name}-crawler": (
        *(
            "lambda:CreateFunction",
            "lambda:PublishVersion",
            "lambda:CreateAlias",
            "lambda:PutFunctionEventInvokeConfig",
        ),
        *("lambda:AddPermission", "lambda:InvokeFunction", "lambda:DeleteFunction"),
    ),
    "arn:{partition}:s3:::trapline-{name}-{account}-{region}": (
        *("s3:CreateBucket", "s3:PutBucketPolicy", "s3:PutLifecycleConfiguration", "s3:PutBucketVersioning"),
    ),
    "arn:{partition}:s3:::trapline-{name}-{account}-{region}/packages/x": (
        "s3:PutObject",
        "s3:GetObject",
        "s3:DeleteObject",
    ),
    "arn:{partition}:sns:{region}:{account}:trapline-{name}-alerts": (
        *("sns:CreateTopic", "sns:Subscribe", "sns:SetTopicAttributes", "sns:ListSubscriptionsByTopic"),
    ),
    "arn:{partition}:sqs:{region}:{account}:trapline-{name}-crawler-failures": ("sqs:CreateQueue", "sqs:DeleteQueue"),
    "arn:{partition}:ecr:{region}:{account}:repository/trapline-{name}/crawler": (
        *("ecr:CreateRepository", "ecr:InitiateLayerUpload", "ecr:PutImage", "ecr:SetRepositoryPolicy"),
    ),
    "arn:{partition}:logs:{region}:{account}:log-group:/aws/lambda/trapline-{name}-crawler": (
        *("logs:CreateLogGroup", "logs:PutRetentionPolicy"),
    ),
    "arn:{partition}:cloudwatch:{region}:{account}:alarm:trapline-{name}-silence": ("cloudwatch:PutMetricAlarm",),
    "arn:{partition}:scheduler:{region}:{account}:schedule/trapline-{name}/x": ("scheduler:CreateSchedule",),
    "arn:{partition}:rds:{region}:{account}:db:trapline-{name}": ("rds:CreateDBInstance", "rds:DeleteDBInstance"),
    "arn:{partition}:secretsmanager:{region}:{account}:secret:trapline-{name}/channels": (
        *("secretsmanager:CreateSecret", "secretsmanager:DeleteSecret"),
    ),
    "arn:{partition}:ssm:{region}:{account}:parameter/trapline-{name}/session-key": ("ssm:PutParameter",),
    "*": (
        *("kms:CreateKey", "kms:CreateAlias"),
        *("ec2:CreateVpc", "ec2:CreateSubnet", "ec2:CreateSecurityGroup", "ec2:AllocateAddress", "ec2:DescribeVpcs"),
        *("ec2:CreateRouteTable", "ec2:DescribeNetworkInterfaces", "ecr:GetAuthorizationToken"),
    ),
}
"""The resource, with placeholders, and what the caller does to it; simulated for each resource by itself.

A policy that names Trapline's own resources is thus taken for what it allows. Tests compare the services with those of
the modules in terraform/, and each line with the policies that ``tools.terraform.deployer`` prints: they allow it.
"""
PASSED_TO = {
    "ContextKeyName": "iam:PassedToService",
    "ContextKeyType": "string",
    "ContextKeyValues": ["lambda.amazonaws.com"],
}
"""To whom a role would be passed, which those policies ask; of other actions nothing looks at it."""


def denied(account: Account, environment: str) -> list[str]:
    """Return the actions of ``ACTIONS`` that the caller may not perform, sorted. Raises ``ClientError``.

    The root user may do everything, and IAM simulates nothing for it.
    """
    principal = _principal(account)
    if principal is None:
        return []
    iam, found = account.client("iam"), set()
    placeholders = {
        "partition": account.partition,
        "region": account.region,
        "account": account.id,
        "name": environment,
    }
    for resource, actions in ACTIONS.items():
        pages = iam.get_paginator("simulate_principal_policy").paginate(
            PolicySourceArn=principal,
            ActionNames=list(actions),
            ResourceArns=[resource.format(**placeholders)],
            ContextEntries=[PASSED_TO],
        )
        for page in pages:
            found |= {one["EvalActionName"] for one in page["EvaluationResults"] if one["EvalDecision"] != "allowed"}
    return sorted(found)


def _principal(account: Account) -> str | None:
    """Return the ARN that IAM simulates for the caller: a user's own, or the role's behind a session."""
    *_, name = account.caller.split(":", 5)
    kind, _, rest = name.partition("/")
    if kind == "assumed-role":
        role = rest.partition("/")[0]
        try:
            return str(account.client("iam").get_role(RoleName=role)["Role"]["Arn"])  # it knows the role's path
        except ClientError as error:
            if error.response["Error"].get("Code") != "AccessDenied":
                raise
            return f"arn:{account.partition}:iam::{account.id}:role/{role}"
    return account.caller if kind == "user" else None
