"""The order of a deploy: wherever it is cut off, what ran goes on, and the next one mends it.

Build, and refuse what has no version of its own; in an empty account make all that needs no code; push; record and apply
the operator; let it migrate; record and apply the rest.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from tools.ci.container_engine import engine
from tools.deploy import build, releases
from tools.deploy.account import Account
from tools.deploy.build import Built
from tools.deploy.environments import Environment, is_careful
from tools.deploy.image import layers_folder
from tools.deploy.migrations import migrate
from tools.deploy.push import image_digest, pushed
from tools.deploy.releases import Release
from tools.deploy.services import OPERATOR, SERVICES, schema
from tools.shell import ToolError, say
from tools.terraform.root import Root


@dataclass(frozen=True, slots=True, kw_only=True)
class Deploy:
    """One environment in one account, both checked; ``environ``: the settings of what is built."""

    environment: Environment
    account: Account
    root: Root
    environ: Mapping[str, str]
    migrate: Callable[[Account, str], None] = migrate

    def everything(self) -> None:
        """Deploy all services; the first time into an empty account. Raises ``ToolError``."""
        self._deploy(list(SERVICES))

    def one(self, service: str) -> None:
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
        self.tell(self.recorded())
        self.root.apply()

    def plan(self) -> None:
        """Show what ``apply`` would change."""
        self.tell(self.recorded())
        self.root.plan()

    def recorded(self) -> dict[str, Release]:
        """Return what runs by the record. Raises ``ToolError``."""
        return releases.load(self.environment.releases)

    def tell(self, what: Mapping[str, Built] | Mapping[str, Release]) -> None:
        """Say where it is acted, as whom, and on what."""
        at = self.account
        say(f"{self.environment.name}: account {at.id}, region {at.region}, as {at.caller}")
        for name, one in sorted(what.items()):
            say(f"  {name:<11} {one}")
        if not what:
            say("  no service is recorded")

    def _deploy(self, services: Sequence[str]) -> None:
        recorded = self.recorded()
        with self._built(services, recorded) as made:
            self.judge(recorded, {name: one.release for name, one in made.items()})
            self.tell(made)
            outputs = self.root.outputs()
            if "bucket" not in outputs:
                say("deploy: nothing is there yet; first comes all that needs no code")
                self.root.apply(without_functions=True)
                outputs = self.root.outputs()
            bucket, repository = outputs["bucket"], outputs.get("image_repository")
            wanted = {
                name: pushed(one, self.account, bucket=bucket, repository=repository) for name, one in made.items()
            }
        # Where no function is, an old record names packages that went with the bucket
        self._apply(recorded if outputs.get("functions") else {}, wanted)

    def _apply(self, recorded: Mapping[str, Release], wanted: Mapping[str, Release]) -> None:
        """Migrate between the operator and the rest; what is not recorded yet does not run, whoever applies."""
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

    @contextmanager
    def _built(self, services: Sequence[str], recorded: Mapping[str, Release]) -> Iterator[dict[str, Built]]:
        """Yield what was built, by service; an image can be pushed only while its engine runs."""
        settings = self.environment.settings
        ca = build.certificates(settings, self.environ)
        in_image = {"crawler"} if not settings.local_aws else set()
        if not in_image.intersection(services):
            yield build.build_zips(services, settings, ca=ca)
            return
        release = build.image_release(settings, ca=ca)
        self.judge(recorded, {"crawler": release})  # an image takes minutes; a refusal need not
        made = build.build_zips([name for name in services if name not in in_image], settings, ca=ca)
        there = self._there(recorded.get("crawler"), release)
        if there is not None:
            yield made | {"crawler": Built(release=there)}
            return
        with engine(layers_folder(self.environ)) as found:
            image = build.build_image(found, release, settings, ca=ca, environ=self.environ)
            yield made | {"crawler": image}

    def _there(self, old: Release | None, new: Release) -> Release | None:
        """Return the release that is recorded, if it was built from the very same and ECR still has it."""
        if old is None or old.digest is None or (old.version, old.source) != (new.version, new.source):
            return None
        repository = f"trapline-{self.environment.name}/crawler"
        there = image_digest(self.account.client("ecr"), repository, {"imageDigest": old.digest})
        return replace(new, digest=there) if there is not None else None

    def judge(self, recorded: Mapping[str, Release], wanted: Mapping[str, Release]) -> None:
        """Warn of contents that changed under one version; raise ``ToolError`` where people rely on what runs."""
        same = releases.unversioned(recorded, wanted)
        if not same:
            return
        what = f"changed, and its version did not: {', '.join(f'{name} {wanted[name].version}' for name in same)}"
        advice = ", ".join(f"make version SERVICE={name} BUMP=patch" for name in same)
        if is_careful(self.environment.name):
            raise ToolError(f"{what}. Nobody could tell the two apart later: {advice}")
        say(f"deploy: warning: {what}; prod refuses that: {advice}")
