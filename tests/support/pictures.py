"""Pictures of pages that never were: drawn, inserted into, cut, moved; and PNGs that no browser would make."""

import random
import struct
import zlib
from io import BytesIO

from PIL import Image, ImageDraw, ImageFont

WIDTH = 640
"""Pixels."""
WORDS = ("price", "plan", "month", "basic", "pro", "team", "support", "storage", "users", "free", "trial", "contact")


def page(height: int = 1200, *, seed: int = 1, size: int = 12, width: int = WIDTH) -> Image.Image:
    """Draw a page of lines of text and coloured bars. ``size``: of its letters."""
    dice = random.Random(seed)
    picture = Image.new("RGB", (width, height), (255, 255, 255))
    pen = ImageDraw.Draw(picture)
    font = ImageFont.load_default(size)
    y = 20
    while y < height - 40:
        if dice.random() < 0.2:
            colour = (dice.randint(150, 250), dice.randint(150, 250), dice.randint(150, 250))
            pen.rectangle((20, y, width - 20, y + 24), fill=colour)
        text = " ".join(dice.choice(WORDS) for _ in range(9))
        pen.text((30, y + 4), text, font=font, fill=(20, 20, 20))
        y += dice.randint(26, 40)
    return picture


def noise(height: int, *, seed: int = 9, width: int = WIDTH) -> Image.Image:
    """Draw rows that are like no others."""
    dice = random.Random(seed)
    return Image.frombytes("RGB", (width, height), dice.randbytes(width * height * 3))


def with_rows(picture: Image.Image, y: int, rows: Image.Image) -> Image.Image:
    """Insert rows at ``y``."""
    out = Image.new("RGB", (picture.width, picture.height + rows.height))
    out.paste(picture.crop((0, 0, picture.width, y)), (0, 0))
    out.paste(rows, (0, y))
    out.paste(picture.crop((0, y, picture.width, picture.height)), (0, y + rows.height))
    return out


def without_rows(picture: Image.Image, y: int, height: int) -> Image.Image:
    """Remove rows from ``y`` on."""
    out = Image.new("RGB", (picture.width, picture.height - height))
    out.paste(picture.crop((0, 0, picture.width, y)), (0, 0))
    out.paste(picture.crop((0, y + height, picture.width, picture.height)), (0, y))
    return out


def with_box(
    picture: Image.Image, box: tuple[int, int, int, int], colour: tuple[int, int, int] = (200, 30, 30)
) -> Image.Image:
    """Fill x, y, width and height with a colour."""
    out = picture.copy()
    x, y, width, height = box
    out.paste(colour, (x, y, x + width, y + height))
    return out


def lighter(picture: Image.Image, box: tuple[int, int, int, int], by: int) -> Image.Image:
    """Add ``by`` to each colour in a box."""
    out = picture.copy()
    x, y, width, height = box
    part = out.crop((x, y, x + width, y + height)).point(lambda value: value + by)
    out.paste(part, (x, y))
    return out


def png(picture: Image.Image) -> bytes:
    """Encode."""
    into = BytesIO()
    picture.save(into, "PNG", compress_level=1)
    return into.getvalue()


def bomb(width: int, height: int) -> bytes:
    """Return a small PNG that says it has so many pixels, and has them: all of one colour."""
    deflate = zlib.compressobj(9)
    row = b"\x00" + bytes((width + 7) // 8)
    data = b"".join(deflate.compress(row) for _ in range(height)) + deflate.flush()
    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", head) + _chunk(b"IDAT", data) + _chunk(b"IEND", b"")


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
