"""What a first deploy must know and no committed file says: who gets the mails, and where it goes.

The answers lie in ``envs/<environment>.account.tfvars.json``, which Terraform reads after the tfvars file. So a run
that was cut off asks nothing twice, and addresses that a person has set in the tfvars file are not asked for at all.
"""

import json
import platform
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError

from tools.deploy.environments import Environment, is_here
from tools.shell import ToolError
from tools.terraform.root import FOLDER

Ask = Callable[[str], str]
"""Shows a question to a person and returns the answer, without the line's end."""
LOCAL_AWS: Mapping[str, Any] = {
    "local_aws": True,
    "network": {"mode": "outside"},
    "account_concurrency": 1000,
    "notifier_concurrency": 0,
    "silence_hours": None,
}
"""What an emulator on this machine needs of the root, beside the address of its Postgres."""
_ATOMS = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_EMAIL = re.compile(rf"{_ATOMS}(\.{_ATOMS})*@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*\.[A-Za-z0-9-]{{2,}}\Z")
"""One plain address in ASCII: SNS takes no name beside it and no other letters."""
_SAY_EMAIL = "say EMAIL=you@example.org behind make deploy"
_MACHINES = {"x86_64": "x86_64", "amd64": "x86_64", "arm64": "arm64", "aarch64": "arm64"}
"""Lambda's names of the processors, by what systems call them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What was asked and found; ``missing`` names what nobody has said."""

    values: dict[str, Any]
    """Terraform's variables, as the file holds them."""
    missing: list[tuple[str, str]] = field(default_factory=list)
    """What is missing, and what helps; empty when nothing is."""


def builder_architecture(machine: str | None = None) -> str | None:
    """Return Lambda's name of this machine's processor; ``None`` where Lambda has none of that kind."""
    return _MACHINES.get((machine or platform.machine()).lower())


def load(path: Path) -> dict[str, Any]:
    """Return the answers that an earlier run kept; none where there are none. Raises ``ToolError``."""
    if not path.is_file():
        return {}
    try:
        return dict(json.loads(path.read_text()))
    except (ValueError, TypeError) as error:
        raise ToolError(f"{path}: this is no file of answers ({error}); restore it with git, or delete it") from error


def store(path: Path, values: Mapping[str, Any]) -> bool:
    """Write the answers, whole or not at all; return whether they are others than before."""
    text = json.dumps(values, indent=2, sort_keys=True) + "\n"
    if path.is_file() and path.read_text() == text:
        return False
    draft = path.with_suffix(".draft")
    draft.write_text(text)
    draft.replace(path)
    return True


def collect(
    name: str,
    *,
    settings: Mapping[str, Any],
    email: str,
    environ: Mapping[str, str],
    ask: Ask | None,
    folder: Path = FOLDER,
) -> Answers:
    """Return what is known of the environment ``name`` after asking for what nothing says.

    ``settings``: what its tfvars file sets of region, architecture and addresses, as far as it could be read. ``ask``:
    ``None`` where nobody can answer.
    """
    values = load(folder / f"envs/{name}.account.tfvars.json")
    missing: list[tuple[str, str]] = []
    values |= _local_aws(values, environ, missing)
    if "region" not in values:
        values["region"] = _region(settings.get("region"), environ, ask)
    if not settings.get("architecture") and "architecture" not in values and (found := builder_architecture()):
        values["architecture"] = found
    if not email and ask is not None and not _addresses(values, settings, "alert_emails"):
        email = ask("Who gets the alerts? An email address: ").strip()
    if email and not _EMAIL.match(email):
        missing.append((f"EMAIL={email} is no address", _SAY_EMAIL))
    elif email:
        values |= _with(email, values, settings)
    elif not _addresses(values, settings, "alert_emails"):
        missing.append(("nobody would get the alerts", _SAY_EMAIL))
    return Answers(values=values, missing=missing)


def add_email(environment: Environment, email: str) -> bool:
    """Add an address to those of an environment that is there already; return whether it is new.

    Raises ``ToolError`` for what is no address.
    """
    if not email:
        return False
    if not _EMAIL.match(email):
        raise ToolError(f"EMAIL={email} is no address; {_SAY_EMAIL}")
    found, settings = load(environment.answers), environment.settings
    named = {"alert_emails": settings.alert_emails, "operations_emails": settings.operations_emails}
    if all(email in addresses for addresses in named.values()):
        return False
    return store(environment.answers, found | _with(email, found, named))


def _addresses(values: Mapping[str, Any], settings: Mapping[str, Any], key: str) -> list[str]:
    return [*(values.get(key) or settings.get(key) or ())]


def _with(email: str, values: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return both lists of addresses with ``email`` in them: its owner hears of pages, and of Trapline itself."""
    lists = {key: _addresses(values, settings, key) for key in ("alert_emails", "operations_emails")}
    return {key: one if email in one else [*one, email] for key, one in lists.items()}


def _local_aws(values: Mapping[str, Any], environ: Mapping[str, str], missing: list[tuple[str, str]]) -> dict[str, Any]:
    """Return the settings of an emulator, where the shell names one of this machine; note what it lacks."""
    endpoint = environ.get("AWS_ENDPOINT_URL", "")
    if not endpoint or values.get("local_aws"):
        return {}
    if not is_here(endpoint):
        missing.append(("AWS_ENDPOINT_URL is set, and names no AWS of this machine", "unset it"))
        return {}
    if not environ.get("DATABASE_URL"):
        missing.append(("AWS_ENDPOINT_URL is set", "unset it; for a local AWS, name its Postgres: DATABASE_URL=..."))
        return {}
    return {**LOCAL_AWS, "database_url": environ["DATABASE_URL"]}


def _region(usual: str | None, environ: Mapping[str, str], ask: Ask | None) -> str | None:
    """Return the region that the shell or the profile names; else a person's answer, for which the file's is offered.

    boto3 itself reads AWS_DEFAULT_REGION only, the AWS command reads AWS_REGION too.
    """
    try:
        found = environ.get("AWS_REGION") or boto3.Session().region_name
    except BotoCoreError:  # a profile that is not there, which the look at the account says
        found = None
    if found or ask is None:
        return found or usual
    return ask(f"In which region of AWS? [{usual}] ").strip() or usual
