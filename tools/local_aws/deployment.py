"""Trapline's own Terraform root, applied to the local AWS: with the S3 backend, its lockfile and the real provider."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

from tools.deploy.bundle import THIS_MACHINE
from tools.deploy.migrations import invoke
from tools.deploy.operator_call import CLIENT_SETTINGS
from tools.deploy.services import SERVICES
from tools.local_aws.system import System
from tools.terraform.root import FOLDER, LOCAL_PARALLELISM, Root

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_secretsmanager import SecretsManagerClient

NAME = "trapline-local"
"""What everything's name begins with, by envs/local.tfvars."""
STATE_BUCKET = "trapline-state"
BACKEND = (
    f"bucket={STATE_BUCKET}",
    "key=local.tfstate",
    "region=us-east-1",
    "use_path_style=true",
    "skip_credentials_validation=true",
    "skip_metadata_api_check=true",
    "skip_requesting_account_id=true",
)
VARIABLES = "local.auto.tfvars.json"
"""File in the system's folder with the addresses and zips of this deployment."""
SLOW_RESOURCES = (
    "module.function",
    "module.notifications",
    "module.orchestration",
    "module.storage",
    "module.schedules[0].aws_sqs_queue.missed",
)
"""What a first apply makes before the schedules: all that takes the provider long, so that it is waited for once."""
OPERATOR = ('module.function["operator"]',)
"""What a later apply makes first, so that migrations run before other new code takes traffic."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """One deployment on a local AWS."""

    system: System
    """The local AWS."""
    crawls: Path
    """The crawls.yaml that Terraform reads the schedules from."""
    zips: Mapping[str, Path]
    """By service, what was built for this machine; empty while that still runs."""
    terraform: str
    """Path of Terraform."""

    @property
    def root(self) -> Root:
        """Return Terraform's root for this deployment."""
        return Root(
            binary=self.terraform,
            environ=self.system.environment(),
            data=self.system.folder / "terraform",
            backend=BACKEND,
            variables=(FOLDER / "envs/local.tfvars", self.system.folder / VARIABLES),
            parallelism=LOCAL_PARALLELISM,
            logs=self.system.folder,
        )

    def init(self) -> None:
        """Make the bucket of the state and prepare Terraform. Raises ``ToolError``."""
        s3: S3Client = self.client("s3")
        if STATE_BUCKET not in {bucket["Name"] for bucket in s3.list_buckets()["Buckets"]}:
            s3.create_bucket(Bucket=STATE_BUCKET)
        self.root.init()

    def make_secrets(self) -> None:
        """Make the secrets, and put in what Terraform never sees: the web hook as the relay's channel. Needs no zips.

        Raises ``ToolError``.
        """
        self._write_variables()
        self.root.apply(targets=["module.secrets"])
        secrets: SecretsManagerClient = self.client("secretsmanager")
        secrets.put_secret_value(SecretId=f"{NAME}/channels", SecretString=f"hook: {self.system.channel}\n")

    def apply(self) -> None:
        """Bring everything up after ``make_secrets``; what schedules need comes first: they fire as soon as they exist.

        So the secrets hold their values, and the operator function has made the schema and the services' roles in
        Postgres, before them. Raises ``ToolError`` with what Terraform or the operator function printed.
        """
        self._write_variables()
        exists = any(address.startswith("module.function") for address in self.root.resources())
        self.root.apply(targets=OPERATOR if exists else SLOW_RESOURCES)
        invoke(self.client("lambda", config=Config(**CLIENT_SETTINGS)), f"{NAME}-operator:live")
        self.root.apply()

    def client(self, service: str, **settings: Any) -> Any:
        """Return a boto3 client of the local AWS, as the account's root unless ``settings`` name another access key."""
        root = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
        return boto3.client(
            service,  # type: ignore[call-overload]
            endpoint_url=self.system.endpoint,
            verify=self.system.certificate,
            region_name="us-east-1",
            **(root | settings),
        )

    def _write_variables(self) -> None:
        releases = {
            service: {
                "version": SERVICES[service].version,
                "file": str(path),
                "runtime": f"python{THIS_MACHINE.python}",
            }
            for service, path in self.zips.items()
        }
        values = {
            "crawls_file": str(self.crawls),
            "database_url": self.system.database_url,
            "releases": releases,
        }
        (self.system.folder / VARIABLES).write_text(json.dumps(values, indent=2))
