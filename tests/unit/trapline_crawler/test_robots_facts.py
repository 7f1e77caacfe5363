"""The decisions of Google's robots.txt parser, as its own tests have them, and the few in which ours differs.

Source: github.com/google/robotstxt, robots_test.cc: the facts alone, 140 decisions about a file, a robot and a URL. The
other assertions there are about that parser's own functions and counts.
"""

import gzip

import pytest

from trapline_crawler.politeness.robots_bytes import LARGEST, robots_text
from trapline_crawler.politeness.robots_rules import LONGEST_LINE, parse_robots

SITE = "http://foo.bar"


def allowed(lines: str, robot: str, path: str) -> bool:
    """Decide. ``lines`` are divided by ``|``; ``u``, ``a`` and ``d`` stand for the usual keys, ``-`` for no path."""
    keys = {"u ": "User-agent: ", "a ": "Allow: ", "d ": "Disallow: "}
    text = "".join(keys.get(line[:2], line[:2]) + line[2:] + "\n" for line in lines.split("|"))
    return parse_robots(text, robot).allows(SITE + path.replace("-", "", 1) if path == "-" else SITE + path)


@pytest.mark.parametrize(
    ("lines", "robot", "open_paths", "closed_paths"),
    [
        ("", "FooBot", "- /x/y", ""),
        ("u FooBot|d /", "", "-", ""),
        ("u FooBot|d /", "FooBot", "", "- /x/y"),
        ("", "", "-", ""),
        ("foo: FooBot|bar: /", "FooBot", "/x/y", ""),
        ("user-agent FooBot|disallow /", "FooBot", "", "/x/y"),
        (
            "a /foo/bar/||u FooBot|d /|a /x/|u BarBot|d /|a /y/|||a /w/|u BazBot||u FooBot|a /z/|d /",
            "FooBot",
            "/x/b /z/d",
            "/y/c /foo/bar/",
        ),
        (
            "a /foo/bar/||u FooBot|d /|a /x/|u BarBot|d /|a /y/|||a /w/|u BazBot||u FooBot|a /z/|d /",
            "BarBot",
            "/y/c /w/a",
            "/z/d /foo/bar/",
        ),
        (
            "a /foo/bar/||u FooBot|d /|a /x/|u BarBot|d /|a /y/|||a /w/|u BazBot||u FooBot|a /z/|d /",
            "BazBot",
            "/z/d",
            "/foo/bar/",
        ),
        ("u BarBot|Sitemap: https://foo.bar/sitemap|u *|d /", "FooBot", "", "/"),
        ("u BarBot|Sitemap: https://foo.bar/sitemap|u *|d /", "BarBot", "", "/"),
        ("u FooBot|Invalid-Unknown-Line: unknown|u *|d /", "FooBot", "", "/"),
        ("u FooBot|Invalid-Unknown-Line: unknown|u *|d /", "BarBot", "", "/"),
        ("USER-AGENT: FooBot|ALLOW: /x/|DISALLOW: /", "FooBot", "/x/y", "/a/b"),
        ("u FooBot|a /x/|d /", "FooBot", "/x/y", "/a/b"),
        ("uSeR-aGeNt: FooBot|AlLoW: /x/|dIsAlLoW: /", "FooBot", "/x/y", "/a/b"),
        ("u FOO BAR|a /x/|d /", "Foo", "/x/y", "/a/b"),
        ("u foo bar|a /x/|d /", "Foo", "/x/y", "/a/b"),
        ("u FoO bAr|a /x/|d /", "Foo", "/x/y", "/a/b"),
        ("u FOO BAR|a /x/|d /", "foo", "/x/y", "/a/b"),
        ("u foo bar|a /x/|d /", "foo", "/x/y", "/a/b"),
        ("u FoO bAr|a /x/|d /", "foo", "/x/y", "/a/b"),
        ("u *|d /|u Foo Bar|a /x/|d /", "Foo", "/x/y", ""),
        ("u *|a /|u FooBot|d /", "FooBot", "", "/x/y"),
        ("u *|a /|u FooBot|d /", "BarBot", "/x/y", ""),
        ("u FooBot|a /|u BarBot|d /|u BazBot|d /", "QuxBot", "/x/y", ""),
        ("u FooBot|d /x/", "FooBot", "", "/x/y"),
        ("u FooBot|d /X/", "FooBot", "/x/y", ""),
        ("u FooBot|d /x/page.html|a /x/", "FooBot", "", "/x/page.html"),
        ("u FooBot|a /x/page.html|d /x/", "FooBot", "/x/page.html", "/x/"),
        ("u FooBot|d |a ", "FooBot", "/x/page.html", ""),
        ("u FooBot|d /|a /", "FooBot", "/x/page.html", ""),
        ("u FooBot|d /x|a /x/", "FooBot", "/x/", "/x"),
        ("u FooBot|d /x/page.html|a /x/page.html", "FooBot", "/x/page.html", ""),
        ("u FooBot|a /page|d /*.html", "FooBot", "/page", "/page.html"),
        ("u FooBot|a /x/page.|d /*.html", "FooBot", "/x/page.html", "/x/y.html"),
        ("u *|d /x/|u FooBot|d /y/", "FooBot", "/x/page", "/y/page"),
        (
            "u FooBot|d /|a /foo/bar?qux=taz&baz=http://foo.bar?tar&par",
            "FooBot",
            "/foo/bar?qux=taz&baz=http://foo.bar?tar&par",
            "",
        ),
        ("u FooBot|d /|a /foo/bar/\u30c4", "FooBot", "/foo/bar/%E3%83%84", ""),
        ("u FooBot|d /|a /foo/bar/%E3%83%84", "FooBot", "/foo/bar/%E3%83%84", ""),
        ("u FooBot|d /|a /foo/bar/%62%61%7A", "FooBot", "/foo/bar/%62%61%7A", ""),
        ("u FooBot|d /foo/bar/quz|a /foo/*/qux", "FooBot", "/foo/quz /foo//quz /foo/bax/quz", "/foo/bar/quz"),
        ("u FooBot|d /foo/bar$|a /foo/bar/qux", "FooBot", "/foo/bar/qux /foo/bar/ /foo/bar/baz", "/foo/bar"),
        ("u FooBot|# Disallow: /|d /foo/quz#qux|a /", "FooBot", "/foo/bar", "/foo/quz"),
        (
            "u *|a /allowed-slash/index.html|d /",
            "foobot",
            "/allowed-slash/ /allowed-slash/index.html",
            "/allowed-slash/index.htm /anyother-url",
        ),
        (
            "u FooBot|d /|a /fish",
            "FooBot",
            "/fish /fish.html /fish/salmon.html /fishheads /fishheads/yummy.html /fish.html?id=anything",
            "/bar /Fish.asp /catfish /?id=fish",
        ),
        (
            "u FooBot|d /|a /fish*",
            "FooBot",
            "/fish /fish.html /fish/salmon.html /fishheads /fishheads/yummy.html /fish.html?id=anything",
            "/bar /Fish.bar /catfish /?id=fish",
        ),
        (
            "u FooBot|d /|a /fish/",
            "FooBot",
            "/fish/ /fish/salmon /fish/?salmon /fish/salmon.html /fish/?id=anything",
            "/bar /fish /fish.html /Fish/Salmon.html",
        ),
        (
            "u FooBot|d /|a /*.php",
            "FooBot",
            "/filename.php /folder/filename.php /folder/filename.php?parameters //folder/any.php.file.html",
            "/bar /php/ /index?php /windows.PHP",
        ),
        ("u FooBot|d /|a /*.php", "FooBot", "/filename.php/ /index?f=filename.php/", ""),
        (
            "u FooBot|d /|a /*.php$",
            "FooBot",
            "/filename.php /folder/filename.php",
            "/bar /filename.php?parameters /filename.php/ /filename.php5 /php/ /filename?php /aaaphpaaa //windows.PHP",
        ),
        ("u FooBot|d /|a /fish*.php", "FooBot", "/fish.php /fishheads/catfish.php?parameters", "/bar /Fish.PHP"),
        ("u FooBot|a /p|d /", "FooBot", "/page", ""),
        ("u FooBot|a /folder|d /folder", "FooBot", "/folder/page", ""),
        ("u FooBot|a /page|d /*.htm", "FooBot", "", "/page.htm"),
        ("u FooBot|a /$|d /", "FooBot", "/", "/page.html"),
    ],
)
def test_decisions_as_googles(lines: str, robot: str, open_paths: str, closed_paths: str) -> None:
    """A file opens and closes to a robot what it does in Google's tests."""
    assert [path for path in open_paths.split() if not allowed(lines, robot, path)] == []
    assert [path for path in closed_paths.split() if allowed(lines, robot, path)] == []


@pytest.mark.parametrize(
    ("lines", "robot", "path"),
    [
        # The robot is a whole User-Agent, of which each word is a name, as RFC 9309, section 2.2.1, wants it found.
        ("u *|d /|u Foo Bar|a /x/|d /", "Foo Bar", "/x/y"),
        # URLs are normalised before they are asked for: what a browser escapes is the same page.
        ("u FooBot|d /|a /foo/bar/\u30c4", "FooBot", "/foo/bar/\u30c4"),
        ("u FooBot|d /|a /foo/bar/%E3%83%84", "FooBot", "/foo/bar/\u30c4"),
        # RFC 9309, section 2.2.2: an escape of what needs none is compared without it.
        ("u FooBot|d /|a /foo/bar/%62%61%7A", "FooBot", "/foo/bar/baz"),
    ],
)
def test_decisions_that_differ(lines: str, robot: str, path: str) -> None:
    """Google's parser closes these; ours opens them, each for the reason above it."""
    assert allowed(lines, robot, path)


def test_a_line_that_is_too_long_counts_up_to_its_limit() -> None:
    """As in Google's parser: a rule is what stands before the limit."""
    long = "/x/".ljust(LONGEST_LINE - len("disallow: "), "a")
    closed = parse_robots(f"user-agent: FooBot\ndisallow: {long}/qux\n", "FooBot")
    assert closed.allows(SITE + "/fux")
    assert not closed.allows(f"{SITE}{long}/fux")
    long = "/x/".ljust(LONGEST_LINE - len("allow: "), "a")
    opened = parse_robots(f"user-agent: FooBot\ndisallow: /\nallow: {long}/qux\n", "FooBot")
    assert not opened.allows(SITE + "/")
    assert opened.allows(f"{SITE}{long}/qux")
    assert opened.allows(f"{SITE}{long}/fux")


CLOSED = b"User-agent: *\nDisallow: /a\n"


@pytest.mark.parametrize(
    "body",
    [
        b"\xef\xbb\xbf" + CLOSED,
        b"\xef\xbb\xbf\xef\xbb\xbf" + CLOSED,
        b"\xef\xbb" + CLOSED,
        b"\xef" + CLOSED,
        CLOSED.replace(b"\n", b"\r"),
        CLOSED.replace(b"\n", b"\r\n"),
        b"\n \n" + CLOSED,
        CLOSED.decode().encode("utf-16"),
        b"\xfe\xff" + CLOSED.decode().encode("utf-16-be"),
        CLOSED.replace(b"/a", b"/\0a"),
        CLOSED.rstrip(b"\n"),
        gzip.compress(CLOSED, mtime=0),
    ],
)
def test_whatever_stands_before_the_first_line(body: bytes) -> None:
    """Marks of an encoding, whole, twice or in part, other line ends and gzip keep no rule from being obeyed."""
    rules = parse_robots(robots_text(body, whole=True), "Trapline")
    assert not rules.allows(SITE + "/a")
    assert rules.allows(SITE + "/b")


def test_bytes_that_are_no_unicode_are_what_a_url_escapes() -> None:
    """A path in Latin-1 closes the URL that names the same bytes, and that one alone."""
    rules = parse_robots(robots_text(b"User-agent: *\nDisallow: /caf\xe9\n", whole=True), "Trapline")
    assert not rules.allows(SITE + "/caf%E9")
    assert rules.allows(SITE + "/caf%C3%A9")


@pytest.mark.parametrize("packed", [False, True])
def test_a_file_that_was_cut_off_says_no_more_than_its_whole_lines(*, packed: bool) -> None:
    """Half a rule at the limit closes nothing and opens nothing; the rules before it hold."""
    head = b"User-agent: *\nDisallow: /a\nAllow: /a/b\n"
    for rule in (b"Disallow: /", b"Allow: /a"):
        filler = b"#" * (LARGEST - len(head) - len(rule) - 1) + b"\n"
        body = head + filler + rule + b"/private-and-long\n"
        given = gzip.compress(body) if packed else body[:LARGEST]
        rules = parse_robots(robots_text(given, whole=packed), "Trapline")
        decisions = [rules.allows(SITE + path) for path in ("/", "/a", "/a/b", "/a/c")]
        assert decisions == [True, False, True, False]
    assert robots_text(b"Disallow: /x", whole=False) == ""
