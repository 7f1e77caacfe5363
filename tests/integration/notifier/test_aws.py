"""SNS and Secrets Manager, through boto3's own client code against moto."""

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError
from moto import mock_aws

from support.alerts import alert
from trapline_common.aws.calls import CLIENT_CONFIG, call
from trapline_common.aws.secrets import ManagedSecrets
from trapline_common.aws.sns import SnsTopic
from trapline_common.domain.errors import RefusedError, TransientError
from trapline_notifier.message import compose
from trapline_notifier.publishers.sns import SnsOperations, SnsPublisher

REGION = "eu-central-1"


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An AWS account in memory."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    with mock_aws():
        yield


class Topic:
    """An SNS topic whose messages arrive in SQS queues."""

    def __init__(self) -> None:
        self.sns = boto3.client("sns", region_name=REGION, config=CLIENT_CONFIG)
        self.arn = self.sns.create_topic(Name="alerts")["TopicArn"]
        self._sqs = boto3.client("sqs", region_name=REGION)

    def subscribe(self, name: str, **policy: list[str]) -> str:
        """Return the URL of a new queue that gets what ``policy`` lets through."""
        url = self._sqs.create_queue(QueueName=name)["QueueUrl"]
        arn = self._sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        self.sns.subscribe(
            TopicArn=self.arn,
            Protocol="sqs",
            Endpoint=arn,
            Attributes={"FilterPolicy": json.dumps(policy)} if policy else {},
        )
        return str(url)

    def received(self, url: str) -> list[dict[str, Any]]:
        """Return what has arrived."""
        messages = self._sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
        return [json.loads(message["Body"]) for message in messages]


@pytest.mark.usefixtures("aws")
async def test_machines_get_json_and_filters_choose_by_attribute() -> None:
    """A queue gets the message as JSON with the subject; subscriptions filter by crawl, kind and one of ``to``."""
    topic = Topic()
    everything = topic.subscribe("everything")
    ops = topic.subscribe("ops", to=["ops"])
    other_crawl = topic.subscribe("other", crawl=["docs"])
    changes = topic.subscribe("changes", kind=["change"])
    message = compose([alert(1, to=("ops", "sales"))])
    receipt = await SnsPublisher(SnsTopic(topic.sns, topic.arn)).publish(message)
    (got,) = topic.received(everything)
    assert got["MessageId"] == receipt
    assert got["Subject"] == message.subject
    assert json.loads(got["Message"]) == message.data
    assert len(topic.received(ops)) == 1
    assert topic.received(other_crawl) == []
    assert topic.received(changes) == []


@pytest.mark.usefixtures("aws")
async def test_the_topics_copy_names_the_chat_channels_that_are_served_already() -> None:
    """The relay, a subscriber, reads them; nothing else of the message differs."""
    topic = Topic()
    url = topic.subscribe("everything")
    message = compose([alert(1)])
    await SnsPublisher(SnsTopic(topic.sns, topic.arn), served=["team"]).publish(message)
    assert json.loads(topic.received(url)[0]["Message"]) == {**message.data, "served": ["team"]}


@pytest.mark.usefixtures("aws")
async def test_no_recipients_means_no_attribute() -> None:
    """An empty ``to`` sends no attribute: SNS refuses an empty one."""
    topic = Topic()
    url = topic.subscribe("everything")
    await SnsPublisher(SnsTopic(topic.sns, topic.arn)).publish(compose([alert(1)]))
    assert set(topic.received(url)[0]["MessageAttributes"]) == {"crawl", "kind", "message_id"}


@pytest.mark.usefixtures("aws")
async def test_the_largest_message_is_accepted() -> None:
    """Twenty changes with diffs of 16 KiB are published, not refused."""
    topic = Topic()
    diff = "--- a\n+++ b\n" + "\n".join(f"+{'é' * 100}" for _ in range(80))
    message = compose([alert(n, "change", diff=diff, fields=[], title="é" * 300) for n in range(1, 60)])
    assert await SnsPublisher(SnsTopic(topic.sns, topic.arn)).publish(message)


@pytest.mark.usefixtures("aws")
async def test_errors_say_what_can_be_done() -> None:
    """Content SNS refuses is refused for good; a topic that isn't there may come back."""
    topic = Topic()
    with pytest.raises(RefusedError, match="InvalidParameter"):
        await SnsTopic(topic.sns, topic.arn).publish(subject="x" * 101, texts={"default": "x"}, attributes={})
    with pytest.raises(RefusedError, match="InvalidParameter"):
        await SnsTopic(topic.sns, topic.arn).publish(subject="x", texts={"default": "x" * 300_000}, attributes={})
    with pytest.raises(TransientError, match="NotFound"):
        await SnsTopic(topic.sns, topic.arn + "-gone").publish(subject="x", texts={"default": "x"}, attributes={})


@pytest.mark.usefixtures("aws")
async def test_operations_reports_survive_hostile_text() -> None:
    """A report quoting control characters is published as plain text."""
    topic = Topic()
    url = topic.subscribe("operations")
    await SnsOperations(SnsTopic(topic.sns, topic.arn)).report(subject="bad\nsubject", text="a\x00b\ud800c\x1b")
    (got,) = topic.received(url)
    assert (got["Subject"], got["Message"]) == ("bad subject", "a?b?c?")


@pytest.mark.usefixtures("aws")
async def test_a_secret_is_read_anew_each_time() -> None:
    """The prefix is put before the name; a rotated secret counts at once; a missing one is a KeyError."""
    client = boto3.client("secretsmanager", region_name=REGION, config=CLIENT_CONFIG)
    client.create_secret(Name="trapline/prod/login", SecretString="one")
    secrets = ManagedSecrets(client, prefix="trapline/prod/")
    assert await secrets.resolve("login") == "one"
    client.put_secret_value(SecretId="trapline/prod/login", SecretString="two")
    assert await secrets.resolve("login") == "two"
    with pytest.raises(KeyError):
        await secrets.resolve("none")


async def test_an_unreachable_service_is_transient() -> None:
    """A connection that fails is worth another try, and the error keeps its cause."""

    def fail() -> None:
        raise EndpointConnectionError(endpoint_url="https://sns.example")

    with pytest.raises(TransientError) as caught:
        await call(fail)
    assert isinstance(caught.value.__cause__, EndpointConnectionError)
