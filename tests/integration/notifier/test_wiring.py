"""The adapters, put together as they run."""

import asyncio
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from support.ledger import open_run, urls
from trapline_common.alerts.page_state import AlertDraft, AlertKind
from trapline_common.domain.errors import InputRefusedError
from trapline_common.domain.messages import Drain
from trapline_common.ledger.connection import Database
from trapline_common.ledger.outbox import add_alert
from trapline_common.local.secrets import LocalSecrets
from trapline_common.platform.lambda_runtime import Deadline, LocalContext
from trapline_notifier import wiring
from trapline_notifier.handler import handle, handler


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch, dsn: str) -> Iterator[Any]:
    """An AWS account in memory that has the notifier's topics, and the environment that names them."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    with mock_aws():
        sns, sqs = boto3.client("sns"), boto3.client("sqs")
        for variable, name in (("TRAPLINE_TOPIC_ARN", "alerts"), ("TRAPLINE_OPERATIONS_TOPIC_ARN", "operations")):
            monkeypatch.setenv(variable, sns.create_topic(Name=name)["TopicArn"])
        monkeypatch.setenv("DATABASE_URL", dsn)
        url = sqs.create_queue(QueueName="inbox")["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        sns.subscribe(TopicArn=sns.create_topic(Name="alerts")["TopicArn"], Protocol="sqs", Endpoint=arn)
        wiring.services.cache_clear()
        yield lambda: [json.loads(each["Body"]) for each in sqs.receive_message(QueueUrl=url).get("Messages", [])]
        wiring.services.cache_clear()


async def _write(database: Database) -> None:
    run_id = await open_run(database, urls(1))
    payload = {"url": "https://site.example/0", "reason": "timeout", "failures": 2}
    await add_alert(database, AlertDraft(kind=AlertKind.FAILURE, payload=payload, to=()), crawl="docs", run_id=run_id)


async def test_the_lambda_drains_the_ledger_to_the_topic(account: Any, database: Database) -> None:
    """The deployed entry point, twice in one warm environment: an alert goes from the ledger to a subscriber, once."""
    await _write(database)
    context = LocalContext(aws_request_id="r", deadline=Deadline.after(60))
    first = await asyncio.to_thread(handler, Drain().event(), context)
    second = await asyncio.to_thread(handler, Drain().event(), context)
    assert (first["sent"], second["sent"]) == (1, 0)
    (got,) = account()
    assert got["Subject"] == "[trapline] docs: 1 page failed: https://site.example/0"


async def test_one_machine_prints_what_the_topic_would_get(dsn: str, database: Database, tmp_path: Path) -> None:
    """Without a channels file the same handler writes the alerts to the terminal."""
    await _write(database)
    stream = io.StringIO()
    secrets = LocalSecrets({}, tmp_path / "secrets")
    services = await wiring.local_services(dsn, data_dir=tmp_path, secrets=secrets, stream=stream)
    context = LocalContext(aws_request_id="r", deadline=Deadline.after(60))
    assert (await handle(Drain().event(), context, services)).sent == 1
    assert "docs: 1 page failed" in stream.getvalue()
    assert await wiring.local_publishers(tmp_path, secrets) == {}


async def test_a_bad_channels_file_is_refused_before_anything_runs(tmp_path: Path) -> None:
    """The command line can say what is wrong with the file and exit with 2."""
    (tmp_path / "channels.yaml").write_text("ops: nonsense\n")
    with pytest.raises(InputRefusedError, match=r"channels\.yaml:1: ops"):
        await wiring.local_services("unused", data_dir=tmp_path, secrets=LocalSecrets({}, tmp_path))
