"""Sitemaps as sitemaps.org defines them: urlset, sitemapindex and plain text, each perhaps gzip. Pure."""

import zlib
from dataclasses import dataclass, field
from xml.parsers import expat

from trapline_common.domain.errors import InputRefusedError

MAX_BYTES = 50 * 1024 * 1024
"""Uncompressed, a file; sitemaps.org, "Sitemaps XML format"."""
MAX_ENTRIES = 50_000
"""A file, index or not; the same source."""
_GZIP = b"\x1f\x8b"
_BOMS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")
_ENTRY = {"urlset": "url", "sitemapindex": "sitemap"}
_SNIFFED = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Sitemap:
    """One file, read."""

    index: bool
    """Whether its entries are further sitemaps; else they are pages."""
    entries: tuple[str, ...]
    """The URLs as they stand in the file, in order."""


def parse_sitemap(body: bytes, url: str) -> Sitemap:
    """Read one file; ``url`` names it in errors.

    Raises ``InputRefusedError`` when it is HTML, broken, empty, holds a DTD (entities could multiply), or is over
    50 MiB uncompressed or 50,000 entries.
    """
    data = _uncompressed(body, url) if body.startswith(_GZIP) else body
    if len(data) > MAX_BYTES:
        raise InputRefusedError(f"{url}: larger than {MAX_BYTES} bytes")
    start = data[:_SNIFFED].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if not start:
        raise InputRefusedError(f"{url}: empty, not a sitemap")
    if start.startswith((b"<!doctype html", b"<html")):
        raise _html(url)
    if start.startswith(b"<") or data.startswith(_BOMS[1:]):
        return _Reading(url=url).read(data)
    return _text(data, url)


def _html(url: str) -> InputRefusedError:
    return InputRefusedError(f"{url}: an HTML page, not a sitemap")


def _uncompressed(body: bytes, url: str) -> bytes:
    """Undo gzip, which may hold several members, without ever making more than the limit."""
    out = bytearray()
    rest = body
    try:
        while rest.startswith(_GZIP):
            member = zlib.decompressobj(wbits=31)
            out += member.decompress(rest, MAX_BYTES + 1 - len(out))
            if len(out) > MAX_BYTES:
                raise InputRefusedError(f"{url}: larger than {MAX_BYTES} bytes uncompressed")
            if not member.eof:
                raise InputRefusedError(f"{url}: its gzip ends too early")
            rest = member.unused_data
    except zlib.error as error:
        raise InputRefusedError(f"{url}: broken gzip: {error}") from error
    return bytes(out)


def _text(data: bytes, url: str) -> Sitemap:
    try:
        lines = [line.strip() for line in data.decode("utf-8-sig").splitlines()]
    except UnicodeDecodeError as error:
        raise InputRefusedError(f"{url}: neither XML nor UTF-8 text, not a sitemap") from error
    entries = tuple(line for line in lines if line)
    if not entries[0].lower().startswith(("http://", "https://")):
        raise InputRefusedError(f"{url}: neither XML nor a list of URLs, not a sitemap")
    if len(entries) > MAX_ENTRIES:
        raise _too_many(url)
    return Sitemap(index=False, entries=entries)


def _too_many(url: str) -> InputRefusedError:
    return InputRefusedError(f"{url}: more than {MAX_ENTRIES} entries in one file")


@dataclass(slots=True, kw_only=True)
class _Reading:
    """One pass of expat. Only ``urlset/url/loc`` and ``sitemapindex/sitemap/loc`` count: ``image:loc`` lies deeper."""

    url: str
    """The file's URL, for errors."""
    path: list[str] = field(default_factory=list)
    """Local names of the open elements, outermost first."""
    root: str = ""
    """The name of the outermost element."""
    loc: list[str] | None = None
    """Pieces of text of the ``loc`` that is open; ``None`` outside of one."""
    entries: list[str] = field(default_factory=list)
    """The URLs found so far."""

    def read(self, data: bytes) -> Sitemap:
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.buffer_text = True
        parser.StartDoctypeDeclHandler = self._doctype
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text
        try:
            parser.Parse(data, True)
        except (expat.ExpatError, LookupError, ValueError) as error:
            # a code page expat does not know is a LookupError or a ValueError, as Python's codec has it
            raise InputRefusedError(f"{self.url}: not well-formed XML: {error}") from error
        return Sitemap(index=self.root == "sitemapindex", entries=tuple(self.entries))

    def _doctype(self, name: str, *_: object) -> None:
        if name.lower() == "html":
            raise _html(self.url)
        raise InputRefusedError(f"{self.url}: a document type is declared in it, which a sitemap never has")

    def _start(self, name: str, _: object) -> None:
        local = name.rpartition(" ")[2]
        if not self.path:
            if local not in _ENTRY:
                raise (
                    _html(self.url)
                    if local == "html"
                    else InputRefusedError(
                        f"{self.url}: <{local[:40]}> is neither a urlset nor a sitemapindex, not a sitemap"
                    )
                )
            self.root = local
        self.path.append(local)
        if self.path == [self.root, _ENTRY[self.root], "loc"]:
            self.loc = []

    def _end(self, _: str) -> None:
        if self.loc is not None and len(self.path) == 3:  # noqa: PLR2004  (root, entry, loc)
            self.entries.append("".join(self.loc).strip())
            self.loc = None
            if len(self.entries) > MAX_ENTRIES:
                raise _too_many(self.url)
        self.path.pop()

    def _text(self, text: str) -> None:
        if self.loc is not None:
            self.loc.append(text)
