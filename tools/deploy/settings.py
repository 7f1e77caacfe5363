"""What an environment's tfvars say, read by Terraform itself: a second reader of HCL would one day disagree with it."""

import json
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tools.shell import ToolError

_TIMEOUT = 60.0
"""Seconds; it takes a fifth of one and needs no network."""
_READ = {
    "environment": "var.environment",
    "region": "var.region",
    "account_id": "var.account_id",
    "architecture": 'coalesce(var.architecture, "x86_64")',
    "chosen_architecture": "var.architecture",
    "disposable": "coalesce(var.disposable, false)",
    "local_aws": "coalesce(var.local_aws, false)",
    "protected": "try(var.database.deletion_protection, true)",
    "crawls_file": 'coalesce(var.crawls_file, "../crawls.yaml")',
    "network_mode": 'try(coalesce(var.network.mode), "made")',
    "nat": "try(var.network.nat, null)",
    "customer_key": "coalesce(var.customer_key, true)",
    "database": "coalesce(var.database, {})",
    "alert_emails": "coalesce(var.alert_emails, [])",
    "operations_emails": "coalesce(var.operations_emails, [])",
}
"""Field of ``Settings``: expression. The defaults are those of terraform/variables.tf; a test compares them."""
_PARTS = {"protected", "chosen_architecture", "nat", "network_mode"}
"""Fields that are read of a variable of another name."""
_VARIABLES = [name for name in _READ if name not in _PARTS] + ["network"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a deploy needs to know of an environment before Terraform runs."""

    environment: str
    """Its name, which must be that of the file."""
    region: str
    """AWS's region."""
    account_id: str | None
    """The only account that this environment may be in; ``None`` for that of the credentials."""
    architecture: str
    """Lambda's name of the processor: ``x86_64`` or ``arm64``."""
    disposable: bool
    """Whether destroying it may delete the bucket, the images and the secrets at once."""
    local_aws: bool
    """Whether it is on an emulator on this machine."""
    protected: bool
    """Whether the database is protected from deletion."""
    chosen_architecture: str | None = None
    """The architecture that a person has set; ``None`` where nobody has."""
    network_mode: str = "made"
    """Whether a network is ``made``, is there already (``existing``), or none is used (``outside``)."""
    nat: str | None = None
    """The way out of the network that is made; ``None`` where nobody has said."""
    customer_key: bool = True
    """Whether a key of the account's own is made."""
    crawls_file: str = "../crawls.yaml"
    """The crawls.yaml to deploy, relative to Terraform's root module."""
    database: Mapping[str, Any] = field(default_factory=dict)
    """What is set of the database; what is left out has the defaults of terraform/variables.tf."""
    alert_emails: tuple[str, ...] = ()
    """Addresses that get the alerts."""
    operations_emails: tuple[str, ...] = ()
    """Addresses that get the alarms about Trapline itself."""


def read(*files: Path, terraform: str, environ: Mapping[str, str]) -> Settings:
    """Return what ``files`` of variables set, a later one before an earlier one.

    Raises ``ToolError`` with what Terraform says of a file that it can't read.
    """
    expression = ", ".join(f"{name} = {value}" for name, value in _READ.items())
    with tempfile.TemporaryDirectory(prefix="trapline-settings-") as folder:
        declared = "\n".join(f'variable "{name}" {{\n  default = null\n}}' for name in _VARIABLES)
        (Path(folder) / "main.tf").write_text(declared)
        done = subprocess.run(
            [terraform, f"-chdir={folder}", "console", *(f"-var-file={file.resolve()}" for file in files)],
            input=f"jsonencode({{ {expression} }})\n",
            env={**environ, "TF_DATA_DIR": f"{folder}/data", "NO_COLOR": "1", "CHECKPOINT_DISABLE": "1"},
            capture_output=True,
            text=True,
            timeout=_TIMEOUT,
            check=False,
        )
    # Before the answer it warns of every variable that is not declared here
    answers = [line for line in done.stdout.splitlines() if line.startswith('"')]
    if done.returncode or not answers:
        named = " and ".join(map(str, files))
        raise ToolError(f"{named}: Terraform can't read this:\n{done.stderr.strip() or done.stdout.strip()}")
    found = json.loads(json.loads(answers[-1]))
    missing = [name for name in ("environment", "region") if not found[name]]
    if missing:
        raise ToolError(f"{files[0]}: {' and '.join(missing)} must be set")
    lists = {name: tuple(found[name]) for name in ("alert_emails", "operations_emails")}
    return Settings(**{**found, **lists})
