"""Has pictures made small by a process that is started when it is needed, and ends when nobody asks for a while."""

import asyncio
import os
import signal
import sys
from contextlib import suppress

from trapline_common.domain.errors import TransientError
from trapline_web.thumbnails.child import LENGTH, MOST_BYTES, WALL_SECONDS

MOST_PICTURE = 50_000_000
"""Bytes of a picture; a full page of 16,384 pixels has a tenth of it."""
IDLE = 20.0
"""Seconds after which a process that nobody asked anything ends; to start one takes a tenth of a second."""
_WITHIN = WALL_SECONDS + 5.0
"""Seconds for one answer. The process bounds itself; this is for one that does not."""


class ThumbnailMaker:
    """Makes one picture at a time."""

    def __init__(self, *, idle: float = IDLE) -> None:
        self._idle_seconds = idle
        self._turn = asyncio.Lock()
        self._process: asyncio.subprocess.Process | None = None
        self._idle: asyncio.TimerHandle | None = None
        self._leaving: asyncio.Task[None] | None = None

    async def make(self, picture: bytes) -> bytes | None:
        """Return a small WebP of a PNG; ``None`` when none can be made. Raises ``TransientError``.

        The picture is hostile, and so is the answer: it is a WebP by its own first bytes, and no longer than it may be.
        """
        if len(picture) > MOST_PICTURE:
            return None
        async with self._turn:
            self._used()
            try:
                async with asyncio.timeout(_WITHIN):
                    answer = await self._answered(picture)
            except (OSError, EOFError, TimeoutError) as error:
                await self._end()
                raise TransientError(f"no small picture could be made ({type(error).__name__})") from error
            except BaseException:
                await self._end()  # what it answers now would be taken for the answer to the next picture
                raise
            self._idle = asyncio.get_running_loop().call_later(self._idle_seconds, self._leave)
        return answer if _is_webp(answer) else None

    async def close(self) -> None:
        """End the process."""
        async with self._turn:
            self._used()
            await self._end()

    async def _answered(self, picture: bytes) -> bytes:
        if self._process is not None:
            with suppress(OSError, EOFError):
                return await self._asked(picture)
            await self._end()  # it ended after its last answer, or by this one: a new process says which
        return await self._asked(picture)

    async def _asked(self, picture: bytes) -> bytes:
        if self._process is None:
            self._process = await _started()
        given, answers = self._process.stdin, self._process.stdout
        assert given is not None, "it has pipes"
        assert answers is not None, "it has pipes"
        given.write(LENGTH.pack(len(picture)) + picture)
        await given.drain()
        length = LENGTH.unpack(await answers.readexactly(LENGTH.size))[0]
        if length > MOST_BYTES:
            raise EOFError("an answer that is too long")
        return await answers.readexactly(length)

    def _used(self) -> None:
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None

    def _leave(self) -> None:
        self._leaving = asyncio.create_task(self.close())

    async def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        if process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # its forks too
        await process.communicate()


async def _started() -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        *("-S", "-P", "-m", "trapline_web.thumbnails.child"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "PYTHONDONTWRITEBYTECODE": "1"},
        start_new_session=True,
    )


def _is_webp(data: bytes) -> bool:
    """Say whether a file begins as a WebP of its length (RFC 9649, 2.4)."""
    return data[:4] == b"RIFF" and data[8:12] == b"WEBP" and int.from_bytes(data[4:8], "little") + 8 == len(data)
