"""A lane's invocations on a local AWS, as a test of its orchestrator looks at them: rows, executions and histories."""

import asyncio
import json
import math
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import urlencode

import asyncpg
import psutil

from support.local_aws import Deployed, eventually
from tools.local_aws.deployment import NAME

OPEN = ("created", "pending", "ready", "running")
INVOCATIONS = """
    SELECT DISTINCT i.*, i.via::text AS via FROM trapline.invocation i
    WHERE i.lane = (SELECT lane FROM trapline.run WHERE id = $1)
      AND i.created_at >= (SELECT created_at FROM trapline.run WHERE id = $1)
    ORDER BY i.created_at
"""
TASKS = """
    SELECT count(*)::int AS tasks, sum(coalesce(cardinality(urls), 1))::int AS pages,
        (count(*) FILTER (WHERE status = 'done'))::int AS done, max(lease_seq)::int AS lease_seq,
        (SELECT count(*)::int FROM trapline.observation WHERE run_id = $1) AS seen
    FROM trapline.task WHERE run_id = $1
"""
MOST = """
    SELECT max(at_once)::int AS most FROM (
        SELECT (SELECT count(*) FROM trapline.invocation b WHERE b.lane = a.lane
            AND b.created_at <= a.created_at AND coalesce(b.ended_at, 'infinity') > a.created_at) AS at_once
        FROM trapline.invocation a WHERE a.lane = $1) each
"""


def rows(aws: Deployed, query: str, *arguments: Any) -> list[dict[str, Any]]:
    """Return what the ledger answers, asked as its owner."""

    async def ask() -> list[dict[str, Any]]:
        connection = await asyncpg.connect(aws.system.database_url)
        try:
            return [dict(row) for row in await connection.fetch(query, *arguments)]
        finally:
            await connection.close()

    return asyncio.run(ask())


def whole(aws: Deployed, run: int) -> dict[str, Any]:
    """Wait for the run's end and for that of its lane's invocations; return its tasks and its invocations."""

    def ended() -> Any:
        (one,) = rows(aws, "SELECT ended_at, told_at FROM trapline.run WHERE id = $1", run)
        return one["ended_at"] and one["told_at"] and not busy(aws, run)

    eventually(f"the end of run {run}, told", ended)
    (tasks,) = rows(aws, TASKS, run)
    return {**tasks, "invocations": rows(aws, INVOCATIONS, run)}


def busy(aws: Deployed, run: int) -> list[dict[str, Any]]:
    """Return the invocations of the run's lane that have not ended."""
    return [one for one in rows(aws, INVOCATIONS, run) if one["status"] in OPEN]


def exact(aws: Deployed, run: int, *, via: str, share: int, cap: int) -> dict[str, Any]:
    """Fail unless the run's invocations are as many as its pages needed, each asked for once and called once.

    ``share``: tasks that one takes; ``cap``: most at once. Returns the run's tasks and invocations.
    """
    found = whole(aws, run)
    assert (found["done"], found["seen"]) == (found["tasks"], found["pages"])
    needed = min(cap, math.ceil(found["tasks"] / share))
    made = found["invocations"]
    assert Counter((one["via"], one["asks"], one["duplicates"]) for one in made) == {(via, 1, 0): len(made)}
    assert len(made) == needed, Counter(one["status"] for one in made)
    assert rows(aws, MOST, made[0]["lane"])[0]["most"] <= cap
    return found


def most_at_work(found: dict[str, Any]) -> int:
    """Return the most of a run's invocations that were between ``ready`` and their end at one moment."""
    works = [(one["ready_at"], one["ended_at"]) for one in found["invocations"]]
    return max(sum(begins <= moment < ends for begins, ends in works) for moment, _ in works)


def execution(aws: Deployed, wave: Any, *, machine: str = "wave") -> str:
    """Return the ARN of an execution by its name."""
    return f"{aws.outputs['machines'][machine].replace(':stateMachine:', ':execution:')}:{wave}"


def waves(found: dict[str, Any]) -> list[Any]:
    """Return the waves that called the invocations, the first one first."""
    return list(dict.fromkeys(one["wave"] for one in found["invocations"] if one["wave"] is not None))


def output(aws: Deployed, arn: str) -> Any:
    """Return the execution once it has ended."""
    states = aws.client("stepfunctions")

    def ended() -> Any:
        found = states.describe_execution(executionArn=arn)
        return found if found["status"] != "RUNNING" else None

    return eventually(f"the end of {arn}", ended)


@contextmanager
def held_up(aws: Deployed, lane: str) -> Iterator[None]:
    """Let calls lie in the lane's queue meanwhile."""
    _switch(aws, lane, on=False)
    try:
        yield
    finally:
        let_go(aws, lane)


def let_go(aws: Deployed, lane: str) -> None:
    """Let Lambda take from the lane's queue."""
    _switch(aws, lane, on=True)


def _switch(aws: Deployed, lane: str, *, on: bool) -> None:
    lambda_ = aws.client("lambda")
    mappings = lambda_.list_event_source_mappings()["EventSourceMappings"]
    (mapping,) = [one for one in mappings if one["EventSourceArn"].endswith(f":{NAME}-lane-{lane}")]
    lambda_.update_event_source_mapping(UUID=mapping["UUID"], Enabled=on)


@contextmanager
def config(aws: Deployed, changes: Mapping[str, str]) -> Iterator[None]:
    """Put a changed crawls.yaml where the dispatcher reads it, and the deployed one back at the end."""
    s3, where = aws.client("s3"), {"Bucket": aws.outputs["bucket"], "Key": "config/crawls.yaml"}
    found, tags = s3.get_object(**where), s3.get_object_tagging(**where)["TagSet"]
    text = before = found["Body"].read().decode()
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new)

    def put(content: str) -> None:
        """As Terraform put it, so that a plan finds nothing to change."""
        labels = urlencode({tag["Key"]: tag["Value"] for tag in tags})
        s3.put_object(**where, Body=content.encode(), ContentType=found["ContentType"], Tagging=labels)

    put(text)
    try:
        yield
    finally:
        put(before)


def kill_crawlers(aws: Deployed) -> None:
    """Kill the processes in which the emulator runs the crawler, with the browsers below them."""
    for process in psutil.Process(aws.system.emulator.pid).children(recursive=True):
        with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            if process.environ().get("AWS_LAMBDA_FUNCTION_NAME") == f"{NAME}-crawler":
                process.kill()


WORKFLOW = "reports"
"""A state machine of a user's own; the local deployment lets Trapline answer its task tokens."""


def workflow(aws: Deployed) -> Any:
    """Execute it: one crawl as a step, by the machine `run`, and one whose end its own task token waits for."""
    dispatcher = aws.outputs["functions"]["dispatcher"]["alias"]
    trust = {"Effect": "Allow", "Principal": {"Service": "states.amazonaws.com"}, "Action": "sts:AssumeRole"}
    role = aws.client("iam").create_role(
        RoleName=WORKFLOW, AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    )["Role"]["Arn"]
    asked = {"v": 1, "type": "open", "crawl": "walked", "request.$": "States.UUID()", "task_token.$": "$$.Task.Token"}
    definition = {
        "StartAt": "Buy",
        "States": {
            "Buy": {
                "Type": "Task",
                "Resource": "arn:aws:states:::states:startExecution.sync:2",
                "Parameters": {
                    "StateMachineArn": aws.outputs["machines"]["run"],
                    "Input": {"crawl": "queued", "tolerated_percent": 5},
                },
                "ResultSelector": {"run.$": "$.Output"},
                "ResultPath": "$.bought",
                "OutputPath": "$",
                "Next": "Walk",
            },
            "Walk": {
                "Type": "Task",
                "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken",
                "TimeoutSeconds": 300,
                "Parameters": {"FunctionName": dispatcher, "Payload": asked},
                "ResultPath": "$.walked",
                "End": True,
            },
        },
    }
    states = aws.client("stepfunctions")
    machine = states.create_state_machine(name=WORKFLOW, definition=json.dumps(definition), roleArn=role)
    started = states.start_execution(stateMachineArn=machine["stateMachineArn"], input="{}")
    return output(aws, started["executionArn"])
