"""Executions, task tokens and events, through boto3: against moto, and with answers that moto does not give."""

import json
from uuid import UUID, uuid4

import boto3
import pytest
from botocore.stub import ANY, Stubber
from mypy_boto3_events import EventBridgeClient
from mypy_boto3_s3 import S3Client
from mypy_boto3_stepfunctions import SFNClient

from support.aws import BUCKET
from trapline_common.aws.calls import CLIENT_CONFIG
from trapline_common.aws.orchestration import EventBridgeAnnouncer, StepFunctionsWaiters, StepFunctionsWaves
from trapline_common.domain.errors import RefusedError, TransientError
from trapline_common.domain.ids import RunId
from trapline_common.domain.lifecycle import RunOutcome
from trapline_common.domain.messages import WaveItem
from trapline_common.domain.run_ended import RunEnded
from trapline_common.domain.via import Via

REGION = "us-east-1"
WAVE = UUID("b36074e3-89a5-44c8-8cbc-e06dcd0bfa22")
ITEMS = [WaveItem(invocation_id=uuid4(), lane="bulk", via=Via.MAP, wave=WAVE) for _ in range(3)]
PASS = '{"StartAt": "Done", "States": {"Done": {"Type": "Succeed"}}}'
ENDED = RunEnded(run_id=RunId(7), crawl="docs", outcome=RunOutcome.COMPLETED, done=2, failed=1, seconds=1.5)
OTHER = ENDED.model_copy(update={"run_id": 8})


@pytest.fixture
def states(s3: S3Client) -> SFNClient:
    """Step Functions of the account in memory."""
    return boto3.client("stepfunctions", region_name=REGION, config=CLIENT_CONFIG)


@pytest.fixture(scope="module")
def tokens() -> SFNClient:
    """A client whose answers are all scripted."""
    keys = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}
    return boto3.Session(**keys).client("stepfunctions", region_name=REGION, config=CLIENT_CONFIG)


@pytest.fixture
def machine(states: SFNClient) -> str:
    """ARN of a machine that is there."""
    role = "arn:aws:iam::123456789012:role/wave"
    return states.create_state_machine(name="t-wave", definition=PASS, roleArn=role)["stateMachineArn"]


def waves(s3: S3Client, states: SFNClient, machine: str, prefix: str = "/waves") -> StepFunctionsWaves:
    """Return the adapter as wiring makes it."""
    return StepFunctionsWaves(s3, states, machine=machine, url=f"s3://{BUCKET}{prefix}")


@pytest.mark.parametrize(("prefix", "key"), [("/waves", f"waves/{WAVE}.jsonl"), ("", f"{WAVE}.jsonl")])
async def test_an_execution_is_named_by_its_wave_and_reads_its_items(
    s3: S3Client, states: SFNClient, machine: str, prefix: str, key: str
) -> None:
    """A line for each invocation; the execution knows where they are, and of which lane."""
    await waves(s3, states, machine, prefix).start(WAVE, ITEMS)
    lines = s3.get_object(Bucket=BUCKET, Key=key)["Body"].read().decode().splitlines()
    assert [json.loads(line) for line in lines] == [item.event() for item in ITEMS]
    (started,) = states.list_executions(stateMachineArn=machine)["executions"]
    given = json.loads(states.describe_execution(executionArn=started["executionArn"])["input"])
    assert started["name"] == str(WAVE)
    assert given == {"wave": str(WAVE), "lane": "bulk", "bucket": BUCKET, "key": key}


async def test_asked_again_nothing_is_written_over_and_nothing_started_twice(
    s3: S3Client, states: SFNClient, machine: str
) -> None:
    """An execution may be reading the object; the same name is the same execution, also when it has ended."""
    await waves(s3, states, machine).start(WAVE, ITEMS)
    await waves(s3, states, machine).start(WAVE, ITEMS[:1])
    assert len(states.list_executions(stateMachineArn=machine)["executions"]) == 1
    body = s3.get_object(Bucket=BUCKET, Key=f"waves/{WAVE}.jsonl")["Body"].read()
    assert len(body.splitlines()) == 3
    with Stubber(states) as stub:
        stub.add_client_error("start_execution", "ExecutionAlreadyExists", http_status_code=400)
        await waves(s3, states, machine).start(WAVE, ITEMS)


async def test_ten_thousand_items_are_one_object(s3: S3Client, states: SFNClient, machine: str) -> None:
    """The largest count of a lane: the input of the execution stays small."""
    wave = uuid4()
    items = [WaveItem(invocation_id=uuid4(), lane="bulk", via=Via.MAP, wave=wave) for _ in range(10_000)]
    await waves(s3, states, machine).start(wave, items)
    body = s3.get_object(Bucket=BUCKET, Key=f"waves/{wave}.jsonl")["Body"].read()
    assert body.count(b"\n") == 10_000


async def test_a_machine_that_is_gone_is_refused(s3: S3Client, states: SFNClient, machine: str) -> None:
    """It was deleted, or is being deleted: the caller asks for the same rows in another way."""
    gone = machine.replace("t-wave", "no-wave")
    with pytest.raises(RefusedError, match="StateMachineDoesNotExist"):
        await waves(s3, states, gone).start(uuid4(), ITEMS)
    for code in ("StateMachineDeleting", "InvalidArn"):
        with Stubber(states) as stub:
            stub.add_client_error("start_execution", code, http_status_code=400)
            with pytest.raises(RefusedError, match=code):
                await waves(s3, states, machine).start(uuid4(), ITEMS)


@pytest.mark.parametrize("code", ["ThrottlingException", "ExecutionLimitExceeded", "AccessDeniedException"])
async def test_what_may_mend_is_transient(s3: S3Client, states: SFNClient, machine: str, code: str) -> None:
    """The rows stay, and are asked for again under the same name."""
    with Stubber(states) as stub:
        for _ in range(2):
            stub.add_client_error("start_execution", code, http_status_code=400)
        with pytest.raises(TransientError, match=code):
            await waves(s3, states, machine).start(uuid4(), ITEMS)
    elsewhere = StepFunctionsWaves(s3, states, machine=machine, url="s3://no-such-bucket/waves")
    with pytest.raises(TransientError, match="NoSuchBucket"):
        await elsewhere.start(uuid4(), ITEMS)


async def test_a_token_is_answered(tokens: SFNClient) -> None:
    """A success with its output, a failure with its name and cause in their limits, a heartbeat."""
    waiters = StepFunctionsWaiters(tokens)
    with Stubber(tokens) as stub:
        stub.add_response("send_task_success", {}, {"taskToken": "t", "output": '{"due": true}'})
        cut = {"taskToken": "t", "error": "e" * 256, "cause": ANY}
        stub.add_response("send_task_failure", {}, cut)
        stub.add_response("send_task_heartbeat", {}, {"taskToken": "t"})
        await waiters.answer("t", {"due": True})
        await waiters.answer("t", {"reason": "x" * 40_000}, error="e" * 300)
        await waiters.heartbeat("t")
        stub.assert_no_pending_responses()


@pytest.mark.parametrize("code", ["TaskTimedOut", "TaskDoesNotExist", "InvalidToken"])
async def test_that_nobody_waits_any_more_is_no_error(tokens: SFNClient, code: str) -> None:
    """The state has ended, or heard before: there is nothing to repeat."""
    waiters = StepFunctionsWaiters(tokens)
    with Stubber(tokens) as stub:
        for call in ("send_task_success", "send_task_failure", "send_task_heartbeat"):
            stub.add_client_error(call, code, http_status_code=400)
        await waiters.answer("t", {})
        await waiters.answer("t", {}, error="failed")
        await waiters.heartbeat("t")


async def test_a_token_that_can_not_be_answered_now_is_transient(tokens: SFNClient) -> None:
    """The next tick answers it; what is no token at all is refused."""
    waiters = StepFunctionsWaiters(tokens)
    with Stubber(tokens) as stub:
        stub.add_client_error("send_task_success", "AccessDeniedException", http_status_code=400)
        stub.add_client_error("send_task_heartbeat", "AccessDeniedException", http_status_code=400)
        stub.add_client_error("send_task_success", "ValidationException", http_status_code=400)
        with pytest.raises(TransientError):
            await waiters.answer("t", {})
        with pytest.raises(TransientError):
            await waiters.heartbeat("t")
        with pytest.raises(RefusedError):
            await waiters.answer("t", {})


async def test_an_end_is_an_event_of_ours(states: SFNClient) -> None:
    """The source, the name and the facts that rules match; what the bus does not take is an error."""
    events: EventBridgeClient = boto3.client("events", region_name=REGION, config=CLIENT_CONFIG)
    announcer = EventBridgeAnnouncer(events, bus="default")
    await announcer.run_ended([ENDED])  # as moto checks it
    entry = {"EventBusName": "default", "Source": "trapline", "DetailType": "Run ended"}
    entries = [{**entry, "Detail": json.dumps(one.body())} for one in (ENDED, OTHER)]
    refused = [{"EventId": "1"}, {"ErrorCode": "InternalFailure", "ErrorMessage": "no"}]
    with Stubber(events) as stub:
        stub.add_response("put_events", {"FailedEntryCount": 0, "Entries": []}, {"Entries": entries})
        stub.add_response("put_events", {"FailedEntryCount": 1, "Entries": refused}, {"Entries": entries})
        await announcer.run_ended([ENDED, OTHER])
        with pytest.raises(TransientError, match=r"1 of 2 refused: \['InternalFailure'\]"):
            await announcer.run_ended([ENDED, OTHER])
