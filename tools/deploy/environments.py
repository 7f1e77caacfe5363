"""An environment: its tfvars, its backend, its record of releases; and what a deploy refuses before anything else."""

import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from tools.deploy.choice import choice
from tools.deploy.settings import Settings, read
from tools.shell import ROOT, ToolError
from tools.terraform.root import FOLDER, LOCAL_PARALLELISM, Root

_NOT_DEPLOYED = "local"
"""The local AWS of `make up`, which alone knows where its database and zips are."""
_NAME = re.compile(r"[a-z][a-z0-9]{0,15}")
"""What terraform/variables.tf takes for the name of an environment."""
_SHOWN = 10
"""Files of a dirty tree that the refusal names."""
_WRITTEN = re.compile(r"\?\? terraform/envs/[a-z0-9]+\.(account\.tfvars\.json|backend\.hcl)")
"""What a first deploy writes, in git's words for a file that was never committed."""
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """One environment that can be deployed."""

    name: str
    """The name of its tfvars file, and of everything that it has in AWS."""
    folder: Path
    """Terraform's root module."""
    settings: Settings
    """What its tfvars say."""

    @property
    def tfvars(self) -> Path:
        """Return the file of its settings, which a person writes."""
        return self.folder / f"envs/{self.name}.tfvars"

    @property
    def answers(self) -> Path:
        """Return the file of what the first deploy asked and found, which overrides the settings."""
        return self.folder / f"envs/{self.name}.account.tfvars.json"

    @property
    def work(self) -> Path:
        """Return the folder for what can be made again, such as Terraform's own files."""
        return work_folder(self.name)

    @property
    def backend(self) -> Path:
        """Return the file that names the backend of Terraform's state, which the first deploy writes."""
        return self.folder / f"envs/{self.name}.backend.hcl"

    @property
    def releases(self) -> Path:
        """Return the record of what each service runs, which a deploy writes."""
        return self.folder / f"envs/{self.name}.releases.tfvars.json"

    def root(self, *, binary: str, environ: Mapping[str, str], lock: int | None = None) -> Root:
        """Return Terraform's root for this environment, initialised; ``lock``: see ``Root``. Raises ``ToolError``."""
        made = Root(
            binary=binary,
            environ=dict(environ),
            folder=self.folder,
            data=self.work,
            backend=(str(self.backend.resolve()),),
            variables=(self.tfvars, self.answers, self.releases),
            parallelism=LOCAL_PARALLELISM if self.settings.local_aws else None,
            lock=lock,
        )
        made.init()
        if lock is not None:
            made.release_dead_lock()
        return made


def work_folder(name: str) -> Path:
    """Return the folder of an environment for what is not kept in git, and how far its first deploy has come."""
    return ROOT / "build/deploy" / name


def names(folder: Path = FOLDER) -> list[str]:
    """Return the environments that can be deployed."""
    found = sorted(file.stem for file in (folder / "envs").glob("*.tfvars"))
    return [name for name in found if name != _NOT_DEPLOYED]


def known(name: str, folder: Path = FOLDER) -> str:
    """Return ``name`` if it is an environment that can be deployed; raise ``ToolError`` with what is valid."""
    valid = names(folder)
    if name in valid and not _NAME.fullmatch(name):
        raise ToolError(
            f"an environment can't have the name {name}, because all that it has in AWS begins with it: 1 to 16 of a-z"
            f" and 0-9, with a letter first. Rename {name}.tfvars, and what it says of environment"
        )
    hint = " (`make up` brings up the local AWS)" if name == _NOT_DEPLOYED else ""
    return choice("ENV", name, valid, hint=f"{hint}; for example ENV={valid[0]}")


def is_careful(name: str) -> bool:
    """Return whether people rely on the environment, by the rule that terraform/variables.tf has for ``disposable``."""
    return name.startswith("prod")


def confirm(name: str, given: str, *, doing: str) -> None:
    """Refuse to touch an environment that people rely on unless ``given`` is its name. Raises ``ToolError``."""
    if is_careful(name) and given != name:
        raise ToolError(f"{doing} {name} needs CONFIRM={name}")


def find(name: str, *, terraform: str, environ: Mapping[str, str], folder: Path = FOLDER) -> Environment:
    """Return the environment ``name`` with its settings. Raises ``ToolError`` with what is wrong in them."""
    files = [folder / f"envs/{known(name, folder)}.tfvars", folder / f"envs/{name}.account.tfvars.json"]
    for stray in (
        folder / "terraform.tfvars",
        folder / "terraform.tfvars.json",
        *sorted(folder.glob("*.auto.tfvars*")),
    ):
        if stray.exists():
            raise ToolError(
                f"{stray.name} in terraform/ is read by Terraform for every environment, and by no look before it:"
                f" move what it says into envs/{name}.tfvars"
            )
    settings = read(*(file for file in files if file.is_file()), terraform=terraform, environ=environ)
    found = Environment(name=name, folder=folder, settings=settings)
    if settings.environment != name:
        raise ToolError(f'{found.tfvars.name} says environment = "{settings.environment}": it must be "{name}"')
    return found


def refuse_stateless(environment: Environment) -> None:
    """Refuse an environment that has no backend for Terraform's state: a local one would be lost, or made twice."""
    if not environment.backend.is_file():
        raise ToolError(
            f"{environment.name} has no backend for Terraform's state yet: make deploy ENV={environment.name} makes a"
            f" bucket, and terraform/envs/{environment.backend.name}, which names it and holds no secret: commit it"
        )


def is_here(address: str) -> bool:
    """Return whether ``address`` is a URL of this machine."""
    return urlsplit(address).hostname in _LOOPBACK


def restrict_endpoints(environment: Environment, environ: Mapping[str, str]) -> dict[str, str]:
    """Return ``environ`` so that it reaches the AWS that the environment means, and no other. Raises ``ToolError``."""
    named = sorted(name for name, value in environ.items() if name.startswith("AWS_ENDPOINT_URL") and value)
    if not environment.settings.local_aws:
        if named:
            raise ToolError(f"{named[0]} is set, but {environment.name} is not on a local AWS: unset it")
        return {**environ, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"}  # nor one in ~/.aws/config
    foreign = [name for name in named if not is_here(environ[name])]
    if foreign or "AWS_ENDPOINT_URL" not in named:
        what = f"{foreign[0]} is not of this machine" if foreign else "AWS_ENDPOINT_URL is not set"
        raise ToolError(f"{environment.name} is on a local AWS, but {what}")
    return dict(environ)


def refuse_dirty(root: Path = ROOT) -> None:
    """Refuse to deploy what no commit holds. It leaves out what a deploy itself has written and asks to commit.

    Raises ``ToolError`` with the files.
    """
    records = ":!terraform/envs/*.releases.tfvars.json"
    command = ["git", "status", "--porcelain", "--untracked-files=all", "--", ".", records]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ToolError(f"git can't say whether the tree is clean: {done.stderr.strip()}")
    lines = [line for line in done.stdout.splitlines() if not _WRITTEN.fullmatch(line)]
    if lines:
        more = f"\n  and {len(lines) - _SHOWN} more" if len(lines) > _SHOWN else ""
        listed = "\n  ".join(lines[:_SHOWN])
        raise ToolError(f"the tree is dirty, so no commit would say later what runs; commit first:\n  {listed}{more}")
