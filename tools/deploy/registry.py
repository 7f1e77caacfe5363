"""Pushes an image to a registry, and learns the digest under which it is there."""

import json
import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path

from tools.deploy.container_engine import Engine
from tools.own_folder import MEMORY, own_folder
from tools.shell import ToolError

_PUSHED_WITHIN = 1800.0
"""Seconds: half a gigabyte over a slow line."""
_PREFIX = "trapline-login-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """What a registry asks for before it takes an image."""

    user: str
    """The user's name, which ECR fixes to ``AWS``."""
    token: str = field(repr=False)
    """The password, valid for some hours; no message shows it."""


def push(engine: Engine, image: str, *, repository: str, tag: str, login: Login) -> str:
    """Push ``image`` (an id) as ``repository:tag`` and return its digest, ``sha256:...``. Raises ``ToolError``.

    The token goes to the engine's own login by a pipe: it is in no argument and no environment. The engine keeps it in
    a folder made for this push and deleted after it, so a user's own settings and tokens are left alone. Where a push
    is killed, the next one deletes its folder.
    """
    name = f"{repository}:{tag}"
    # Where the system has files in memory, the token is not even written to a disk for the time of a push
    parent = MEMORY if MEMORY.is_dir() else Path(tempfile.gettempdir())
    with own_folder(parent, prefix=_PREFIX) as folder:
        # Docker's contexts are in the user's folder, so the daemon is named
        host = engine.host
        if host is None and not engine.is_podman:
            host = engine.output("context", "inspect", "--format", "{{.Endpoints.docker.Host}}")
        own = replace(engine, host=host, config=folder)
        registry = repository.partition("/")[0]
        own.output("login", "--username", login.user, "--password-stdin", registry, stdin=login.token)
        own.output("tag", image, name)
        if engine.is_podman:  # it compresses the layers while it pushes, so only the push knows the digest
            digest = folder / "digest"
            own.output("push", "--quiet", "--digestfile", str(digest), name, timeout=_PUSHED_WITHIN)
            return digest.read_text().strip()
        own.output("push", "--quiet", name, timeout=_PUSHED_WITHIN)
        known: list[str] = json.loads(own.output("image", "inspect", "--format", "{{json .RepoDigests}}", name))
    digests = [one.partition("@")[2] for one in known if one.startswith(f"{repository}@")]
    if len(digests) != 1:
        raise ToolError(f"{name} was pushed, but the engine knows it by {digests or 'no digest'}")
    return digests[0]
