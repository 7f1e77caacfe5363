"""The adapters that need boto3. ``wiring`` imports this module late, where a setting asks for AWS."""

import boto3

from trapline_common.aws.artifacts import S3Artifacts
from trapline_common.aws.calls import CLIENT_CONFIG
from trapline_common.aws.durable_callbacks import CallbackWaiters
from trapline_common.aws.lambda_client import LambdaNudger
from trapline_common.aws.orchestration import EventBridgeAnnouncer, StepFunctionsWaiters
from trapline_common.aws.secrets import ManagedSecrets
from trapline_common.aws.session_key import read_session_key
from trapline_crawler.settings import Settings


def lambda_nudger(settings: Settings) -> LambdaNudger:
    """Return what invokes the dispatcher's and the notifier's functions."""
    functions = {"dispatcher": settings.dispatcher, "notifier": settings.notifier}
    return LambdaNudger(boto3.client("lambda", config=CLIENT_CONFIG), functions=functions)


def token_waiters() -> CallbackWaiters:
    """Return what answers task tokens of Step Functions, and callbacks of durable functions."""
    tasks = StepFunctionsWaiters(boto3.client("stepfunctions", config=CLIENT_CONFIG))
    return CallbackWaiters(boto3.client("lambda", config=CLIENT_CONFIG), others=tasks)


def run_announcer(bus: str) -> EventBridgeAnnouncer:
    """Return what puts ``Run ended`` on the bus named ``bus``."""
    return EventBridgeAnnouncer(boto3.client("events", config=CLIENT_CONFIG), bus=bus)


def s3_artifacts(settings: Settings) -> S3Artifacts:
    """Return the artifacts' bucket."""
    return S3Artifacts(boto3.client("s3", config=CLIENT_CONFIG), settings.artifacts)


def managed_secrets(settings: Settings) -> ManagedSecrets:
    """Return the secrets in Secrets Manager."""
    return ManagedSecrets(boto3.client("secretsmanager", config=CLIENT_CONFIG), prefix=settings.secrets_prefix)


def managed_session_key(parameter: str) -> bytes:
    """Read the session key from the parameter of SSM. Raises ``InputRefusedError`` while there is none yet."""
    return read_session_key(boto3.client("ssm", config=CLIENT_CONFIG), parameter)
