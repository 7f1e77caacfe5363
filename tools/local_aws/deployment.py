"""Trapline's own Terraform root, applied to the local AWS: with the S3 backend, its lockfile and the real provider."""

import json
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3

from tools.deploy.bundle import THIS_MACHINE
from tools.deploy.migrations import REQUEST
from tools.local_aws.system import System
from tools.shell import ROOT, ToolError
from tools.terraform import binary as terraform
from tools.workspace.packages import PACKAGES

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_secretsmanager import SecretsManagerClient

ROOT_MODULE = ROOT / "terraform"
NAME = "trapline-local"
"""What everything's name begins with, by envs/local.tfvars."""
STATE_BUCKET = "trapline-state"
APPLY_TIMEOUT = 600.0
"""Seconds. An apply takes about a minute on two shared cores."""
AT_FIRST = (
    "module.function",
    "module.notifications",
    "module.storage",
    "module.schedules[0].aws_sqs_queue.missed",
)
"""What a first apply makes before the schedules: all that takes the provider long, so that it is waited for once."""
BEFORE_THE_REST = ('module.function["operator"]',)
"""Afterwards: the operator alone, so that migrations run before other new code takes traffic."""
PARALLEL = "-parallelism=50"
"""The provider waits 25 s for each queue until its settings are seen everywhere: then let all wait at once."""


def version(distribution: str) -> str:
    """Return the version that a distribution of ours has in its pyproject file."""
    (package,) = (package for package in PACKAGES if package.name == distribution)
    return package.version


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """One deployment on ``system``. ``zips``: built for this machine, by service; ``crawls``: the crawls.yaml."""

    system: System
    crawls: Path
    zips: dict[str, Path]
    terraform: str

    def init(self) -> None:
        """Make the bucket of the state and prepare Terraform. Raises ``ToolError``."""
        s3: S3Client = self.client("s3")
        if STATE_BUCKET not in {bucket["Name"] for bucket in s3.list_buckets()["Buckets"]}:
            s3.create_bucket(Bucket=STATE_BUCKET)
        backend = {"bucket": STATE_BUCKET, "key": "local.tfstate", "region": "us-east-1", "use_path_style": "true"}
        skips = ("skip_credentials_validation", "skip_metadata_api_check", "skip_requesting_account_id")
        settings = [f"{name}={value}" for name, value in {**backend, **dict.fromkeys(skips, "true")}.items()]
        options = ["-reconfigure", *(f"-backend-config={setting}" for setting in settings)]
        environ = self.system.environment()
        self._run(terraform.init_command(self.terraform, ROOT_MODULE, environ=environ, options=options), step="init")

    def make_secrets(self) -> None:
        """Make the secrets, and put in what Terraform never sees: the web hook as the relay's channel. Needs no zips.

        Raises ``ToolError``.
        """
        self._terraform("apply", "-auto-approve", "-target=module.secrets", *self._variables())
        secrets: SecretsManagerClient = self.client("secretsmanager")
        secrets.put_secret_value(SecretId=f"{NAME}/channels", SecretString=f"hook: {self.system.channel}\n")

    def apply(self) -> None:
        """Bring everything up after ``make_secrets``; what schedules need comes first: they fire as soon as they exist.

        So the secrets hold their values, and the operator function has made the schema and the services' roles in Postgres,
        before them. Raises ``ToolError`` with what Terraform or the operator function said.
        """
        known = any(address.startswith("module.function") for address in self.resources())
        first = [f"-target={address}" for address in (BEFORE_THE_REST if known else AT_FIRST)]
        self._terraform("apply", "-auto-approve", PARALLEL, *first, *self._variables())
        self._migrate()
        self._terraform("apply", "-auto-approve", PARALLEL, *self._variables())

    def _migrate(self) -> None:
        """Have the operator function migrate, as a deploy to AWS does."""
        answer = self.client("lambda").invoke(
            FunctionName=f"{NAME}-operator", Qualifier="live", Payload=json.dumps(REQUEST).encode()
        )
        said = json.loads(answer["Payload"].read())
        if "FunctionError" in answer or said["exit"] != 0:
            raise ToolError(f"the operator function could not migrate: {said}")

    def plan(self) -> dict[str, frozenset[str]]:
        """Return what Terraform would change now: addresses, and for each the attributes that would change."""
        file = self.system.folder / "drift.tfplan"
        self._terraform("plan", PARALLEL, f"-out={file}", *self._variables())
        done = self._run([self.terraform, f"-chdir={ROOT_MODULE}", "show", "-json", str(file)], step="show")
        found = {}
        for resource in json.loads(done.stdout).get("resource_changes", []):
            change = resource["change"]
            if change["actions"] not in (["no-op"], ["read"]):
                before, after = change["before"] or {}, change["after"] or {}
                names = before.keys() | after.keys()
                found[resource["address"]] = frozenset(name for name in names if before.get(name) != after.get(name))
        return found

    def destroy(self) -> None:
        """Take everything down again. Raises ``ToolError``."""
        self._terraform("destroy", "-auto-approve", PARALLEL, *self._variables())

    def outputs(self) -> dict[str, Any]:
        """Return the root's outputs, by name."""
        done = self._run([self.terraform, f"-chdir={ROOT_MODULE}", "output", "-json", "-no-color"], step="output")
        return {name: output["value"] for name, output in json.loads(done.stdout).items()}

    def resources(self) -> list[str]:
        """Return the addresses of what is in the state."""
        done = self._run([self.terraform, f"-chdir={ROOT_MODULE}", "state", "list"], step="state list")
        return done.stdout.split()

    def client(self, service: str, **key: str) -> Any:
        """Return a boto3 client of the local AWS, as the account's root unless ``key`` names another's access key."""
        root = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
        return boto3.client(
            service,  # type: ignore[call-overload]
            endpoint_url=self.system.endpoint,
            verify=self.system.certificate,
            region_name="us-east-1",
            **{**root, **key},
        )

    def _variables(self) -> list[str]:
        releases = {
            service: {
                "version": version("trapline" if service == "operator" else f"trapline-{service}"),
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
        path = self.system.folder / "local.auto.tfvars.json"
        path.write_text(json.dumps(values, indent=2))
        return [f"-var-file={ROOT_MODULE / 'envs/local.tfvars'}", f"-var-file={path}"]

    def _terraform(self, command: str, *options: str) -> None:
        self._run(
            [self.terraform, f"-chdir={ROOT_MODULE}", command, "-input=false", "-no-color", *options], step=command
        )

    def _run(self, command: Sequence[str], *, step: str) -> "subprocess.CompletedProcess[str]":
        data = self.system.folder / "terraform"
        environ = terraform.environment(self.system.environment(), data=data)
        done = subprocess.run(
            list(command), env=environ, cwd=ROOT, capture_output=True, text=True, timeout=APPLY_TIMEOUT, check=False
        )
        (self.system.folder / f"terraform-{step.split(maxsplit=1)[0]}.log").write_text(done.stdout + done.stderr)
        if done.returncode:
            raise ToolError(f"terraform {step} failed (exit {done.returncode}):\n{done.stderr.strip() or done.stdout}")
        return done
