"""The key that encrypts checkpoints on one machine: made once, readable by its owner only."""

import os
import tempfile
from contextlib import suppress
from pathlib import Path

from trapline_crawler.sessions.seal import Seal


def local_session_key(data_dir: Path) -> bytes:
    """Return the key in ``data_dir/secrets/session-key``, made now if there is none; safe with several processes."""
    path = data_dir / "secrets" / "session-key"
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        number, name = tempfile.mkstemp(dir=path.parent)  # mode 0600
        try:
            with os.fdopen(number, "wb") as file:
                file.write(Seal.new_key())
            with suppress(FileExistsError):  # another process was first: its key counts
                os.link(name, path)
        finally:
            Path(name).unlink()
    return path.read_bytes()
