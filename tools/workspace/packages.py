"""The workspace's distributions, in the order in which they need one another."""

import tomllib
from dataclasses import dataclass

from tools.shell import ROOT


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """One distribution of the workspace."""

    name: str
    """Its name in an index."""
    folder: str
    """Where its pyproject file is, relative to the workspace."""
    module: str
    """The package that it imports as."""

    @property
    def pyproject(self) -> str:
        return f"{self.folder}/pyproject.toml"

    @property
    def version(self) -> str:
        return str(tomllib.loads((ROOT / self.pyproject).read_text())["project"]["version"])


PACKAGES = (
    Package(name="trapline-common", folder="libs/common", module="trapline_common"),
    Package(name="trapline-dispatcher", folder="services/dispatcher", module="trapline_dispatcher"),
    Package(name="trapline-crawler", folder="services/crawler", module="trapline_crawler"),
    Package(name="trapline-notifier", folder="services/notifier", module="trapline_notifier"),
    Package(name="trapline-web", folder="services/web", module="trapline_web"),
    Package(name="trapline", folder="libs/cli", module="trapline"),
    Package(name="trapline-machine", folder="libs/machine", module="trapline_machine"),
)
