"""The first deploy of an environment: from credentials and an email address to a test alert in the inbox.

Its steps are harmless to repeat, and what a person has said is kept: run again after a cut, it goes on where it was.
"""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from tools.deploy import answers, preflight, state_bucket
from tools.deploy.account import Account, signed_in
from tools.deploy.confirmation import PATIENCE, wait_for_links
from tools.deploy.environments import find, refuse_dirty, work_folder
from tools.deploy.operator_call import CLIENT_SETTINGS, perform
from tools.deploy.preflight import Found
from tools.deploy.proposal import agree, unbuilt
from tools.deploy.services import OPERATOR
from tools.deploy.settings import Settings, read
from tools.deploy.steps import Deploy
from tools.shell import ROOT, ToolError, say
from tools.terraform import binary as terraform
from tools.terraform.root import FOLDER
from trapline_common.config.choices import Orchestrator
from trapline_common.config.load import load_config
from trapline_common.domain.errors import InputRefusedError


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What the command line says about a first deploy."""

    email: str = ""
    """Who gets the alerts."""
    yes: bool = False
    """Whether a machine asks, which agrees beforehand."""
    patience: float = PATIENCE
    """Seconds to wait for the links to be followed."""

    @property
    def ask(self) -> answers.Ask | None:
        """Return the way to ask a person; ``None`` where none is there."""
        return input if sys.stdin.isatty() and not self.yes else None


def is_first(name: str, folder: Path = FOLDER) -> bool:
    """Return whether nothing is recorded of the environment yet, or its first deploy has not come to its end."""
    return not (folder / f"envs/{name}.releases.tfvars.json").is_file() or under_way(name).exists()


def under_way(name: str) -> Path:
    """Return the file that is there from a person's agreement to the test alert."""
    return work_folder(name) / "first-deploy"


def prepare(name: str, wishes: Wishes, *, environ: Mapping[str, str], folder: Path = FOLDER, tree: Path = ROOT) -> None:
    """Look at all that must be there; then make the state's bucket and both files of the environment.

    Raises ``ToolError`` with everything that is missing; nothing was made then.
    """
    found = Found()
    try:
        refuse_dirty(tree)
    except ToolError as error:
        found.add(str(error), "git commit, or git stash")
    stated = _stated(name, found, environ=environ, folder=folder)
    said = answers.collect(
        name,
        settings={
            "region": stated.region,
            "architecture": stated.chosen_architecture,
            "alert_emails": stated.alert_emails,
            "operations_emails": stated.operations_emails,
        },
        email=wishes.email,
        environ=environ,
        ask=wishes.ask,
        folder=folder,
    )
    for what, do in said.missing:
        found.add(what, do)
    taken = {
        key: said.values[key] for key in ("region", "architecture", "local_aws", "account_id") if key in said.values
    }
    settings = replace(stated, **taken)
    preflight.look_at_machine(found, environ=environ, settings=settings)
    account = _account(name, found, settings, crawls=folder / settings.crawls_file)
    found.refuse(name)
    if account is None:
        raise ToolError(f"{name}: no region is named: AWS_REGION=...")
    if answers.store(folder / f"envs/{name}.account.tfvars.json", said.values | {"account_id": account.id}):
        say(f"deploy: what {name} is told of account, region and addresses is in envs/{name}.account.tfvars.json")
    environment = find(name, terraform=terraform.installed(environ), environ=environ, folder=folder)
    state_bucket.make(environment, account)


def propose(deploy: Deploy, wishes: Wishes) -> None:
    """Show what will be made and what it costs, and ask, unless that was agreed to before. Raises ``ToolError``."""
    environment = deploy.environment
    mark = under_way(environment.name)
    if mark.exists():
        say(f"{environment.name}: going on with the first deploy, which was agreed to")
        return
    say(f"{environment.name}: planning; nothing is made yet")
    plan = deploy.root.proposal(releases=unbuilt(local_aws=environment.settings.local_aws))
    agree(environment.name, plan, yes=wishes.yes, ask=wishes.ask)
    mark.parent.mkdir(parents=True, exist_ok=True)
    mark.touch()


def finish(deploy: Deploy, wishes: Wishes) -> None:
    """Wait for the links in the mails to be followed, and send a test alert. Raises ``ToolError`` if that fails.

    Where a link was not followed in time the deployment is complete all the same, and the next deploy asks again.
    """
    name, outputs = deploy.environment.name, deploy.root.outputs()
    waiting = wait_for_links(deploy.account, outputs["topics"], patience=wishes.patience)
    if waiting:
        say(f"deploy: not confirmed yet: {', '.join(waiting)}. SNS sends nothing there until the link was followed")
        say(f"deploy: then make deploy ENV={name} sends the test alert")
        return
    say("deploy: sending a test alert, the way of every alert")
    after = f"The deployment is complete; trapline alert --test --env {name} tries that again"
    client = deploy.account.client("lambda", **CLIENT_SETTINGS)
    result = perform(client, outputs["functions"][OPERATOR]["alias"], ["alert", "--test"], then=after)
    if result.get("exit") != 0:
        raise ToolError(f"the test alert did not get through (exit {result.get('exit')}). {after}")
    under_way(name).unlink(missing_ok=True)
    say(f"deploy: {name} works. Commit terraform/envs/{name}.*")


def _stated(name: str, found: Found, *, environ: Mapping[str, str], folder: Path) -> Settings:
    """Return what the tfvars file says; without Terraform, which reads it, as little as is certain."""
    try:
        program = terraform.binary(environ)
        if program is not None:
            return read(folder / f"envs/{name}.tfvars", terraform=program, environ=environ)
    except ToolError as error:
        if not str(error).startswith(terraform.BINARY):  # look_at_machine says that
            found.add(str(error), "mend the file")
    return Settings(
        environment=name, region="", account_id=None, architecture="x86_64", disposable=False, local_aws=False,
        protected=True,
    )  # fmt: skip


def _account(name: str, found: Found, settings: Settings, *, crawls: Path) -> Account | None:
    """Look at the account, if the credentials and the region lead to one; return it."""
    crawlers, orchestrated = 0, False
    try:
        config = load_config(crawls)
    except InputRefusedError as error:
        found.add(str(error), f"mend {crawls.name}; `trapline config {crawls.name}` says when it is right")
    else:
        used = {crawl.lane for crawl in config.crawls.values() if crawl.enabled}
        crawlers = sum(lane.max_invocations for lane_name, lane in config.lanes.items() if lane_name in used)
        orchestrated = any(lane.orchestrator is not Orchestrator.SELF for lane in config.lanes.values())
    if not settings.region:
        return None
    if preflight.OTHER_PARTITIONS.match(settings.region):
        found.add(
            f"Trapline knows AWS's public regions, and {settings.region} is China's, GovCloud's or another partition's",
            "give a public one: AWS_REGION=eu-central-1",
        )
        return None
    try:
        account = signed_in(settings.region, local_aws=settings.local_aws)
    except ToolError as error:
        what, _, do = str(error).rpartition("; ")
        found.add(what, do)
        return None
    preflight.look_at_account(found, account, settings, environment=name, crawlers=crawlers, orchestrated=orchestrated)
    return account
