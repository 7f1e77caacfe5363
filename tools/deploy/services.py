"""The services, each deployed by its own version, and the packages that `make version` takes."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from tools.deploy.choice import choice
from tools.shell import ROOT
from tools.workspace.packages import PACKAGES, Package

_BY_NAME = {package.name: package for package in PACKAGES}

SERVICES: Mapping[str, Package] = MappingProxyType(
    {
        "crawler": _BY_NAME["trapline-crawler"],
        "dispatcher": _BY_NAME["trapline-dispatcher"],
        "notifier": _BY_NAME["trapline-notifier"],  # the relay runs its code too
        "operator": _BY_NAME["trapline"],
    }
)
"""By the name that Terraform's `releases` has."""
CRAWLER = "crawler"
"""On AWS it is a container image; the other services are zips."""
OPERATOR = "operator"
"""It migrates the ledger, so a deploy applies it first."""
VERSIONED: Mapping[str, Package] = MappingProxyType({**SERVICES, "common": _BY_NAME["trapline-common"]})
"""What `make version` takes: the services, and the library in all of them."""
MIGRATIONS = ROOT / "libs/common/src/trapline_common/ledger/schema/migrations"


def packages_of(name: str) -> tuple[Package, Package]:
    """Return the distributions of this workspace that the service ``name`` runs, beside what its lock names."""
    return _BY_NAME["trapline-common"], SERVICES[name]


def service(name: str, *, of: Mapping[str, Package] = SERVICES) -> str:
    """Return ``name`` if it is one; raise ``ToolError`` with what is valid."""
    return choice("SERVICE", name, of)


def schema(folder: Path = MIGRATIONS) -> int:
    """Return the number of the newest migration in this tree: what its code wants of the ledger."""
    return max(int(file.name[:4]) for file in folder.glob("[0-9][0-9][0-9][0-9]_*.sql"))
