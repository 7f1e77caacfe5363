"""The process that makes pictures small: they come from strangers' pages.

It reads pictures from standard input, one after the other, and writes an answer for each to standard output. It loads
the decoder once and then forks for each picture, so that one that takes its process over has no other picture before
it. That process has no secret in its environment and neither of the two streams, and the system ends it when it takes
more than its memory or its time.
"""

import os
import resource
import signal
import struct
import sys
from io import BytesIO
from typing import TYPE_CHECKING, BinaryIO

from trapline_common.domain.artifact_key import PNG

if TYPE_CHECKING:
    from PIL import Image

LENGTH = struct.Struct("!I")
"""How a picture and an answer begin: their bytes; an answer of none says that no small picture can be made."""
WIDTH, HEIGHT = 360, 225
"""Pixels of a small picture at most: a run's tile, 178 x 111, on a screen of two pixels to one."""
MOST_PIXELS = 32_000_000
"""Pixels of a picture; the tallest that a crawl takes has as many at a width of 1,920."""
MOST_BYTES = 64 * 1024
"""Of an answer; a small picture of pure noise has 40,000."""
MEMORY = 512 * 1024 * 1024
"""Bytes of address space; a picture of the most pixels takes half of it."""
SECONDS = 5
"""Of processor time; a full page takes a fifth of a second."""
WALL_SECONDS = 20
"""Of time, on a machine that is busy."""
_QUALITY = 80


def main() -> None:
    """Answer until the input ends."""
    from PIL import Image, PngImagePlugin, WebPImagePlugin  # noqa: F401  (loaded before the forks, which use them)

    while (picture := _picture(sys.stdin.buffer)) is not None:
        answer = _forked(picture)
        sys.stdout.buffer.write(LENGTH.pack(len(answer)) + answer)
        sys.stdout.buffer.flush()


def small(picture: bytes) -> bytes:
    """Return the top of a PNG as a small WebP; nothing of a picture that is none, is broken, or has too many pixels."""
    from PIL import Image, PngImagePlugin

    if not picture.startswith(PNG):
        return b""
    Image.MAX_IMAGE_PIXELS = None  # the bound is below, and is no warning
    try:
        found: Image.Image = PngImagePlugin.PngImageFile(BytesIO(picture))
        if found.width * found.height > MOST_PIXELS:
            return b""
        found.load()
        shown = _top(found)
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001  (Pillow's parsers raise many classes, and each says that the picture is broken)
        return b""
    written = BytesIO()
    shown.save(written, "WEBP", quality=_QUALITY)
    return written.getvalue()


def _top(picture: "Image.Image") -> "Image.Image":
    """Return what a frame of the small picture's shape shows, which the picture covers: its top, its middle."""
    scale = min(1.0, max(WIDTH / picture.width, HEIGHT / picture.height))
    width, height = min(picture.width, WIDTH / scale), min(picture.height, HEIGHT / scale)
    left = (picture.width - width) / 2
    cut = picture.crop((round(left), 0, round(left + width), round(height))).convert("RGB")
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return cut.resize(size, reducing_gap=2.0)


def _picture(stream: BinaryIO) -> bytes | None:
    begin = stream.read(LENGTH.size)
    return stream.read(LENGTH.unpack(begin)[0]) if len(begin) == LENGTH.size else None


def _forked(picture: bytes) -> bytes:
    """Return the answer of a process that sees this picture alone; nothing when it fails or is ended."""
    reads, writes = os.pipe()
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            _confine(keep=writes)
            with os.fdopen(writes, "wb") as out:
                out.write(small(picture))
            status = 0
        finally:
            os._exit(status)
    os.close(writes)
    with os.fdopen(reads, "rb") as answers:
        answer = answers.read(MOST_BYTES + 1)
    _, status = os.waitpid(pid, 0)
    return answer if status == 0 and len(answer) <= MOST_BYTES else b""


def _confine(*, keep: int) -> None:
    os.closerange(0, keep)
    os.closerange(keep + 1, 1024)
    signal.setitimer(signal.ITIMER_REAL, WALL_SECONDS)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


if __name__ == "__main__":
    main()
