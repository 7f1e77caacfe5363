"""One AWS provider for many Terraform commands of a test.

Terraform starts its provider anew for each step of each command, and each start costs seconds of processor time. The
provider's own debug mode serves any number of commands from one process, as the provider's acceptance tests do:
https://developer.hashicorp.com/terraform/plugin/debugging.
"""

import os
import re
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

from tools.terraform import binary as terraform
from tools.terraform.root import FOLDER

ATTACH = "TF_REATTACH_PROVIDERS"
"""The environment variable by which Terraform finds a provider that runs already."""
START = 120.0
"""Seconds for the provider's start, on a machine that does much else."""
_TELLS = re.compile(rf"{ATTACH}='(?P<where>[^']+)'")


@contextmanager
def shared_provider(program: str, environ: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """Run the AWS provider that Terraform, at ``program``, would install; yield the variable that attaches to it.

    It finds its AWS account by ``environ`` and by the settings of the last command that configured it, so commands
    for two accounts need two providers.
    """
    with tempfile.TemporaryDirectory(prefix="trapline-provider-") as folder:
        binary = _installed(program, Path(folder))
        log = Path(folder) / "provider.log"
        with log.open("wb") as written:
            process = subprocess.Popen(
                [binary, "-debug"],
                env=_trusting(environ),
                stdin=subprocess.DEVNULL,
                stdout=written,
                stderr=written,
                start_new_session=True,
            )
        try:
            yield {ATTACH: _where(process, log)}
        finally:
            process.terminate()
            process.wait(30)


@contextmanager
def attached(where: dict[str, str]) -> Iterator[None]:
    """Let what this process starts meanwhile use the provider of ``shared_provider``."""
    with mock.patch.dict(os.environ, where):
        yield


def _installed(program: str, data: Path) -> Path:
    """Return the provider's program, where ``terraform init`` has put it."""
    command = terraform.init_command(program, FOLDER, environ=os.environ, options=["-backend=false"])
    environ = terraform.environment(os.environ, data=data)
    subprocess.run(command, env=environ, check=True, capture_output=True)
    return next((data / "providers" / terraform.PROVIDER).glob("*/*/terraform-provider-aws_*"))


def _trusting(environ: Mapping[str, str]) -> dict[str, str]:
    """Return ``environ`` with its certificates in Go's own variable.

    The AWS client takes AWS_CA_BUNDLE only the first time that the provider is configured.
    """
    found = dict(environ)
    if certificates := found.pop("AWS_CA_BUNDLE", None):
        found["SSL_CERT_FILE"] = certificates
    return found


def _where(process: "subprocess.Popen[bytes]", log: Path) -> str:
    give_up = time.monotonic() + START
    while time.monotonic() < give_up and process.poll() is None:
        if found := _TELLS.search(log.read_text()):
            return found["where"]
        time.sleep(0.05)  # between two looks
    raise AssertionError(f"the provider did not start: {log.read_text()}")
