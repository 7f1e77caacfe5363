"""Calls the operator function of a deployment, or its reader, with the caller's own AWS credentials."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ProfileNotFound,
    ReadTimeoutError,
    SSOError,
)

from trapline.remote.deployed_region import deployed_region
from trapline.remote.local_aws import LOCAL, local_settings
from trapline.remote.protocol import Call, Performed
from trapline_common.aws.calls import CLIENT_CONFIG
from trapline_common.aws.lambda_client import waiting_config
from trapline_common.domain.answers import read_answer
from trapline_common.domain.errors import InputRefusedError, TransientError
from trapline_common.platform.this_user import this_user

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

OPERATOR, READER = "operator", "reader"
"""The functions that people call: the one performs every command of a deployment, the other those that only look."""
PATIENCE = 910.0
"""Seconds for an answer: Lambda ends the operator function after 900."""
_NAME = re.compile(r"[a-z][a-z0-9]{0,15}\Z")
"""As terraform/variables.tf has it."""
_NO_CREDENTIALS = (
    CredentialRetrievalError,
    NoCredentialsError,
    PartialCredentialsError,
    ProfileNotFound,
    SSOError,
)
_EXPIRED = frozenset({"ExpiredToken", "ExpiredTokenException", "InvalidClientTokenId", "UnrecognizedClientException"})


class CallFailedError(TransientError):
    """The function could not be called, or gave no answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """The way to one of a deployment's functions: its alias ``live``, the version that `make deploy` put there."""

    client: "LambdaClient"
    """It asks once and waits ``PATIENCE`` seconds."""
    environment: str
    """The deployment's name, such as ``dev``."""
    function: str
    """The function's name."""
    who: Callable[[], str]
    """Asks STS for the identity of the caller's credentials."""

    def identity(self) -> str:
        """Return who asks: the ARN that STS names for the credentials, else this machine's user.

        Every credential may ask STS; one that can't reach it acts all the same, for CloudTrail has the proof.
        """
        try:
            return self.who()
        except (BotoCoreError, ClientError):
            return this_user()

    def call(self, call: Call) -> Performed:
        """Send one command and wait for its answer; it is never sent a second time. Raises ``CallFailedError``."""
        try:
            answer = self.client.invoke(
                FunctionName=self.function, Qualifier="live", Payload=call.model_dump_json().encode()
            )
            failed, text = "FunctionError" in answer, answer["Payload"].read()
        except (BotoCoreError, ClientError) as error:
            raise CallFailedError(self._reason(error)) from error
        if failed:
            raise CallFailedError(self._broken(text))
        return read_answer(Performed, json.loads(text))

    def _broken(self, text: bytes) -> str:
        try:
            error: Any = json.loads(text)
            what = f"{error['errorType']}: {error['errorMessage']}" if "errorType" in error else error["errorMessage"]
        except (ValueError, KeyError, TypeError):
            what = text.decode(errors="replace")[:500]
        return f"{self.function} failed ({what}); more in its log group /aws/lambda/{self.function}"

    def _reason(self, error: Exception) -> str:
        """Return the reason for a person, with what to do."""
        name, where = self.environment, self.client.meta.region_name
        if isinstance(error, _NO_CREDENTIALS):
            return f"{error}: log in to AWS (`aws sso login`), or name credentials that may, with AWS_PROFILE"
        if isinstance(error, ReadTimeoutError):
            return (
                f"{self.function}: no answer in {PATIENCE:.0f} s; the command may have been performed, "
                f"see `trapline status --env {name}`"
            )
        if not isinstance(error, ClientError):
            return f"AWS can't be reached: {error}"
        code, text = error.response["Error"].get("Code", ""), error.response["Error"].get("Message", "")
        if code == "ResourceNotFoundException":
            return (
                f"no function {self.function} in {where}: deploy first (`make deploy ENV={name}`), "
                "or choose another AWS_REGION or AWS_PROFILE"
            )
        if code in {"AccessDeniedException", "AccessDenied"}:
            return f"your credentials may not call it: they need lambda:InvokeFunction on {self.function}:live ({text})"
        if code in _EXPIRED:
            return f"AWS refuses your credentials ({text}): log in again"
        if code == "TooManyRequestsException":
            return f"{self.function}: no execution is free in the account ({text}); try again"
        return f"{self.function}: {code}: {text}"


def connect(environment: str, *, environ: Mapping[str, str], data_dir: Path, function: str = OPERATOR) -> Caller:
    """Return how to reach a deployment's ``function``; profile and credentials come as the AWS command takes them.

    The region is the deployment's own, where the working directory is in the clone that it was deployed from.
    ``local``: the local AWS that `make up` runs in ``data_dir``. Raises ``InputRefusedError`` for a name that no
    deployment can have, and where no setting names the region.
    """
    if not _NAME.match(environment):
        raise InputRefusedError(f"--env: {environment[:100]!r} is no environment; it is a name such as dev or prod")
    config = waiting_config(PATIENCE)
    settings = (
        local_settings(data_dir)
        if environment == LOCAL
        else {"region_name": deployed_region(environment, environ=environ, folder=Path.cwd())}
    )
    try:
        client = boto3.client("lambda", config=config, **settings)
    except NoRegionError as error:
        raise InputRefusedError(
            f"no AWS region: go into the clone that {environment} was deployed from, or set AWS_REGION to the one in"
            f" its terraform/envs/{environment}.account.tfvars.json"
        ) from error
    except ProfileNotFound as error:
        raise InputRefusedError(f"{error}; `aws configure list-profiles` names them") from error
    return Caller(
        client=client,
        environment=environment,
        function=f"trapline-{environment}-{function}",
        who=partial(_identity, settings),
    )


def _identity(settings: Mapping[str, Any]) -> str:
    return str(boto3.client("sts", config=CLIENT_CONFIG, **settings).get_caller_identity()["Arn"])
