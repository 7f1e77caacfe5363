"""Finds Terraform and the AWS provider's mirror, and runs Terraform with them.

A machine without a way to the registry may hold a mirror: a folder with the registry's own tree,
``registry.terraform.io/hashicorp/aws/5.100.0/...``, unpacked or packed. Then ``init`` takes the provider from there;
elsewhere it takes it from the registry, as it always does.
"""

import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from tools.shell import ToolError

BINARY = "TRAPLINE_TERRAFORM"
"""The explicit setting: a path of Terraform's binary."""
MIRROR = "TRAPLINE_TERRAFORM_MIRROR"
"""The explicit setting: the folder that holds ``registry.terraform.io``."""
PROVIDER = Path("registry.terraform.io/hashicorp/aws")
VERSIONS = "5.100."
"""The version that the tests run with; the modules also accept newer ones, below 7.0."""
_ROOTS = (
    "/usr/share/terraform",
    "/usr/local/share/terraform",
    "/usr/lib/terraform",
    "/var/lib/terraform",
    "/opt",
)
_BELOW = ("plugins", "providers", "provider-mirror", "plugin-mirror", "mirror")


def binary(environ: Mapping[str, str]) -> str | None:
    """Return Terraform's path, or ``None``. Raises ``ToolError`` when the explicit setting names nothing."""
    if setting := environ.get(BINARY):
        found = shutil.which(setting, path=environ.get("PATH"))
        if found is None:
            raise ToolError(f"{BINARY}={setting} is no program")
        return found
    return shutil.which("terraform", path=environ.get("PATH"))


def installed(environ: Mapping[str, str]) -> str:
    """Return Terraform's path. Raises ``ToolError`` where there is none."""
    found = binary(environ)
    if found is None:
        raise ToolError(f"Terraform is missing: install it, or set {BINARY}=/path/to/terraform")
    return found


def roots(environ: Mapping[str, str]) -> list[Path]:
    """Return the folders in which a mirror usually is, the person's own first."""
    home = Path(environ.get("HOME", "/"))
    own = [home / ".terraform.d", home / ".local/share/terraform"]
    return own + [Path(root) for root in _ROOTS]


def mirror(environ: Mapping[str, str], places: Iterable[Path] | None = None) -> Path | None:
    """Return the folder that holds the provider's tree, or ``None``. It looks at most one folder below each place.

    Raises ``ToolError`` when the explicit setting names a folder without it.
    """
    if setting := environ.get(MIRROR):
        if not _holds(Path(setting)):
            raise ToolError(f"{MIRROR}={setting} holds no {PROVIDER}/{VERSIONS}*")
        return Path(setting)
    for place in places if places is not None else roots(environ):
        for folder in [place, *(place / name for name in _BELOW), *_folders(place)]:
            if _holds(folder):
                return folder
    return None


def _folders(place: Path) -> list[Path]:
    try:
        return sorted(path for path in place.iterdir() if path.is_dir())
    except OSError:  # not there, or not ours to read: then there is no mirror for us
        return []


def _holds(folder: Path) -> bool:
    tree = folder / PROVIDER
    unpacked = [path for path in _folders(tree) if path.name.startswith(VERSIONS)]
    return bool(unpacked) or any(tree.glob(f"terraform-provider-aws_{VERSIONS}*.zip"))


def init_command(terraform: str, folder: Path, *, environ: Mapping[str, str], options: Sequence[str] = ()) -> list[str]:
    """Return the command that prepares ``folder``: the provider from the mirror where there is one."""
    command = [terraform, f"-chdir={folder}", "init", "-input=false", "-no-color", *options]
    found = mirror(environ)
    return command if found is None else [*command, f"-plugin-dir={found}"]


def environment(environ: Mapping[str, str], *, data: Path) -> dict[str, str]:
    """Return ``environ`` for a run by a program: no colours, no questions, and Terraform's own files in ``data``."""
    found = {**environ, "TF_IN_AUTOMATION": "1", "TF_INPUT": "0", "TF_DATA_DIR": str(data), "CHECKPOINT_DISABLE": "1"}
    settings = found.get("TF_CLI_CONFIG_FILE")
    if settings and not os.path.exists(settings):  # noqa: PTH110  (a text, as Terraform reads it)
        del found["TF_CLI_CONFIG_FILE"]  # a settings file that is not there would only be warned about, in every answer
    return found
