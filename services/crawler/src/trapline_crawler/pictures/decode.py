"""A PNG of unknown origin, decoded within bounds. Runs in the child process alone."""

from collections.abc import Iterator, Sequence
from io import BytesIO

from PIL import Image, PngImagePlugin

from trapline_common.domain.artifact_key import PNG
from trapline_crawler.pictures.compare import Part
from trapline_crawler.pictures.islands import Box

MOST_PIXELS = 32_000_000
"""Pixels of a picture; the tallest that a crawl takes has as many at a width of 1,920."""
_STRIP = 64
"""Rows that are copied at once."""
_PAINT = (128, 128, 128)


class UnfitPictureError(ValueError):
    """A picture that can't be compared; the text says why, and quotes nothing of it."""


def decode(data: bytes, *, ignored: Sequence[Box], watch: Box | None) -> Part:
    """Return the rows of a PNG, ignored boxes painted, cut to ``watch``. Raises ``UnfitPictureError``."""
    if not data.startswith(PNG):
        raise UnfitPictureError("it is no PNG")
    picture = _loaded(data)
    if picture.mode != "RGB":
        picture = picture.convert("RGB")
    for x, y, width, height in ignored:
        picture.paste(_PAINT, (x, y, x + width, y + height))
    return _part(picture, _within((0, 0, picture.width, picture.height) if watch is None else watch, picture), ignored)


def _loaded(data: bytes) -> Image.Image:
    Image.MAX_IMAGE_PIXELS = None  # the bound is below, and is no warning
    try:
        picture = PngImagePlugin.PngImageFile(BytesIO(data))
        fits = picture.width * picture.height <= MOST_PIXELS
        if fits:
            picture.load()
    except MemoryError:
        raise
    except Exception as error:  # Pillow's parsers raise many classes, and a hostile picture may reach any of them
        raise UnfitPictureError(f"it is a broken PNG ({type(error).__name__})") from error
    if not fits:
        raise UnfitPictureError(
            f"it has {picture.width} x {picture.height} pixels; at most {MOST_PIXELS:,} are compared"
        )
    return picture


def _within(box: Box, picture: Image.Image) -> Box:
    x, y, width, height = box
    left, top = min(max(x, 0), picture.width), min(max(y, 0), picture.height)
    return left, top, min(x + width, picture.width) - left, min(y + height, picture.height) - top


def _part(picture: Image.Image, box: Box, ignored: Sequence[Box]) -> Part:
    x, y, width, height = box
    if width <= 0 or height <= 0:
        raise UnfitPictureError("what is watched lies outside of it")
    rows: list[bytes] = []
    for top in range(y, y + height, _STRIP):
        strip = picture.crop((x, top, x + width, min(top + _STRIP, y + height))).tobytes()
        rows += [strip[at : at + width * 3] for at in range(0, len(strip), width * 3)]
    return Part(width, rows, list(_inside(box, ignored)))


def _inside(part: Box, boxes: Sequence[Box]) -> Iterator[Box]:
    """Yield what of ``boxes`` lies in ``part``, from its corner."""
    x, y, width, height = part
    for left, top, wide, high in boxes:
        begin, upper = max(left - x, 0), max(top - y, 0)
        end, lower = min(left - x + wide, width), min(top - y + high, height)
        if begin < end and upper < lower:
            yield begin, upper, end - begin, lower - upper
