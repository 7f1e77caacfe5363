"""From `terraform apply` to the alert and back to nothing, in the order in which it happens to a user."""

import io
import json
import logging
import time
import zipfile
from collections import Counter
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError

from support import asl, orchestrators
from support.local_aws import SKIPPED, asking, eventually
from tools.local_aws.deployment import NAME, STATE_BUCKET
from trapline_common.aws.tick_schedule import EVERY_MINUTE
from trapline_common.domain.messages import OpenRun, Reap
from trapline_common.ledger.rescue import BELIEVED_AFTER, HEARTBEAT_TTL, PENDING_TTL

_log = logging.getLogger(__name__)

MANY, LITTLE = 10_000, 64 * 1024
"""Children of one wave, and bytes that all their answers may have together."""
ANEW = 5.0
"""Seconds from StopExecution until what it had not called is asked for anew."""

IDLE, LATER = 120.0, 2.0
"""Seconds without anything to do; seconds by which a run may open later after them."""
CONNECTED = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()
"""
SESSIONS = "SELECT sessions FROM pg_stat_database WHERE datname = current_database()"
CAME = "SELECT came_at FROM trapline.tick"
"""When a tick came last."""

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
    assert json.loads(aws.remote("config", "--json"))["crawls"].keys() == {
        "mapped",
        "pages",
        "products",
        "queued",
        "walked",
    }
    (run, *_) = [
        one for one in json.loads(aws.remote("runs", "--json"))["runs"] if one["crawl"] == "pages" and one["failed"]
    ]
    assert f"s3://{aws.outputs['bucket']}/artifacts/" in aws.remote("show", str(run["id"]))
    assert len(aws.remote("export", str(run["id"])).splitlines()) == 3
    assert "INVOCATION" in aws.remote("invocations").upper()
    # While the first rounds begin, the notifier's call may wait for its turn: the command says so, and exits with 4
    eventually("a test alert", lambda: "topic: sent" in aws.remote("alert", "--test", exits=[0, 4]))
    aws.remote("reap")
    aws.remote("show", "999999", exits=[2])


def test_a_run_is_opened_and_cancelled_by_hand(aws):
    """`trapline run` asks the dispatcher, who asks for crawlers; what is cancelled ends at once."""

    def opened():
        answer = json.loads(
            aws.remote("run", "products", "--json", exits=[0, 3])
        )  # 3: skipped, a scheduled run is open
        return answer["run_id"] if answer["tasks"] == 12 else None

    run = eventually("a run by hand", opened, every=SKIPPED)
    aws.remote("cancel", str(run), exits=[0, 2])  # 2: it was quicker
    shown = json.loads(aws.remote("show", str(run), "--json"))
    assert (shown["scheduled_for"], shown["status"]) == (None, "ended")


@pytest.mark.parametrize(
    ("crawl", "via", "share", "cap"),
    [("mapped", "map", 3, 3), ("queued", "queue", 2, 2), ("walked", "durable", 1, 1)],
)
def test_each_orchestrator_calls_what_the_count_made(aws, told, crawl, via, share, cap):
    """Invocations made are those needed, each asked for once and called once; who subscribed hears of the run's end."""
    run = aws.opened(crawl)
    found = orchestrators.exact(aws, run, via=via, share=share, cap=cap)
    assert found["lease_seq"] == 1
    for wave in orchestrators.waves(found):
        execution = orchestrators.output(aws, orchestrators.execution(aws, wave))
        assert (execution["status"], execution["output"]) == ("SUCCEEDED", "{}")
    eventually(f"the end of run {run}, heard", lambda: all(run in heard for heard in told().values()))


def test_the_machines_are_sound_as_they_are_deployed(aws):
    """The rules of the definitions hold of what Terraform rendered with this deployment's own values."""
    states = aws.client("stepfunctions")
    for arn in aws.outputs["machines"].values():
        definition = json.loads(states.describe_state_machine(stateMachineArn=arn)["definition"])
        assert asl.faults(definition, pending_ttl=int(PENDING_TTL)) == []


def test_ten_thousand_children_leave_next_to_nothing(aws):
    """A state holds 256 KiB: the answers of as many children as a wave may have are a fraction of that, then gone."""
    states, wave = aws.client("stepfunctions"), str(uuid4())
    given = {"wave": wave, "lane": "bulk", "bucket": aws.outputs["bucket"], "key": f"waves/{wave}.jsonl"}
    nothing_is_left = "null\n" * MANY
    aws.client("s3").put_object(Bucket=given["bucket"], Key=given["key"], Body=nothing_is_left.encode())
    states.start_execution(stateMachineArn=aws.outputs["machines"]["wave"], name=wave, input=json.dumps(given))
    execution = orchestrators.output(aws, orchestrators.execution(aws, wave))
    assert (execution["status"], execution["output"]) == ("SUCCEEDED", "{}")
    (run,) = states.list_map_runs(executionArn=execution["executionArn"])["mapRuns"]
    assert states.describe_map_run(mapRunArn=run["mapRunArn"])["itemCounts"]["succeeded"] == MANY
    children = states.list_executions(mapRunArn=run["mapRunArn"], maxResults=1000)["executions"]
    answers = {states.describe_execution(executionArn=one["executionArn"])["output"] for one in children[:5]}
    assert answers == {"{}"}
    assert len(json.dumps([{}] * MANY, separators=(",", ":"))) <= LITTLE


def test_a_tick_of_such_a_lane_is_an_execution(aws):
    """The schedule started the machine `run`, and its execution ended as the run did."""
    states = aws.client("stepfunctions")

    def ended():
        found = states.list_executions(stateMachineArn=aws.outputs["machines"]["run"])["executions"]
        return {one["status"] for one in found} == {"SUCCEEDED"} and found

    ticked = [json.loads(orchestrators.output(aws, one["executionArn"])["input"]) for one in eventually("ticks", ended)]
    assert {one["crawl"] for one in ticked} == {"mapped", "queued"}


def test_a_stopped_execution_is_counted_anew(aws):
    """What it had not called goes to a new execution within seconds; the old calls, which come late, are duplicates."""
    with orchestrators.held_up(aws, "fragile"):
        run = aws.opened("queued")
        (old,) = {one["wave"] for one in orchestrators.busy(aws, run)}
        stopped = time.monotonic()
        aws.client("stepfunctions").stop_execution(executionArn=orchestrators.execution(aws, old))

        def anew():
            return [one for one in orchestrators.busy(aws, run) if one["wave"] not in {old, None}]

        assert len(eventually("new rows in a new wave", anew)) == 2
        assert time.monotonic() - stopped < ANEW
    found = orchestrators.whole(aws, run)
    assert (found["done"], found["seen"], found["lease_seq"]) == (4, 4, 1)
    assert Counter(one["status"] for one in found["invocations"] if one["wave"] == old) == {"orphaned": 2}


def test_killed_crawlers_are_reported_by_their_execution(aws):
    """Their pages go back after two missed heartbeats, not after nine, and every page ends with one result."""
    slowly = {"tasks_per_invocation: 3, orchestrator": "tasks_per_invocation: 3, host_delay: 1s, orchestrator"}
    with orchestrators.config(aws, slowly):
        run = aws.opened("mapped")

        def at_work():
            return {one["id"] for one in orchestrators.busy(aws, run) if one["status"] == "running"}

        killed = eventually("crawlers at work", at_work)
        orchestrators.kill_crawlers(aws)
        since = time.monotonic()
        eventually("the loss", lambda: not killed & {one["id"] for one in orchestrators.busy(aws, run)})
        assert time.monotonic() - since < BELIEVED_AFTER + ANEW < HEARTBEAT_TTL
        found = orchestrators.whole(aws, run)
    assert (found["done"], found["seen"]) == (12, 12)
    assert {one["status"] for one in found["invocations"] if one["id"] in killed} == {"failed"}


def test_a_lane_that_is_switched_while_a_run_is_open_loses_nothing(aws):
    """Rows keep the way in which they were asked for; the next run's go the new way."""
    with orchestrators.held_up(aws, "fragile"):
        run = aws.opened("queued")
        with orchestrators.config(aws, {", orchestrator: step_functions, queue: true": ""}):
            aws.dispatch(Reap())
            assert orchestrators.rows(aws, "SELECT via FROM trapline.lane WHERE name = 'fragile'") == [{"via": "event"}]
            orchestrators.let_go(aws, "fragile")
            found = orchestrators.whole(aws, run)
            assert (found["done"], found["lease_seq"]) == (4, 1)
            assert {one["via"] for one in found["invocations"]} == {"queue"}
            orchestrators.exact(aws, aws.opened("queued"), via="event", share=2, cap=2)


def test_the_mapping_holds_a_limit_of_its_own(aws):
    """The ledger asks for four crawlers of the lane at once, and Lambda takes two calls at a time from its queue."""
    limits = "fragile: {max_invocations: 2, tasks_per_invocation: 2"
    with orchestrators.config(aws, {limits: "fragile: {max_invocations: 4, tasks_per_invocation: 1"}):
        aws.dispatch(Reap())
        found = orchestrators.whole(aws, aws.opened("queued"))
    assert (found["seen"], len(found["invocations"])) == (4, 4)
    assert orchestrators.most_at_work(found) <= 2


def test_a_crawl_is_a_step_of_another_workflow(aws):
    """One state starts the machine `run` and goes on with the run's facts; another hands over its own task token."""
    answer = orchestrators.workflow(aws)
    assert answer["status"] == "SUCCEEDED"
    found = json.loads(answer["output"])
    bought = found["bought"]["run"]
    assert (bought["crawl"], bought["done"], bought["failed"]) == ("queued", 4, 0)
    assert (found["walked"]["crawl"], found["walked"]["outcome"]) == ("walked", "completed")


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
        ("ssm", lambda client: client.get_parameter(Name=f"/{NAME}/session-key", WithDecryption=True)),
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
    found = lambda_.list_event_source_mappings(FunctionName=f"{NAME}-dispatcher:live")["EventSourceMappings"]
    (mapping,) = [one for one in found if one["EventSourceArn"].endswith(f":{function}-failures")]
    queue = sqs.get_queue_url(QueueName=f"{function}-failures")["QueueUrl"]

    def given_up():
        """Return the open runs once Lambda gave up on a crawler; a run that the schedule has just opened is as good."""
        aws.dispatch(OpenRun(crawl="products", request=uuid4()))
        answer = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["ApproximateNumberOfMessages"])
        waiting = int(answer["Attributes"]["ApproximateNumberOfMessages"])
        return waiting and [run["id"] for run in aws.runs("products") if not run["ended_at"]]

    lambda_.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
    try:
        broken = lambda_.update_function_code(FunctionName=function, ZipFile=_zip_of(BROKEN), Publish=True)["Version"]
        lambda_.update_alias(FunctionName=function, Name="live", FunctionVersion=broken)
        (run,) = eventually("the event in the failure queue", given_up, every=SKIPPED)
    finally:
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


def test_an_idle_time_has_no_tick_and_no_connection_and_the_next_run_opens_as_fast(aws):
    """Without a crawl that is due the tick sleeps: for two minutes nobody connects, and a plan would change nothing.

    The next run opens at most two seconds later than while the tick is awake, with the roles that Terraform made.
    """
    with aws.no_schedules(), asking(aws.system.database_url) as ledger:
        aws.opened("products")
        busy = _seconds_to_open(aws, "pages")
        eventually("the tick asleep", lambda: aws.schedule("_reap")["ScheduleExpression"] != EVERY_MINUTE)
        assert not [address for address in aws.drift() if address.endswith((".reap", ".tick"))]
        # Notifiers that came for what another one has told by now may still wait for the relay
        eventually("nobody connected", lambda: ledger(CONNECTED) == 0)
        came, sessions = ledger(CAME), ledger(SESSIONS)
        began = time.monotonic()
        while time.monotonic() < began + IDLE:
            assert ledger(CONNECTED) == 0
            time.sleep(0.2)
        assert (ledger(CAME), ledger(SESSIONS)) == (came, sessions)
        asleep = _seconds_to_open(aws, "pages")
        assert ledger(SESSIONS) > sessions
        assert aws.schedule("_reap")["ScheduleExpression"] == EVERY_MINUTE
        _log.info("a run opens in %.2f s while the tick is awake, in %.2f s while it sleeps", busy, asleep)
        assert asleep <= busy + LATER


def _seconds_to_open(aws, crawl):
    """Return how long the dispatcher takes to open a run of ``crawl``, of which none is open."""
    eventually(f"no run of {crawl}", lambda: all(run["ended_at"] for run in aws.runs(crawl)))
    began = time.monotonic()
    assert "tasks" in aws.dispatch(OpenRun(crawl=crawl, request=uuid4()))
    return time.monotonic() - began


def test_destroy_leaves_nothing(aws):
    """After `terraform destroy` the account holds nothing of ours but the bucket of the state, which is the user's."""
    began = time.time() * 1000
    aws.deployment.root.destroy()
    assert aws.deployment.root.resources() == []
    assert aws.client("lambda").list_functions()["Functions"] == []
    assert aws.client("scheduler").list_schedules()["Schedules"] == []
    machines = aws.client("stepfunctions").list_state_machines()["stateMachines"]
    assert [one["name"] for one in machines] == [orchestrators.WORKFLOW]
    assert [one["Name"] for one in aws.client("events").list_rules()["Rules"]] == ["told"]
    assert aws.client("lambda").list_event_source_mappings()["EventSourceMappings"] == []
    assert aws.client("cloudformation").describe_stacks()["Stacks"] == []
    assert aws.client("secretsmanager").list_secrets()["SecretList"] == []
    assert aws.client("sns").list_topics()["Topics"] == []
    assert [one["RoleName"] for one in aws.client("iam").list_roles()["Roles"]] == [orchestrators.WORKFLOW]
    queues = aws.client("sqs").list_queues().get("QueueUrls", [])
    assert {url.rpartition("/")[2] for url in queues} == {"inbox", "told", "told-partners"}
    assert [bucket["Name"] for bucket in aws.client("s3").list_buckets()["Buckets"]] == [STATE_BUCKET]
    # A call that ends after its log group went makes another here; on AWS no function's role may make one
    groups = aws.client("logs").describe_log_groups(logGroupNamePrefix=f"/aws/lambda/{NAME}")["logGroups"]
    assert [one for one in groups if one["creationTime"] < began or "retentionInDays" in one] == []


def _zip_of(source):
    """Return a zip in which the crawler's handler is ``source``."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("trapline_crawler/__init__.py", "")
        archive.writestr("trapline_crawler/handler.py", source)
    return data.getvalue()
