"""Pictures for tests, written byte by byte: a plain ground with one rectangle."""

import struct
import zlib


def png(width: int, height: int, *, ground: tuple[int, int, int], box: tuple[int, int, int, int]) -> bytes:
    """Return a PNG; ``box``: left, top, width and height of a dark rectangle."""
    left, top, wide, high = box
    plain = bytes(ground) * width
    marked = bytes(ground) * left + b"\x20\x30\x28" * wide + bytes(ground) * (width - left - wide)
    rows = b"".join(b"\x00" + (marked if top <= row < top + high else plain) for row in range(height))
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = [_chunk(b"IHDR", head), _chunk(b"IDAT", zlib.compress(rows, 6)), _chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
