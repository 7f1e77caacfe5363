"""The AWS account that a command acts on: its caller there, and clients that reach it and nothing else."""

from dataclasses import dataclass, replace
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from tools.deploy.environments import Environment
from tools.shell import ToolError


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

    def client(self, service: str, **settings: Any) -> Any:
        """Return a boto3 client in the region. ``settings`` are botocore's."""
        config = Config(ignore_configured_endpoint_urls=self.ignore_endpoints, **settings)  # type: ignore[call-arg]
        return boto3.client(service, region_name=self.region, config=config)  # type: ignore[call-overload]


def account(environment: Environment) -> Account:
    """Return the account that the credentials at hand lead to. Raises ``ToolError``, also when it is the wrong one."""
    settings = environment.settings
    unnamed = Account(id="", caller="", region=settings.region, ignore_endpoints=not settings.local_aws)
    try:
        found = unnamed.client("sts").get_caller_identity()
    except (BotoCoreError, ClientError) as error:
        message = f"AWS does not know who you are ({error}); sign in, for example by AWS_PROFILE=..."
        raise ToolError(message) from error
    if settings.account_id not in {None, found["Account"]}:
        raise ToolError(
            f"{environment.name} is in account {settings.account_id} ({environment.tfvars.name}), and these credentials"
            f" are of account {found['Account']}"
        )
    return replace(unnamed, id=found["Account"], caller=found["Arn"])
