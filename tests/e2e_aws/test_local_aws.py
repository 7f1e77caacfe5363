"""From `terraform apply` to the alert and back to nothing, in the order in which it happens to a user."""

import io
import json
import zipfile

import pytest
from botocore.exceptions import ClientError

from support.local_aws import eventually
from tools.local_aws.deployment import NAME, STATE_BUCKET

DRIFT = {
    # MiniStack's DescribeAlarms leaves most of an alarm out in the protocol that the provider speaks
    "module.alarms.aws_cloudwatch_metric_alarm.": frozenset(
        {
            "actions_enabled",
            "alarm_actions",
            "alarm_description",
            "dimensions",
            "ok_actions",
            "period",
            "statistic",
            "treat_missing_data",
            "unit",
        }
    ),
}
"""The emulator's own drift, reviewed: attributes by the beginning of an address. Nothing else may change."""
BROKEN = "raise RuntimeError('broken on purpose')\n"


def test_schedules_fire_and_every_page_is_crawled(aws, inbox):
    """Only the schedule opens the runs, and each of their pages ends with a result."""
    for crawl, done, failed in (("products", 12, 0), ("pages", 2, 1)):
        (*_, run) = eventually(
            f"a run of {crawl}", lambda crawl=crawl: [one for one in aws.runs(crawl) if one["ended_at"]]
        )
        assert (run["done"], run["failed"]) == (done, failed)
        assert run["scheduled_for"] is not None


def test_the_command_works_through_the_operator_function(aws):
    """Without a variable set, commands read and change the private ledger; each service works under its own role."""
    assert "nothing to do: the schema is at version" in aws.remote("migrate")
    assert "session key: kept" in aws.remote("migrate")
    assert "products" in aws.remote("status")
    assert json.loads(aws.remote("config", "--json"))["crawls"].keys() == {"pages", "products"}
    (run, *_) = [
        one for one in json.loads(aws.remote("runs", "--json"))["runs"] if one["crawl"] == "pages" and one["failed"]
    ]
    assert f"s3://{aws.outputs['bucket']}/artifacts/" in aws.remote("show", str(run["id"]))
    assert len(aws.remote("export", str(run["id"])).splitlines()) == 3
    assert "INVOCATION" in aws.remote("invocations").upper()
    assert "topic: sent" in aws.remote("alert", "--test")
    aws.remote("reap")
    aws.remote("show", "999999", exits=[2])


def test_a_run_is_opened_and_cancelled_by_hand(aws):
    """`trapline run` asks the dispatcher, who asks for crawlers; what is cancelled ends at once."""

    def opened():
        answer = json.loads(
            aws.remote("run", "products", "--json", exits=[0, 1])
        )  # 1: skipped, a scheduled run is open
        return answer["run_id"] if answer["tasks"] == 12 else None

    run = eventually("a run by hand", opened)
    aws.remote("cancel", str(run), exits=[0, 2])  # 2: it was quicker
    shown = json.loads(aws.remote("show", str(run), "--json"))
    assert (shown["scheduled_for"], shown["status"]) == (None, "ended")


def test_the_crawlers_pictures_are_in_the_bucket(aws):
    """The crawler function visited with a real browser and stored what it saw."""
    objects = aws.client("s3").list_objects_v2(Bucket=aws.outputs["bucket"], Prefix="artifacts/")["Contents"]
    pictures = [one["Key"] for one in objects if one["Key"].endswith(".png")]
    assert len(pictures) >= 12


def test_the_failure_is_heard_at_the_hook(aws):
    """The page that is broken from the start reaches a chat channel through the relay."""
    (message, *_) = eventually("the failure at the web hook", lambda: aws.heard("pages: 1 page failed"))
    assert f"{aws.system.site}/workshop" in message["message"]


def test_what_no_policy_allows_is_denied(aws):
    """The emulator enforces IAM, so that the functions did their work with no more than their roles allow."""
    iam = aws.client("iam")
    iam.create_user(UserName="stranger")
    key = iam.create_access_key(UserName="stranger")["AccessKey"]
    stranger = {"aws_access_key_id": key["AccessKeyId"], "aws_secret_access_key": key["SecretAccessKey"]}
    for service, call in (
        ("lambda", lambda client: client.invoke(FunctionName=f"{NAME}-dispatcher:live", InvocationType="Event")),
        ("secretsmanager", lambda client: client.get_secret_value(SecretId=f"{NAME}/session-key")),
        ("s3", lambda client: client.get_object(Bucket=aws.outputs["bucket"], Key="config/crawls.yaml")),
    ):
        with pytest.raises(ClientError, match="AccessDenied"):
            call(aws.client(service, **stranger))


def test_a_plan_changes_nothing_of_ours(aws):
    """What was applied is what is there, but for what the emulator does not tell."""
    for address, attributes in aws.drift().items():
        allowed = next((names for start, names in DRIFT.items() if address.startswith(start)), frozenset())
        assert attributes <= allowed, address


def test_a_broken_crawler_ends_failed_through_the_failure_queue(aws):
    """An event that Lambda gives up on lies in the failure queue, and the dispatcher takes it from there to the ledger.

    What the broken function was asked for is asked again: after the mend the run ends with every page.
    """
    lambda_, sqs = aws.client("lambda"), aws.client("sqs")
    function = f"{NAME}-crawler"
    healthy = lambda_.get_alias(FunctionName=function, Name="live")["FunctionVersion"]
    (mapping,) = lambda_.list_event_source_mappings(FunctionName=f"{NAME}-dispatcher:live")["EventSourceMappings"]
    lambda_.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
    broken = lambda_.update_function_code(FunctionName=function, ZipFile=_zip_of(BROKEN), Publish=True)["Version"]
    lambda_.update_alias(FunctionName=function, Name="live", FunctionVersion=broken)
    queue = sqs.get_queue_url(QueueName=f"{function}-failures")["QueueUrl"]

    def waiting():
        answer = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["ApproximateNumberOfMessages"])
        return int(answer["Attributes"]["ApproximateNumberOfMessages"])

    run = aws.opened("products")
    eventually("the event in the failure queue", waiting)
    lambda_.update_alias(FunctionName=function, Name="live", FunctionVersion=healthy)
    lambda_.update_event_source_mapping(UUID=mapping["UUID"], Enabled=True)

    def failed():
        rows = aws.trapline("invocations")["invocations"]
        return [row for row in rows if row["status"] == "failed" and "broken on purpose" in (row["detail"] or "")]

    eventually("the invocation's row failed", failed)
    (whole,) = eventually(
        "the run's end after the mend",
        lambda: [one for one in aws.runs("products") if one["id"] == run and one["ended_at"]],
    )
    assert (whole["done"], whole["failed"]) == (12, 0)


def test_the_next_tick_finds_the_change_and_the_recovery(aws, inbox):
    """Trapline reports a changed price and a mended page after a tick that the schedule sent."""
    aws.shop(price={"kettle": 2950}, mend=["workshop"], **{"break": ["stock"]})
    (message, *_) = eventually("the change at the web hook", lambda: aws.heard("products: 1 page changed"))
    assert "29.50" in message["message"]
    eventually("the change in the topic", lambda: inbox("products: 1 page changed"))
    # The first failure came before the test had subscribed to the topic: schedules fire as soon as they are made
    eventually("a failure in the topic", lambda: inbox("pages: 1 page failed"))
    for destination, received in (("at the web hook", aws.heard), ("in the topic", inbox)):
        eventually(f"the recovery {destination}", lambda received=received: received("pages: 1 page is good again"))


def test_destroy_leaves_nothing(aws):
    """After `terraform destroy` the account holds nothing of ours but the bucket of the state, which is the user's."""
    aws.deployment.root.destroy()
    assert aws.deployment.root.resources() == []
    assert aws.client("lambda").list_functions()["Functions"] == []
    assert aws.client("scheduler").list_schedules()["Schedules"] == []
    assert aws.client("secretsmanager").list_secrets()["SecretList"] == []
    assert aws.client("sns").list_topics()["Topics"] == []
    assert aws.client("iam").list_roles()["Roles"] == []
    assert [url for url in aws.client("sqs").list_queues().get("QueueUrls", []) if not url.endswith("/inbox")] == []
    assert [bucket["Name"] for bucket in aws.client("s3").list_buckets()["Buckets"]] == [STATE_BUCKET]
    assert aws.client("logs").describe_log_groups(logGroupNamePrefix=f"/aws/lambda/{NAME}")["logGroups"] == []


def _zip_of(source):
    """Return a zip in which the crawler's handler is ``source``."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("trapline_crawler/__init__.py", "")
        archive.writestr("trapline_crawler/handler.py", source)
    return data.getvalue()
