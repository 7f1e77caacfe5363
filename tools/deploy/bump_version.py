"""`make version`: a new version in a package's pyproject file, and its CHANGELOG's Unreleased under it."""

import re
import tomllib
from pathlib import Path

from tools.shell import ROOT, ToolError
from tools.workspace.packages import Package

PARTS = ("major", "minor", "patch")
UNRELEASED = "## Unreleased"
_VERSION = re.compile(r"^version = \"(\d+)\.(\d+)\.(\d+)\"$", re.MULTILINE)


def raised(version: str, part: str) -> str:
    """Return the version after ``version``. Raises ``ToolError`` for an unknown part."""
    if part not in PARTS:
        raise ToolError(
            f"BUMP={part} is unknown: it is one of {', '.join(PARTS)}"
            if part
            else "BUMP is missing: major, minor or patch"
        )
    numbers = [int(number) for number in version.split(".")]
    place = PARTS.index(part)
    return ".".join(str(number) for number in [*numbers[:place], numbers[place] + 1, *[0] * (2 - place)])


def bump(package: Package, part: str, *, root: Path = ROOT) -> tuple[str, str]:
    """Give ``package`` its next version; return the old one and the new one.

    Raises ``ToolError``, and changes nothing, when the CHANGELOG does not say what is new.
    """
    pyproject, changelog = root / package.pyproject, root / package.folder / "CHANGELOG.md"
    text = pyproject.read_text()
    old = str(tomllib.loads(text)["project"]["version"])
    new = raised(old, part)
    changes = changelog.read_text()
    _, heading, after = changes.partition(f"{UNRELEASED}\n")
    if not heading or not after.partition("\n## ")[0].strip():
        raise ToolError(f"{package.folder}/CHANGELOG.md: say under '{UNRELEASED}' what is new, then run this again")
    if len(_VERSION.findall(text)) != 1:
        raise ToolError(f'{package.pyproject}: it has no single line version = "x.y.z"')
    pyproject.write_text(_VERSION.sub(f'version = "{new}"', text))
    changelog.write_text(changes.replace(f"{UNRELEASED}\n", f"## {new}\n", 1))
    return old, new
