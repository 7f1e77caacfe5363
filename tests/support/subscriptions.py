"""Ends of runs as other systems hear them: by a rule of their own, on another bus, and at a web hook."""

import json
from collections.abc import Callable
from typing import Any

from support.local_aws import Deployed
from tests.site.hook import AS_SENT

BUS = "partners"
"""A bus that others own; its policy lets the account put events on it."""
PATTERN = json.dumps({"source": ["trapline"], "detail-type": ["Run ended"]})


def subscribe(aws: Deployed) -> Callable[[], dict[str, list[Any]]]:
    """Subscribe in each way, and return what says which runs each has heard of so far."""
    events = aws.client("events")
    bus = events.create_event_bus(Name=BUS)["EventBusArn"]
    account = bus.split(":")[4]
    events.put_permission(EventBusName=BUS, Principal=account, StatementId="trapline", Action="events:PutEvents")
    queues = {"rule": _queue(aws, "told", "default"), "bus": _queue(aws, "told-partners", BUS)}
    events.put_targets(Rule="told", Targets=[{"Id": "bus", "Arn": bus}, {"Id": "hook", "Arn": _hook(aws)}])
    heard: dict[str, list[Any]] = {way: [] for way in queues}

    def received() -> dict[str, list[Any]]:
        sqs = aws.client("sqs")
        for way, url in queues.items():
            for message in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
                heard[way].append(json.loads(message["Body"])["detail"]["run_id"])
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        sent = [json.loads(line) for line in (aws.system.folder / AS_SENT).read_text().splitlines()]
        return {**heard, "hook": [one["detail"]["run_id"] for one in sent if one.get("source") == "trapline"]}

    return received


def _queue(aws: Deployed, name: str, bus: str) -> str:
    """Make a queue, and a rule on ``bus`` that puts ends of runs into it; return the address of the queue."""
    sqs, events = aws.client("sqs"), aws.client("events")
    url: str = sqs.create_queue(QueueName=name)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    rule = events.put_rule(Name=name, EventBusName=bus, EventPattern=PATTERN)["RuleArn"]
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn,
        "Condition": {"ArnEquals": {"aws:SourceArn": rule}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    events.put_targets(Rule=name, EventBusName=bus, Targets=[{"Id": "queue", "Arn": arn}])
    return url


def _hook(aws: Deployed) -> str:
    """Make an API destination for the web hook; return its ARN."""
    events = aws.client("events")
    connection = events.create_connection(
        Name="hook",
        AuthorizationType="API_KEY",
        AuthParameters={"ApiKeyAuthParameters": {"ApiKeyName": "x-key", "ApiKeyValue": "of the test"}},
    )["ConnectionArn"]
    made = events.create_api_destination(
        Name="hook",
        ConnectionArn=connection,
        InvocationEndpoint=aws.system.channel.replace("json", "http", 1),
        HttpMethod="POST",
    )
    arn: str = made["ApiDestinationArn"]
    return arn
