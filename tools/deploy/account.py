"""The AWS account that a command acts on: its caller there, and clients that reach it and nothing else."""

from dataclasses import dataclass, replace
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    ProfileNotFound,
    ProxyConnectionError,
)

from tools.deploy.environments import Environment
from tools.shell import ToolError

_SKEWED = frozenset({"RequestTimeTooSkewed", "RequestExpired", "RequestInTheFuture"})
"""AWS's words for a request that is signed with another time than its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """An account and a region, as these credentials reach them."""

    id: str
    """Twelve digits; empty until AWS has named it."""
    caller: str
    """The ARN of the user or role that acts."""
    region: str
    """Where the environment is."""
    ignore_endpoints: bool
    """Whether clients pass over the endpoints that ~/.aws/config names."""

    @property
    def partition(self) -> str:
        """Return the part of AWS that it is in: ``aws``, ``aws-us-gov`` or ``aws-cn``."""
        return self.caller.split(":")[1]

    def client(self, service: str, *, region: str | None = None, **settings: Any) -> Any:
        """Return a boto3 client, of another ``region`` where one is named. ``settings`` are botocore's."""
        config = Config(ignore_configured_endpoint_urls=self.ignore_endpoints, **settings)  # type: ignore[call-arg]
        return boto3.client(service, region_name=region or self.region, config=config)  # type: ignore[call-overload]


def signed_in(region: str, *, local_aws: bool) -> Account:
    """Return the account that the credentials at hand lead to, whichever it is. Raises ``ToolError``."""
    unnamed = Account(id="", caller="", region=region, ignore_endpoints=not local_aws)
    try:
        try:
            found = unnamed.client("sts").get_caller_identity()
        except (ClientError, EndpointConnectionError) as error:
            # A region that the account has not enabled knows nobody, and one that is not there has no address;
            # us-east-1 knows every account of its partition
            if isinstance(error, ClientError) and error.response["Error"].get("Code") != "InvalidClientTokenId":
                raise
            found = unnamed.client("sts", region="us-east-1").get_caller_identity()
    except (BotoCoreError, ClientError) as error:
        raise ToolError(f"AWS does not know who you are ({error}); {_remedy(error)}") from error
    return replace(unnamed, id=found["Account"], caller=found["Arn"])


def _remedy(error: BotoCoreError | ClientError) -> str:
    """Return what helps against ``error``: mostly to sign in."""
    if isinstance(error, ClientError):
        code, text = error.response["Error"].get("Code", ""), error.response["Error"].get("Message", "")
        if code in _SKEWED or "Signature expired" in text or "Signature not yet current" in text:
            return "set this machine's clock: AWS takes no request that is five minutes off"
    if isinstance(error, EndpointConnectionError | ConnectTimeoutError | ProxyConnectionError):
        return "is the network there, or a proxy to be named?"
    if isinstance(error, ProfileNotFound):
        return "aws configure list-profiles says which there are"
    return "sign in, for example by aws sso login, then AWS_PROFILE=..."


def account(environment: Environment) -> Account:
    """Return the account that the credentials at hand lead to. Raises ``ToolError``, also when it is the wrong one."""
    settings = environment.settings
    found = signed_in(settings.region, local_aws=settings.local_aws)
    if settings.account_id not in {None, found.id}:
        raise ToolError(
            f"{environment.name} is in account {settings.account_id} ({environment.tfvars.name}), and these credentials"
            f" are of account {found.id}"
        )
    return found
