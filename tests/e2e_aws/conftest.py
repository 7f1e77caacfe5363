"""The whole system on a local AWS of the test's own, on free ports, deployed by Terraform."""

import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from support.local_aws import Deployed, eventually, prepare
from support.subscriptions import subscribe
from support.terraform_provider import attached, shared_provider
from tools.local_aws import system, up
from tools.shell import ROOT
from tools.terraform import binary as terraform

LOGS = ROOT / "build/e2e_aws"
"""Where the logs of the last run stay: they say why a test failed."""


@pytest.fixture(scope="session")
def inbox_messages() -> list[Any]:
    """What a subscriber of the alerts' topic got so far."""
    return []


@pytest.fixture(scope="session")
def aws() -> Iterator[Deployed]:
    """Everything up; at the end everything down, after a failure too, and no process of it left.

    Not below pytest's own folder: each session that begins as root makes that unreadable for Postgres' user.
    """
    prepare()
    folder = Path(tempfile.mkdtemp(prefix="trapline-aws-"))
    folder.chmod(0o755)
    shutil.rmtree(LOGS, ignore_errors=True)
    on = system.start(folder)
    try:
        with shared_provider(terraform.installed(os.environ), on.environment()) as provider:
            with attached(provider):
                deployment = up.deploy(on, crawls=up.TEMPLATE)
            deployment.root.init()  # installs the provider, which Terraform left out: later commands start their own
            yield Deployed(system=on, deployment=deployment, provider=provider)
    finally:
        started = time.monotonic()
        system.stop(folder)
        took = time.monotonic() - started
    shutil.copytree(folder, LOGS, ignore=_not_logs, dirs_exist_ok=True)
    eventually(f"no process left of {folder}", lambda: not _processes_of(folder), within=5)
    assert took < system.KEEPER_ENDING, "the keeper had to be killed"
    shutil.rmtree(folder)


def _not_logs(folder: str, names: list[str]) -> list[str]:
    return [name for name in names if Path(name).suffix not in {".log", ".ndjson"}]


def _processes_of(folder: Path) -> list[list[str]]:
    lines = [process.info["cmdline"] or [] for process in psutil.process_iter(["cmdline"])]
    return [line for line in lines if str(folder) in " ".join(line)]


@pytest.fixture(scope="session")
def inbox(aws: Deployed, inbox_messages: list[Any]) -> Callable[[str], list[Any]]:
    """A queue that is subscribed to the alerts' topic as a person's address would be."""
    sqs, sns = aws.client("sqs"), aws.client("sns")
    url = sqs.create_queue(QueueName="inbox")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    topic = aws.outputs["topics"]["alerts"]
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn,
        "Condition": {"ArnEquals": {"aws:SourceArn": topic}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)

    def received(word: str) -> list[Any]:
        got = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
        inbox_messages.extend(json.loads(message["Body"]) for message in got)
        for message in got:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return [message for message in inbox_messages if word in message["Subject"]]

    return received


@pytest.fixture(scope="session")
def told(aws: Deployed) -> Callable[[], dict[str, list[int]]]:
    """The runs of which other systems heard that they ended, by the way in which they subscribed."""
    return subscribe(aws)
