"""Invoke, through boto3's own client code: against moto, and against real HTTP for the answers moto does not give."""

import io
import zipfile
from collections.abc import AsyncIterator

import boto3
import pytest
from moto import mock_aws
from mypy_boto3_lambda import LambdaClient

from support.lambda_endpoint import LambdaEndpoint, lambda_endpoint
from trapline_common.aws.calls import CLIENT_CONFIG
from trapline_common.aws.lambda_client import LambdaDurableInvoker, LambdaInvoker, LambdaNudger
from trapline_common.domain.errors import RefusedError, TransientError
from trapline_common.domain.messages import Drain

REGION = "eu-central-1"
EVENT = {"v": 1, "type": "crawl", "invocation_id": "00000000-0000-4000-8000-000000000001", "lane": "default", "hop": 0}


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """Credentials of no account."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)  # it would keep these credentials for later tests


@pytest.fixture
async def endpoint() -> AsyncIterator[LambdaEndpoint]:
    """Return an endpoint with scripted answers."""
    async with lambda_endpoint() as found:
        yield found


def client(url: str | None = None) -> LambdaClient:
    """Return a client as wiring makes it."""
    return boto3.client("lambda", region_name=REGION, config=CLIENT_CONFIG, endpoint_url=url)


async def test_an_accepted_event_returns() -> None:
    """202 from an account in memory with a function in it: ``invoke`` returns."""
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("app.py", "")
    with mock_aws(config={"lambda": {"use_docker": False}}):
        role = boto3.client("iam").create_role(RoleName="crawler", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
        functions = client()
        functions.create_function(
            FunctionName="crawler",
            Runtime="python3.12",
            Role=role,
            Handler="app.handler",
            Code={"ZipFile": code.getvalue()},
        )
        await LambdaInvoker(functions, function="crawler").invoke(EVENT)


async def test_the_event_goes_asynchronously_and_whole(endpoint: LambdaEndpoint) -> None:
    """One request: the function's name in its path, ``Event`` as its type, the message as its payload."""
    await LambdaInvoker(client(endpoint.url), function="crawler").invoke(EVENT)
    (invoked,) = endpoint.invoked
    assert invoked.path == "/2015-03-31/functions/crawler/invocations"
    assert (invoked.kind, invoked.payload) == ("Event", EVENT)


async def test_a_durable_execution_has_the_invocations_name(endpoint: LambdaEndpoint) -> None:
    """Asked again, Lambda finds the execution that there is; an answer that says so is no error."""
    invoker = LambdaDurableInvoker(client(endpoint.url), function="walker:live")
    await invoker.invoke(EVENT)
    endpoint.always(409, "DurableExecutionAlreadyStartedException")
    await invoker.invoke(EVENT)
    assert {one.execution for one in endpoint.invoked} == {EVENT["invocation_id"]}
    assert {(one.kind, one.path) for one in endpoint.invoked} == {
        ("Event", "/2015-03-31/functions/walker%3Alive/invocations")
    }
    assert all(one.payload == EVENT for one in endpoint.invoked)
    endpoint.answers.clear()
    endpoint.always(404, "ResourceNotFoundException")
    with pytest.raises(RefusedError):
        await invoker.invoke(EVENT)


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (429, "TooManyRequestsException"),
        (409, "ResourceConflictException"),
        (502, "ResourceNotReadyException"),
        (403, "AccessDeniedException"),
        (408, "RequestTimeout"),
        (500, "ServiceException"),
        (502, "EC2ThrottledException"),
        (503, "ServiceUnavailable"),
        (0, "a connection that breaks"),
    ],
)
async def test_what_may_mend_is_transient(endpoint: LambdaEndpoint, status: int, error: str) -> None:
    """Throttling, conflicts, a missing permission, the service's own errors, a lost answer: asked for again later."""
    endpoint.always(status, error)
    with pytest.raises(TransientError):
        await LambdaInvoker(client(endpoint.url), function="crawler").invoke(EVENT)
    assert len(endpoint.invoked) <= 2


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (404, "ResourceNotFoundException"),
        (413, "RequestTooLargeException"),
        (400, "InvalidParameterValueException"),
        (415, "UnsupportedMediaTypeException"),
    ],
)
async def test_what_never_mends_is_refused_with_lambdas_words(
    endpoint: LambdaEndpoint, status: int, error: str
) -> None:
    """No such function, too large, malformed: refused for good, in one attempt."""
    endpoint.always(status, error)
    with pytest.raises(RefusedError, match=f"Invoke: {error}: as scripted"):
        await LambdaInvoker(client(endpoint.url), function="crawler").invoke(EVENT)
    assert len(endpoint.invoked) == 1


async def test_a_blip_costs_no_answer(endpoint: LambdaEndpoint) -> None:
    """One 500 is tried again by the client itself."""
    endpoint.answers.append((500, "ServiceException"))
    await LambdaInvoker(client(endpoint.url), function="crawler").invoke(EVENT)
    assert len(endpoint.invoked) == 2


async def test_no_listener_is_transient() -> None:
    """A refused connection says nothing about the event."""
    with pytest.raises(TransientError, match="EndpointConnectionError"):
        await LambdaInvoker(client("http://127.0.0.1:9"), function="crawler").invoke(EVENT)


async def test_a_nudge_goes_to_its_services_function(endpoint: LambdaEndpoint) -> None:
    """Each service's function is named once, in wiring; the nudge finds it."""
    nudger = LambdaNudger(client(endpoint.url), functions={"notifier": "t-notifier", "dispatcher": "t-dispatcher"})
    await nudger.nudge("notifier", Drain().event())
    (invoked,) = endpoint.invoked
    assert invoked.path == "/2015-03-31/functions/t-notifier/invocations"
    assert invoked.payload == {"v": 1, "type": "drain"}


@pytest.mark.parametrize(("status", "error"), [(404, "ResourceNotFoundException"), (429, "TooManyRequestsException")])
async def test_a_nudge_that_fails_is_lost_and_not_raised(endpoint: LambdaEndpoint, status: int, error: str) -> None:
    """When Lambda refuses or loses a nudge, the work that caused it stands."""
    endpoint.always(status, error)
    await LambdaNudger(client(endpoint.url), functions={"notifier": "t"}).nudge("notifier", Drain().event())
    assert endpoint.invoked
