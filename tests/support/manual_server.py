"""A small HTTP/1.1 server for a folder of files held in memory: real HTTP, and little of the CPU that is measured.

``python manual_server.py FOLDER`` prints its URL and serves until it is terminated.
"""

import asyncio
import mimetypes
import sys
from pathlib import Path
from urllib.parse import unquote

_HEAD = "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {size}\r\nConnection: keep-alive\r\n\r\n"
_LIMIT = 64 * 1024
"""Most bytes of one request's head."""


def answers(root: Path) -> dict[str, bytes]:
    """Return the whole response of every file under ``root``, by URL path."""
    found = {}
    for file in root.rglob("*"):
        if file.is_file():
            kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
            body = file.read_bytes()
            head = _HEAD.format(status="200 OK", kind=kind, size=len(body))
            found["/" + str(file.relative_to(root))] = head.encode() + body
    return found


MISSING = _HEAD.format(status="404 Not Found", kind="text/plain", size=9).encode() + b"not found"


async def serve_connection(known: dict[str, bytes], reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer GET after GET on one connection until the browser closes it."""
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            target = head.split(b" ", 2)[1].decode("ascii", "replace")
            writer.write(known.get(unquote(target.partition("?")[0]), MISSING))
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError, IndexError, asyncio.LimitOverrunError):
        pass  # the browser hung up, or did not speak HTTP; either way this connection is over
    finally:
        writer.close()


async def main(root: Path) -> None:
    """Serve ``root`` on a free port of 127.0.0.1."""
    known = answers(root)
    server = await asyncio.start_server(
        lambda reader, writer: serve_connection(known, reader, writer), "127.0.0.1", 0, limit=_LIMIT, backlog=512
    )
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)  # noqa: T201  (its one output)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
