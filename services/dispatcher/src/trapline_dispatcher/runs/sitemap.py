"""Sitemaps, read as tolerantly as the big search engines read them. Pure.

They are sitemaps.org's XML, its indexes and plain text, RSS, Atom, and a robots.txt with its ``Sitemap`` lines. No XML
parser stands here, for real files are often no XML: a bare ``&``, a tag that is not closed, an end that is missing. One
pass finds the tags; entities that a file declares are never expanded, so none can multiply.
"""

import re
from dataclasses import dataclass, field

from trapline_common.domain.errors import InputRefusedError
from trapline_dispatcher.runs.sitemap_bytes import sitemap_bytes

MOST_TAGS = 5_000_000
"""Tags of one file that are looked at: ten times what 50,000 entries need."""
LONGEST_ENTRY = 8_192
"""Characters of an entry that are kept; a longer one is no URL that is visited."""
_DEEPEST = 40
_LONGEST_WARNING = 16_384
"""Bytes of something else before a sitemap's own beginning."""
_BEGINS = re.compile(rb"<(?:[A-Za-z_][\w.-]{0,60}:)?(?:urlset|sitemapindex)[\s>]", re.IGNORECASE)
_OF_HTML = re.compile(rb"<!doctype\s+html|<(?:html|head|body)[\s>]", re.IGNORECASE)
_TOKEN = re.compile(rb"<(?:(!--)|(!\[CDATA\[)|(\?)|(!)|(/?)(?:([A-Za-z_][\w.-]{0,60}):)?([A-Za-z_][\w.-]{0,60}))")
_ENTITY = re.compile(r"&(?:#([0-9]{1,7})|#[xX]([0-9A-Fa-f]{1,6})|(amp|lt|gt|quot|apos));")
_NAMED = {"amp": "&", "lt": "<", "gt": ">", "quot": '"', "apos": "'"}
_ATTRIBUTE = re.compile(rb"([A-Za-z_][\w:.-]{0,60})\s*=\s*(?:\"([^\"]*)\"|'([^']*)')")
_ROBOTS_LINE = re.compile(r"sitemap\s*:\s*(\S+)", re.IGNORECASE)
_URL = re.compile(r"https?://", re.IGNORECASE)
_ROOTS = frozenset({b"urlset", b"sitemapindex", b"rss", b"rdf", b"feed", b"url", b"sitemap"})
"""Outermost elements; the last two stand for files whose own outermost element was forgotten."""
_ENTRIES = {b"url": b"loc", b"sitemap": b"loc", b"item": b"link", b"entry": b"link"}
"""The element that an entry is, and the one in it that names the page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sitemap:
    """One file, read."""

    pages: tuple[str, ...]
    """URLs of pages as they stand in the file, in order; some may be relative, or nothing."""
    files: tuple[str, ...] = ()
    """URLs of further sitemaps, likewise."""
    broken: str | None = None
    """Why not all of the file was read, for people; ``None``: it was."""


def parse_sitemap(body: bytes, url: str) -> Sitemap:
    """Read one file; ``url`` names it in errors. Takes time in proportion to its size, 50 MiB uncompressed at most.

    Raises ``InputRefusedError`` when it is empty, HTML, or anything else that lists no pages.
    """
    read = sitemap_bytes(body, url)
    data = _from_its_root(read.data)
    found = _Scan(url=url).read(data) if data.startswith(b"<") else _text(data, url, cut=read.broken is not None)
    broken = read.broken or found.broken
    return Sitemap(pages=found.pages, files=found.files, broken=broken)


def _from_its_root(data: bytes) -> bytes:
    """Return a sitemap without what the program that made it printed before it, a warning for one."""
    if data.startswith((b"<?", b"<!")):  # it begins as XML does, perhaps with a comment that quotes a sitemap
        return data
    found = _BEGINS.search(data, 0, _LONGEST_WARNING)
    return data if found is None or _OF_HTML.search(data, 0, found.start()) else data[found.start() :]


def _html(url: str) -> InputRefusedError:
    return InputRefusedError(f"{url}: an HTML page, not a sitemap")


def _text(data: bytes, url: str, *, cut: bool) -> Sitemap:
    """Read a list of URLs, one a line, or a robots.txt. Of a file that was cut off its last line is no whole one."""
    lines = [line.strip() for line in _decoded(data).splitlines()]
    lines = [line for line in (lines[:-1] if cut else lines) if line and not line.startswith("#")]
    files = tuple(found[1] for line in lines if (found := _ROBOTS_LINE.fullmatch(line)))
    if files:
        return Sitemap(pages=(), files=files)
    if not any(_URL.match(line) for line in lines[:100]):
        raise InputRefusedError(f"{url}: neither XML nor a list of URLs, not a sitemap")
    return Sitemap(pages=tuple(line[:LONGEST_ENTRY] for line in lines))


def _decoded(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace")


def _unescaped(text: str) -> str:
    """Undo XML's own escapes once; whatever else begins with ``&`` stays, as in ``?a=1&copy=2``."""

    def plain(found: re.Match[str]) -> str:
        if found[3]:
            return _NAMED[found[3]]
        code = int(found[1]) if found[1] else int(found[2], 16)
        return chr(code) if 0 < code < 0x110000 and not 0xD800 <= code < 0xE000 else found[0]  # noqa: PLR2004

    return _ENTITY.sub(plain, text)


@dataclass(slots=True, kw_only=True)
class _Scan:
    """One pass over the tags. Only what stands right in an entry counts: ``image:loc`` lies deeper, or is foreign."""

    url: str
    """The file's URL, for errors."""
    open: list[bytes] = field(default_factory=list)
    """Local names of the open elements, outermost first, in lower case."""
    entry_prefix: bytes | None = None
    """The namespace prefix of the open entry."""
    named: bool = False
    """Whether the open entry has named its page."""
    value: list[str] | None = None
    """Pieces of the text that names a page, while that is being read."""
    is_guid: bool = False
    """Whether that text is a feed's ``guid``, which counts where it is a URL and there is no ``link``."""
    pages: list[str] = field(default_factory=list)
    """The URLs of pages found so far."""
    files: list[str] = field(default_factory=list)
    """The URLs of further sitemaps found so far."""
    broken: str | None = None
    """Why the pass ended early."""

    def read(self, data: bytes) -> Sitemap:
        at, tags = 0, 0
        while (found := _TOKEN.search(data, at)) is not None:
            if self.value is not None:
                self.value.append(_unescaped(_decoded(data[at : found.start()][:LONGEST_ENTRY])))
            tags += 1
            if tags > MOST_TAGS:
                self.broken = f"more than {MOST_TAGS} tags"
                break
            end = self._end(data, found)
            if end < 0:
                self.broken = "it ends within a tag"
                break
            at = end
            if len(self.open) > _DEEPEST:
                self.broken = "nested too deeply"
                break
        if self.broken is None and self.open:
            self.broken = f"it ends within <{self.open[-1].decode()}>"
        if not self.pages and not self.files and self.broken is not None:
            raise InputRefusedError(f"{self.url}: {self.broken}, not a sitemap")
        return Sitemap(pages=tuple(self.pages), files=tuple(self.files), broken=self.broken)

    def _end(self, data: bytes, found: re.Match[bytes]) -> int:
        """Take one tag, comment or section in; return where it ends, -1 where it does not."""
        if found[1]:
            return _after(data, b"-->", found.end())
        if found[2]:
            end = _after(data, b"]]>", found.end())
            if self.value is not None and end > 0:
                self.value.append(_decoded(data[found.end() : end - 3][:LONGEST_ENTRY]))
            return end
        if found[3]:
            return _after(data, b"?>", found.end())
        if found[4]:
            return self._declaration(data, found.end())
        end = _after(data, b">", found.end())
        if end > 0:
            self._finish()
            name = found[7].lower()
            if found[5]:
                self._closed(name)
            else:
                self._opened(name, found[6], data[found.end() : end - 1][:LONGEST_ENTRY])
        return end

    def _declaration(self, data: bytes, at: int) -> int:
        """Pass over ``<!DOCTYPE ...>``, its own declarations included."""
        end, inner = data.find(b">", at), data.find(b"[", at)
        if data[at : at + 12].lower() == b"doctype html":
            raise _html(self.url)
        if 0 <= inner < end:
            close = data.find(b"]", inner)
            end = -1 if close < 0 else data.find(b">", close)
        return end + 1 if end >= 0 else -1

    def _opened(self, name: bytes, prefix: bytes | None, rest: bytes) -> None:
        if not self.open:
            self._root(name)
        parent = self.open[-1] if self.open else b""
        if name in _ENTRIES:
            self.entry_prefix, self.named = prefix, False
        elif parent in _ENTRIES and prefix in {None, self.entry_prefix}:
            if name == _ENTRIES[parent]:
                self._value(parent, rest)
            elif name == b"guid" and b"false" not in rest.lower() and not self.named:
                self.value, self.is_guid = [], True
        if not rest.endswith(b"/"):
            self.open.append(name)

    def _root(self, name: bytes) -> None:
        if name == b"html":
            raise _html(self.url)
        if name not in _ROOTS:
            shown = name.decode()[:40]
            raise InputRefusedError(f"{self.url}: <{shown}> is neither a sitemap nor a feed")

    def _value(self, entry: bytes, rest: bytes) -> None:
        if entry != b"entry":
            self.value, self.is_guid = [], False
            return
        given = {key.lower(): one or other for key, one, other in _ATTRIBUTE.findall(rest)}
        if given.get(b"rel", b"alternate").lower() == b"alternate" and not self.named and given.get(b"href"):
            self.named = True
            self.pages.append(_unescaped(_decoded(given[b"href"])).strip())

    def _finish(self) -> None:
        """End the text that names a page, at whatever tag comes next: some forget to close it."""
        if self.value is None:
            return
        text, self.value = "".join(self.value).strip()[:LONGEST_ENTRY], None
        if self.is_guid:
            if not self.named and _URL.match(text):
                self.pages.append(text)
                self.named = True
            return
        self.named = True
        entry = next((name for name in reversed(self.open) if name in _ENTRIES), b"url")
        (self.files if entry == b"sitemap" else self.pages).append(text)

    def _closed(self, name: bytes) -> None:
        if name in self.open:
            while self.open.pop() != name:
                pass


def _after(data: bytes, sign: bytes, at: int) -> int:
    end = data.find(sign, at)
    return -1 if end < 0 else end + len(sign)
