"""The order of a deploy: where it is cut off, what ran before goes on, and the next deploy completes it.

Build, and refuse what has no version of its own; in an empty account make all that needs no code; push; record and
apply the operator; let it migrate; record and apply the rest.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from tools.deploy import build, rds_ca, releases
from tools.deploy.account import Account
from tools.deploy.build import Built
from tools.deploy.container_engine import container_engine
from tools.deploy.environments import Environment, is_careful
from tools.deploy.migrations import migrate
from tools.deploy.push import image_digest, pushed
from tools.deploy.releases import Release
from tools.deploy.services import CRAWLER, OPERATOR, SERVICES, schema
from tools.shell import ToolError, say
from tools.terraform.root import Root


@dataclass(frozen=True, slots=True, kw_only=True)
class Deploy:
    """The steps of a command for one environment in one account, both checked before."""

    environment: Environment
    """The environment, whose record of releases a deploy writes."""
    account: Account
    """The account that the credentials lead to."""
    root: Root
    """Terraform's root for the environment."""
    environ: Mapping[str, str]
    """The environment variables with the settings of a build: certificates, proxies, a base image."""
    migrate: Callable[[Account, str], None] = migrate
    """Has the operator function, an alias's ARN, bring the ledger up to date."""

    def all_services(self) -> None:
        """Deploy all services; the first time into an empty account. Raises ``ToolError``."""
        self._deploy(list(SERVICES))

    def one_service(self, service: str) -> None:
        """Deploy ``service`` alone. Raises ``ToolError``, also when the ledger would be behind its code."""
        operator = self.recorded().get(OPERATOR)
        if operator is None or OPERATOR not in self.root.outputs().get("functions", {}):
            raise ToolError(f"{self.environment.name} is not deployed yet: make deploy ENV={self.environment.name}")
        wanted = schema()
        if service != OPERATOR and wanted > operator.schema:
            raise ToolError(
                f"{service} wants migration {wanted:04}, and {self.environment.name}'s operator knows up to"
                f" {operator.schema:04}: make deploy-service SERVICE={OPERATOR} ENV={self.environment.name} first"
            )
        self._deploy([service])

    def apply(self) -> None:
        """Apply what is recorded, and build nothing: changed settings or crawls, or a record that was reverted."""
        self.announce(self.recorded())
        self.root.apply()

    def plan(self) -> None:
        """Show what ``apply`` would change."""
        self.announce(self.recorded())
        self.root.plan()

    def recorded(self) -> dict[str, Release]:
        """Return what runs by the record. Raises ``ToolError``."""
        return releases.load(self.environment.releases)

    def announce(self, what: Mapping[str, Built] | Mapping[str, Release]) -> None:
        """Print the account, the region, the caller and each service's release, before anything is changed."""
        at = self.account
        say(f"{self.environment.name}: account {at.id}, region {at.region}, as {at.caller}")
        for name, one in sorted(what.items()):
            say(f"  {name:<11} {one}")
        if not what:
            say("  no service is recorded")

    def _deploy(self, services: Sequence[str]) -> None:
        recorded = self.recorded()
        made = self._build(services, recorded)
        self._check_versions(recorded, {name: one.release for name, one in made.items()})
        self.announce(made)
        outputs = self.root.outputs()
        if "bucket" not in outputs:
            say("deploy: this account is empty; first comes all that needs no code")
            self.root.apply(without_functions=True)
            outputs = self.root.outputs()
        bucket, repository = outputs["bucket"], outputs.get("image_repository")
        wanted = {name: pushed(one, self.account, bucket=bucket, repository=repository) for name, one in made.items()}
        # Where no function is, an old record names packages that went with the bucket
        self._apply(recorded if outputs.get("functions") else {}, wanted)

    def _apply(self, recorded: Mapping[str, Release], wanted: Mapping[str, Release]) -> None:
        """Migrate between the operator and the rest; an apply never runs what is not recorded yet."""
        first = {name: one for name, one in wanted.items() if name == OPERATOR}
        rest = {name: one for name, one in wanted.items() if name != OPERATOR}
        if first:
            self._record(dict(recorded) | first, new=first)
        self.migrate(self.account, self.root.outputs()["functions"][OPERATOR]["alias"])
        if rest:
            self._record(dict(recorded) | first | rest, new=rest)
        say(f"deploy: done. Commit terraform/envs/{self.environment.releases.name}: its revert is the rollback")

    def _record(self, what: Mapping[str, Release], *, new: Mapping[str, Release]) -> None:
        releases.store(self.environment.releases, what)
        for name, one in sorted(new.items()):
            say(f"deploy: applying {name} {one}")
        self.root.apply()

    def _build(self, services: Sequence[str], recorded: Mapping[str, Release]) -> dict[str, Built]:
        settings = self.environment.settings
        ca = None if settings.local_aws else rds_ca.certificates(self.environ, region=settings.region)
        if settings.local_aws or CRAWLER not in services:
            return build.build_zips(services, settings, ca=ca)
        release = build.image_release(settings, ca=ca)
        self._check_versions(recorded, {CRAWLER: release})  # before a build that takes minutes
        made = build.build_zips([name for name in services if name != CRAWLER], settings, ca=ca)
        existing = self._existing_image(recorded.get(CRAWLER), release)
        if existing is not None:
            return made | {CRAWLER: Built(release=existing)}
        image = build.build_image(container_engine(), release, settings, ca=ca, environ=self.environ)
        return made | {CRAWLER: image}

    def _existing_image(self, old: Release | None, new: Release) -> Release | None:
        """Return ``new`` with the recorded digest, if that image has the same sources and ECR still has it."""
        if old is None or old.digest is None or (old.version, old.source) != (new.version, new.source):
            return None
        repository = f"trapline-{self.environment.name}/crawler"
        digest = image_digest(self.account.client("ecr"), repository, {"imageDigest": old.digest})
        return replace(new, digest=digest) if digest is not None else None

    def _check_versions(self, recorded: Mapping[str, Release], wanted: Mapping[str, Release]) -> None:
        """Warn of contents that changed under one version; raise ``ToolError`` where people rely on what runs."""
        same = releases.unversioned(recorded, wanted)
        if not same:
            return
        what = f"changed, and its version did not: {', '.join(f'{name} {wanted[name].version}' for name in same)}"
        advice = ", ".join(f"make version SERVICE={name} BUMP=patch" for name in same)
        if is_careful(self.environment.name):
            raise ToolError(f"{what}. No record could tell the two apart later: {advice}")
        say(f"deploy: warning: {what}; prod refuses that: {advice}")
