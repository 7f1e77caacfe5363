"""The archive of one machine: a folder."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from tempfile import NamedTemporaryFile

from trapline_common.domain.errors import TransientError


class DirectoryArchive:
    """Keeps the ``Archive`` port below a folder."""

    __slots__ = ("_folder",)

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def write(self, key: str, parts: AsyncIterator[bytes]) -> None:
        """Write to a hidden file beside it, then rename that. Raises ``TransientError`` when the disk won't have it."""
        path = self._folder / key
        half: Path | None = None
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}-", delete=False) as file:
                half = Path(file.name)
                async for part in parts:
                    await asyncio.to_thread(file.write, part)
            half.chmod(0o644)  # for other tools; the temporary file is for its owner alone
            half.replace(path)
        except OSError as error:
            raise TransientError(f"{path}: {error.strerror}") from error
        finally:
            if half is not None:
                half.unlink(missing_ok=True)
