"""Pushes an image to a registry, and learns the digest under which it is there."""

import json
import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path

from tools.ci.container_engine import Engine
from tools.shell import ToolError

_PUSHED_WITHIN = 1800.0
"""Seconds: half a gigabyte over a slow line."""
_MEMORY = Path("/dev/shm")
"""Where there is one, the token is not even written to a disk for the time of a push."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """A registry's user with a token, which is shown to nobody."""

    user: str
    token: str = field(repr=False)


def push(engine: Engine, image: str, *, repository: str, tag: str, login: Login) -> str:
    """Push ``image`` (an id) as ``repository:tag`` and return its digest, ``sha256:...``. Raises ``ToolError``.

    The token goes to the engine's own login by a pipe: it is in no argument and no environment. The engine keeps it in a
    folder made for this push and deleted after it, so a user's own settings and tokens are left alone.
    """
    name = f"{repository}:{tag}"
    with tempfile.TemporaryDirectory(prefix="trapline-login-", dir=_MEMORY if _MEMORY.is_dir() else None) as folder:
        # A folder of its own knows none of the user's contexts, so the engine is named
        own = replace(engine, host=engine.host or _host(engine), config=folder)
        own.output(
            "login", "--username", login.user, "--password-stdin", repository.partition("/")[0], told=login.token
        )
        own.output("tag", image, name)
        own.output("push", "--quiet", name, timeout=_PUSHED_WITHIN)
        known: list[str] = json.loads(own.output("image", "inspect", "--format", "{{json .RepoDigests}}", name))
    digests = [one.partition("@")[2] for one in known if one.startswith(f"{repository}@")]
    if len(digests) != 1:
        raise ToolError(f"{name} was pushed, but the engine knows it by {digests or 'no digest'}")
    return digests[0]


def _host(engine: Engine) -> str:
    return engine.output("context", "inspect", "--format", "{{.Endpoints.docker.Host}}")
