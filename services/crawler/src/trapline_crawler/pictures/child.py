"""The process that decodes and compares two pictures, and nothing else: they come from strangers' pages.

It reads one question from standard input and writes one answer, JSON, to standard output. It has no secret in its
environment, opens no file and no connection, and the system ends it when it takes more than its memory or its processor
time: the parent then says that the pictures were not compared.
"""

import json
import resource
import struct
import sys
from typing import Any, BinaryIO

MEMORY = 768 * 1024 * 1024
"""Bytes of address space; two pictures of the most pixels, decoded one after the other, take half of it."""
SECONDS = 20
"""Seconds of processor time; two full pages take half a second."""
LENGTHS = struct.Struct("!III")
"""How a question begins: bytes of its JSON, of the old picture, and of the new one."""


def main() -> None:
    """Answer one question."""
    _limit()
    # Only now: what is loaded here is what a picture may reach.
    from trapline_crawler.pictures.compare import MOST, compare
    from trapline_crawler.pictures.decode import UnfitPictureError, decode

    asked, old, new = _question(sys.stdin.buffer)
    try:
        which = "the picture before"
        before = decode(old, ignored=asked["old"]["ignored"], watch=asked["old"]["watch"])
        which = "the new picture"
        after = decode(new, ignored=asked["new"]["ignored"], watch=asked["new"]["watch"])
    except UnfitPictureError as error:
        answer: dict[str, Any] = {"unfit": f"{which}: {error}"}
    except MemoryError:
        answer = {"unfit": f"{which}: it takes more than {MEMORY // 1024**2} MiB"}
    else:
        regions = compare(before, after, tolerance=asked["tolerance"])
        largest = sorted(regions, key=lambda one: -one.pixels)[:MOST]
        answer = {
            "pixels": sum(one.pixels for one in regions),
            "area": max(part.width * len(part.rows) for part in (before, after)),
            "regions": [[one.kind, one.old, one.new] for one in regions if one in largest],
            "more": len(regions) - len(largest),
        }
    json.dump(answer, sys.stdout)


def _limit() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


def _question(stream: BinaryIO) -> tuple[dict[str, Any], bytes, bytes]:
    of_json, of_old, of_new = LENGTHS.unpack(stream.read(LENGTHS.size))
    return json.loads(stream.read(of_json)), stream.read(of_old), stream.read(of_new)


if __name__ == "__main__":
    main()
