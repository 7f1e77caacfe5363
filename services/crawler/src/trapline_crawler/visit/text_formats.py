"""Which files that a browser would download are texts that a crawl can watch. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal
from urllib.parse import unquote, urlsplit

TextFormat = Literal["html", "xml", "json", "csv", "text"]
"""How a text is read."""

_BY_ENDING: Mapping[str, TextFormat] = {
    **dict.fromkeys(("csv", "tsv", "tab"), "csv"),
    **dict.fromkeys(("json", "geojson", "jsonld", "webmanifest"), "json"),
    **dict.fromkeys(("xml", "rss", "atom", "rdf", "xsd", "kml", "gpx", "opml"), "xml"),
    **dict.fromkeys(("txt", "text", "ics", "ifb", "vcf", "md", "log", "ini", "conf", "cfg", "toml", "srt"), "text"),
    **dict.fromkeys(("vtt", "yaml", "yml", "ndjson", "jsonl", "asc", "sum", "sha256", "md5", "diff", "patch"), "text"),
}
_PAGES = frozenset({"text/html", "application/xhtml+xml"})
_TEXTS = frozenset(
    {
        "application/ecmascript",
        "application/javascript",
        "application/jsonl",
        "application/ndjson",
        "application/sql",
        "application/toml",
        "application/x-ndjson",
        "application/x-subrip",
        "application/x-yaml",
        "application/yaml",
    }
)
_TABLES = frozenset({"application/csv", "text/comma-separated-values", "text/csv", "text/tab-separated-values"})
_VAGUE = frozenset(
    {
        "",
        "application/binary",
        "application/download",
        "application/force-download",
        "application/octet-stream",
        "application/unknown",
        "application/vnd.ms-excel",
        "application/x-download",
        "binary/octet-stream",
    }
)
"""Types that say nothing: the name's ending decides. Many a server calls its CSV files Excel's."""
_NAMED = re.compile(r"filename\*?\s*=\s*(?:[\w-]*'[\w-]*')?\"?([^\";]+)", re.IGNORECASE)
_CHARSET = re.compile(r"charset\s*=\s*[\"']?([A-Za-z0-9._:-]{1,40})", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class OtherDocument:
    """A document that is no page."""

    format: TextFormat | None
    """What its answer said of it, where the browser was made to show it; ``None``: the browser itself shows it."""


def other_document(headers: Mapping[str, str], format_shown: TextFormat | None) -> OtherDocument | None:
    """Return what is known of an answer that is no page; ``None`` for a page, and for what is shown like one.

    ``format_shown``: the format of a file that was shown as a text.
    """
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if format_shown is None and (kind in _PAGES or kind.startswith(("image/", "video/", "audio/"))):
        return None
    return None if format_shown == "html" else OtherDocument(format_shown)


def text_format(headers: Mapping[str, str], url: str) -> TextFormat | None:
    """Return the format of an answer by its headers, names in lower case; ``None``: it is no text."""
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind in _PAGES:
        return "html"
    if kind in _TABLES:
        return "csv"
    if kind.endswith(("/json", "+json")):
        return "json"
    if kind.endswith(("/xml", "+xml")) and not kind.startswith("image/"):
        return "xml"
    if kind not in _VAGUE:
        return "text" if kind.startswith("text/") or kind in _TEXTS else None
    named = _NAMED.search(headers.get("content-disposition", ""))
    name = unquote(named[1]) if named is not None else urlsplit(url).path
    return _BY_ENDING.get(name.strip().lower().rpartition(".")[2])


def charset(headers: Mapping[str, str], body: bytes) -> str:
    """Return the encoding to read a text in: the one that is named, else UTF-8 where it is that, else Windows-1252."""
    named = _CHARSET.search(headers.get("content-type", ""))
    if named is not None:
        return named[1]
    try:
        body.decode("utf-8")
    except UnicodeDecodeError:
        return "windows-1252"
    return "utf-8"
