"""Finds Terraform and the AWS provider's mirror, and runs Terraform with them.

A machine without a way to the registry may hold a mirror: a folder with the registry's own tree,
``registry.terraform.io/hashicorp/aws/5.100.0/...``, unpacked or packed. Then ``init`` takes the provider from there;
elsewhere it takes it from the registry, as it always does.
"""

import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from tools.shell import ToolError

BINARY = "TRAPLINE_TERRAFORM"
"""The explicit setting: a path of Terraform's binary."""
MIRROR = "TRAPLINE_TERRAFORM_MIRROR"
"""The explicit setting: the folder that holds ``registry.terraform.io``."""
LOCK = ".terraform.lock.hcl"
"""The file beside a root module that says which provider it is tested with, by its hashes on every platform."""
PROVIDER = Path("registry.terraform.io/hashicorp/aws")
VERSIONS = "5.100."
"""The version that the tests run with; the modules also accept newer ones, below 7.0."""
MIRROR_FOLDERS = (
    "~/.terraform.d",
    "~/.local/share/terraform",
    "/usr/share/terraform",
    "/usr/local/share/terraform",
    "/usr/lib/terraform",
    "/var/lib/terraform",
    "/opt",
)
"""Folders in which, or one folder below which, a mirror usually is; the person's own first."""


def binary(environ: Mapping[str, str]) -> str | None:
    """Return Terraform's path, or ``None``. Raises ``ToolError`` when the explicit setting names nothing."""
    setting = environ.get(BINARY)
    found = shutil.which(setting or "terraform", path=environ.get("PATH"))
    if setting and found is None:
        raise ToolError(f"{BINARY}={setting} is no program")
    return found


def installed(environ: Mapping[str, str]) -> str:
    """Return Terraform's path. Raises ``ToolError`` where there is none."""
    found = binary(environ)
    if found is None:
        raise ToolError(f"Terraform is missing: install it, or set {BINARY}=/path/to/terraform")
    return found


def mirror(environ: Mapping[str, str], folders: Iterable[str | Path] = MIRROR_FOLDERS) -> Path | None:
    """Return the folder that holds the provider's tree, or ``None``. It looks at most one folder below each of them.

    Raises ``ToolError`` when the explicit setting names a folder without it.
    """
    if setting := environ.get(MIRROR):
        if not _holds(Path(setting)):
            raise ToolError(f"{MIRROR}={setting} holds no {PROVIDER}/{VERSIONS}*")
        return Path(setting)
    homes = [Path(str(folder).replace("~", environ.get("HOME", "/"))) for folder in folders]
    candidates = (folder for home in homes for folder in [home, *sorted(home.glob("*/"))])
    return next((folder for folder in candidates if _holds(folder)), None)


def _holds(folder: Path) -> bool:
    packed = f"terraform-provider-aws_{VERSIONS}*.zip"
    return any(next((folder / PROVIDER).glob(pattern), None) for pattern in (f"{VERSIONS}*/", packed))


def init_command(terraform: str, folder: Path, *, environ: Mapping[str, str], options: Sequence[str] = ()) -> list[str]:
    """Return the command that prepares ``folder``: the provider from the mirror where there is one.

    A lock that is there stays as it is: a platform whose hash it lacks would make the tree dirty.
    """
    command = [terraform, f"-chdir={folder}", "init", "-input=false", "-no-color", *options]
    if (folder / LOCK).is_file():
        command.append("-lockfile=readonly")
    found = mirror(environ)
    return command if found is None else [*command, f"-plugin-dir={found}"]


def environment(environ: Mapping[str, str], *, data: Path) -> dict[str, str]:
    """Return ``environ`` for a run by a program: no colours, no questions, and Terraform's own files in ``data``."""
    found = {**environ, "TF_IN_AUTOMATION": "1", "TF_INPUT": "0", "TF_DATA_DIR": str(data), "CHECKPOINT_DISABLE": "1"}
    settings = found.get("TF_CLI_CONFIG_FILE")
    if settings and not Path(settings).exists():
        del found["TF_CLI_CONFIG_FILE"]  # Terraform would warn about a missing settings file in every answer
    return found
