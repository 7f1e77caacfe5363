"""A call that lies in a lane's queue, in an interpreter of state machines that knows heartbeats."""

import json
import time

import boto3
import pytest
from moto import mock_aws

from support import asl

REGION = "eu-central-1"
ROLE = "arn:aws:iam::123456789012:role/trapline-test-wave"
VALUES = {
    "partition": "aws",
    "crawler": f"arn:aws:lambda:{REGION}:123456789012:function:crawler:live",
    "dispatcher": f"arn:aws:lambda:{REGION}:123456789012:function:dispatcher",  # moto knows no alias
    "crawler_timeout": 900,
    "dispatcher_timeout": 300,
    "rounds": 200,
    "pending_ttl": 330,
}
ITEM = {"v": 1, "invocation_id": "7f3c", "lane": "fragile", "hop": 0, "via": "queue", "wave": "w"}
PATIENCE = 60


@pytest.fixture
def aws(monkeypatch):
    """Step Functions that execute, a queue of the lane, and functions that answer at once."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    settings = {"stepfunctions": {"execute_state_machine": True}, "lambda": {"use_docker": False}}
    with mock_aws(config=settings):
        yield lambda service: boto3.client(service, region_name=REGION)


def child(queue, *, heartbeat):
    """Return what one child of a wave executes, with another heartbeat than its 450 s and a short wait for a loss."""
    values = VALUES | {"queue_prefix": queue.removesuffix("fragile")}
    processor = asl.rendered("wave", values)["States"]["Every invocation"]["ItemProcessor"]
    processor["States"]["Through the queue"]["HeartbeatSeconds"] = heartbeat
    processor["States"]["Until it is silent"]["Seconds"] = 1
    return {"StartAt": processor["StartAt"], "States": processor["States"]}


def ended(states, execution):
    """Return the execution once it has ended, and the names of the states that it entered."""
    give_up = time.monotonic() + PATIENCE
    while (found := states.describe_execution(executionArn=execution))["status"] == "RUNNING":
        assert time.monotonic() < give_up
        time.sleep(0.1)  # between two looks
    events = states.get_execution_history(executionArn=execution)["events"]
    return found, [one["stateEnteredEventDetails"]["name"] for one in events if "stateEnteredEventDetails" in one]


def started(aws, *, heartbeat):
    """Make queue, function and machine, and start an execution of one item."""
    queue = aws("sqs").create_queue(QueueName="trapline-test-lane-fragile")["QueueUrl"]
    aws("iam").create_role(RoleName="trapline-test-wave", AssumeRolePolicyDocument="{}")
    aws("lambda").create_function(
        FunctionName="dispatcher", Runtime="python3.13", Role=ROLE, Handler="x.y", Code={"ZipFile": b"no code"}
    )
    machine = aws("stepfunctions").create_state_machine(
        name="child", definition=json.dumps(child(queue, heartbeat=heartbeat)), roleArn=ROLE
    )["stateMachineArn"]
    given = json.dumps({"item": ITEM, "round": 1})
    return queue, aws("stepfunctions").start_execution(stateMachineArn=machine, name="child-1", input=given)[
        "executionArn"
    ]


def test_a_call_without_a_sign_of_life_is_lost(aws):
    """Its heartbeat runs out, the loss is reported, and the child ends with an empty answer."""
    _, execution = started(aws, heartbeat=1)
    found, entered = ended(aws("stepfunctions"), execution)
    assert entered == ["Which way", "Through the queue", "Until it is silent", "Lost"]
    assert (found["status"], found["output"]) == ("SUCCEEDED", "{}")


def test_a_call_that_is_answered_ends_its_child(aws):
    """The message holds the row, the delivery and the token; an answer by that token ends the child."""
    queue, execution = started(aws, heartbeat=30)
    (message,) = aws("sqs").receive_message(QueueUrl=queue, WaitTimeSeconds=10)["Messages"]
    body = json.loads(message["Body"])
    token = body.pop("task_token")
    assert body.pop("delivery") == "child-1"
    assert body == {"v": 1, "type": "crawl", "invocation_id": "7f3c", "lane": "fragile", "hop": 0}
    states = aws("stepfunctions")
    states.send_task_heartbeat(taskToken=token)
    states.send_task_success(taskToken=token, output=json.dumps({"status": "succeeded", "due": False}))
    found, entered = ended(states, execution)
    assert entered == ["Which way", "Through the queue", "Is more due", "Nothing is left"]
    assert (found["status"], found["output"]) == ("SUCCEEDED", "{}")
