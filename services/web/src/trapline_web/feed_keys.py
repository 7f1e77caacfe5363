"""Keys that stand in the addresses of feeds, badges and metrics: each reads those alone, and is revoked by itself.

The file holds a hash of each, so whoever reads it has no key. A key is 256 random bits, which no hash needs to slow.
"""

import fcntl
import hmac
import json
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

from trapline_common.domain.errors import InputRefusedError
from trapline_web.own_file import write_own

_FILE = "web.keys"
_BYTES = 32
_HASH = re.compile(r"[0-9a-f]{64}\Z")
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}\Z")


class FeedKeys:
    """The keys of a data directory. The file is read at each use, so what is revoked opens nothing from then on."""

    def __init__(self, data_dir: Path) -> None:
        self._path = data_dir / _FILE

    def new(self, name: str) -> str:
        """Return a new key, shown this once. Raises ``InputRefusedError`` for a name that is taken, or is none."""
        if not _NAME.match(name):
            raise InputRefusedError(f"{name[:60]!r} is no name of a key; it is of a-z, 0-9 and -, such as grafana")
        with self._alone():
            held = self._held()
            if name in held:
                raise InputRefusedError(f"there is a key {name}; revoke it first, or choose another name")
            key = secrets.token_urlsafe(_BYTES)
            self._write({**held, name: _hashed(key)})
        return key

    def revoke(self, name: str) -> None:
        """Revoke a key. Raises ``InputRefusedError`` when there is none of that name."""
        with self._alone():
            held = self._held()
            if held.pop(name, None) is None:
                raise InputRefusedError(f"no key {name[:60]}; there {_listed(held)}")
            self._write(held)

    def names(self) -> list[str]:
        """Return the names of the keys."""
        return sorted(self._held())

    def holds(self, key: str) -> bool:
        """Return whether this is one of the keys."""
        given = _hashed(key)
        return any(hmac.compare_digest(given, one) for one in self._held().values())

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Let one command of all change the file: what another wrote meanwhile is not written over."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        folder = os.open(self._path.parent, os.O_RDONLY | os.O_CLOEXEC)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)
            yield
        finally:
            os.close(folder)

    def _held(self) -> dict[str, str]:
        try:
            held = json.loads(self._path.read_text("ascii"))
        except FileNotFoundError:
            return {}
        except ValueError:
            held = None
        if not isinstance(held, dict) or not all(isinstance(one, str) and _HASH.match(one) for one in held.values()):
            raise InputRefusedError(f"{self._path} can't be read; delete it, and make the keys anew")
        return held

    def _write(self, held: dict[str, str]) -> None:
        write_own(self._path, json.dumps(held, indent=1, sort_keys=True) + "\n")


def _hashed(key: str) -> str:
    return sha256(key.encode()).hexdigest()


def _listed(held: dict[str, str]) -> str:
    return f"are {', '.join(sorted(held))}" if held else "is none"
