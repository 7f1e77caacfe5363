"""Sitemap files: what is read, and what is refused and why."""

import gzip
import tracemalloc
import zlib

import pytest

from trapline_common.domain.errors import InputRefusedError
from trapline_dispatcher.runs.sitemap import MAX_BYTES, MAX_ENTRIES, parse_sitemap

URL = "https://example.com/sitemap.xml"
NS = 'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"'
ONE = f"<urlset {NS}><url><loc>https://example.com/a</loc></url></urlset>".encode()


def refused(body: bytes) -> str:
    """Return the one-line reason, which always names the file."""
    with pytest.raises(InputRefusedError) as caught:
        parse_sitemap(body, URL)
    assert str(caught.value).startswith(f"{URL}: ")
    return str(caught.value)


@pytest.mark.parametrize("head", ["", "\ufeff", '<?xml version="1.0" encoding="UTF-8"?>\n', "\n<!-- made by hand -->"])
def test_pages_in_order(head: str) -> None:
    """A urlset gives its pages in order, with any prologue before its root."""
    first, second = "<loc> https://e.com/b?x=1&amp;y=2 </loc>", "<loc>https://e.com/a</loc>"
    body = f"{head}<urlset {NS}><url>{first}</url><url>{second}</url></urlset>"
    sitemap = parse_sitemap(body.encode(), URL)
    assert not sitemap.index
    assert sitemap.entries == ("https://e.com/b?x=1&y=2", "https://e.com/a")


def test_index() -> None:
    """A sitemapindex gives further sitemaps, and says so."""
    body = f"<sitemapindex {NS}><sitemap><loc>https://e.com/1.xml</loc><lastmod>2024</lastmod></sitemap></sitemapindex>"
    sitemap = parse_sitemap(body.encode(), URL)
    assert sitemap.index
    assert sitemap.entries == ("https://e.com/1.xml",)


def test_only_the_pages_own_loc_counts() -> None:
    """A loc of an image, or one that lies elsewhere, is no page."""
    body = (
        f'<urlset {NS} xmlns:image="http://www.google.com/schemas/sitemap-image/1.1"><url><loc>https://e.com/a</loc>'
        "<image:image><image:loc>https://e.com/a.png</image:loc></image:image></url><loc>https://e.com/b</loc></urlset>"
    )
    assert parse_sitemap(body.encode(), URL).entries == ("https://e.com/a",)


@pytest.mark.parametrize("encoding", ["utf-16", "iso-8859-1"])
def test_encodings(encoding: str) -> None:
    """An XML sitemap may declare another encoding than UTF-8."""
    body = f'<?xml version="1.0" encoding="{encoding}"?><urlset><url><loc>https://e.com/ä</loc></url></urlset>'
    assert parse_sitemap(body.encode(encoding), URL).entries == ("https://e.com/ä",)


def test_text() -> None:
    """A text sitemap has one URL a line, blank lines aside."""
    body = "\ufeffhttps://e.com/a\r\n\r\n  https://e.com/b\n".encode()
    assert parse_sitemap(body, URL).entries == ("https://e.com/a", "https://e.com/b")


@pytest.mark.parametrize(
    "body", [gzip.compress(ONE, mtime=0), gzip.compress(ONE[:30], mtime=0) + gzip.compress(ONE[30:], mtime=0)]
)
def test_gzip(body: bytes) -> None:
    """Gzip is known by its first bytes, in one member or several."""
    assert parse_sitemap(body, URL).entries == ("https://example.com/a",)


@pytest.mark.parametrize(
    "body",
    [
        b"<!DOCTYPE html><html><body>Not found</body></html>",
        b"\n  <HTML><p>x",
        b'<?xml version="1.0"?><!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN" "x"><html/>',
        b'<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml"/>',
        b"<!-- soft 404 --><html><body>Not found</body></html>",
    ],
)
def test_html_is_refused_as_html(body: bytes) -> None:
    """HTML where a sitemap should be is called HTML, in every dress it comes in."""
    assert refused(body).endswith("an HTML page, not a sitemap")


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "empty"),
        (b" \n", "empty"),
        (b"hello", "neither XML nor a list of URLs"),
        (b"\x89PNG\xff", "neither XML nor UTF-8"),
        (b"<urlset><url>", "not well-formed XML"),
        (b"<rss></rss>", "<rss> is neither a urlset nor a sitemapindex"),
        (b'<?xml version="1.0" encoding="klingon"?><urlset/>', "not well-formed XML"),
        (gzip.compress(ONE, mtime=0)[:-12], "its gzip ends too early"),
        (b"\x1f\x8b\x08" + bytes(7) + b"\xff" * 20, "broken gzip"),
    ],
)
def test_what_is_no_sitemap_is_refused(body: bytes, reason: str) -> None:
    """Anything else that is no sitemap is refused with its reason."""
    assert reason in refused(body)


@pytest.mark.parametrize(
    "declaration",
    [
        '<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">',
        '<!ENTITY b SYSTEM "file:///etc/passwd">',
    ],
)
def test_entities_are_refused(declaration: str) -> None:
    """No entity can multiply or read a file: a document type is refused before its first entity is read."""
    body = f"<!DOCTYPE urlset [{declaration}]><urlset><url><loc>&b;</loc></url></urlset>"
    assert "a document type is declared" in refused(body.encode())


def test_a_gzip_bomb_is_refused() -> None:
    """A file that is small on the wire can't become more than 50 MiB, and is not unpacked to find out."""
    packer = zlib.compressobj(1, wbits=31)
    bomb = b"".join(packer.compress(bytes(1024 * 1024)) for _ in range(150)) + packer.flush()
    assert len(bomb) < MAX_BYTES // 50
    tracemalloc.start()
    try:
        assert "larger than" in refused(bomb)
        assert tracemalloc.get_traced_memory()[1] < 2.5 * MAX_BYTES
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("form", ["xml", "text"])
def test_more_entries_than_allowed_are_refused(form: str) -> None:
    """50,000 entries are read and one more is refused, never cut off silently."""

    def body(count: int) -> bytes:
        if form == "text":
            return b"http://e.com/\n" * count
        return b"<urlset>" + b"<url><loc>http://e.com/</loc></url>" * count + b"</urlset>"

    assert len(parse_sitemap(body(MAX_ENTRIES), URL).entries) == MAX_ENTRIES
    assert "more than 50000 entries" in refused(body(MAX_ENTRIES + 1))
