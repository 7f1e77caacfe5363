"""A value that a person gives to make, such as ENV, and that must be one of a few."""

from collections.abc import Collection

from tools.shell import ToolError


def choice(variable: str, given: str, valid: Collection[str], *, hint: str = "") -> str:
    """Return ``given`` if it is valid; raise ``ToolError`` with all that is valid, and ``hint`` behind it."""
    if given in valid:
        return given
    what = f"{variable}={given} is unknown" if given else f"{variable} is missing"
    raise ToolError(f"{what}: it is one of {', '.join(sorted(valid))}{hint}")
