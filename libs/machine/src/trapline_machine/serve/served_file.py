"""The ``crawls.yaml`` that is served: read again whenever it changes; a broken one is refused, and the old goes on."""

import asyncio
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

from trapline_common.config.load import load_config
from trapline_common.config.models import Config
from trapline_common.domain.errors import InputRefusedError
from trapline_common.domain.ports import SecretSource
from trapline_common.local.channels import FILE_NAME, read_channels
from trapline_machine.channel_check import check_channels

LOOK_EVERY = 1.0
"""Seconds. A file is read when two looks in a row found it the same: an editor may be in the middle of writing it."""

_Seen = tuple[tuple[int, int, int] | None, ...]
"""Of each file its time of change in ns, its size and its inode; ``None`` of one that is not there."""


@dataclass(slots=True, kw_only=True)
class ServedFile:
    """The file, with the config that is in force."""

    path: Path
    """The ``crawls.yaml``, as it was named."""
    data_dir: Path
    """Where the channels file is, whose names ``alert.to`` must have."""
    secrets: SecretSource
    """For the addresses of channels."""
    config: Config = field(default_factory=lambda: Config(lanes={}, crawls={}))
    """The newest config that could be used."""
    refused: str | None = None
    """Why the files as they are now can't be used; ``None``: they can."""
    _read: _Seen = ()
    """The files as they were when they were read last."""
    _seen: _Seen = ()
    """The files at the last look."""

    async def current(self) -> Config:
        """Return the config in force."""
        return self.config

    async def read(self) -> None:
        """Read the file, as it is now. Raises ``InputRefusedError``; then the old config stays in force."""
        self._read = self._seen = await asyncio.to_thread(self._look)
        config = await asyncio.to_thread(load_config, self.path)
        channels: Collection[str] = await read_channels(self.data_dir / FILE_NAME, self.secrets)
        await check_channels(config.crawls.values(), channels, self.path, self.data_dir)
        self.config, self.refused = config, None

    async def changed(self) -> bool:
        """Look, and read the files if they have changed; return whether they were read, well or not."""
        before, self._seen = self._seen, await asyncio.to_thread(self._look)
        if self._seen == self._read or self._seen != before:
            return False
        try:
            await self.read()
        except InputRefusedError as error:
            self.refused = str(error)
        return True

    def _look(self) -> _Seen:
        return tuple(_stamp(path) for path in (self.path, self.data_dir / FILE_NAME))


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
