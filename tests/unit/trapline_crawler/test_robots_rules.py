"""robots.txt as RFC 9309 and Google's parser have it, in time and memory linear in the file."""

import time
import tracemalloc

import pytest

from trapline_crawler.politeness.robots_rules import parse_robots

SITE = "https://site.example"
LARGEST = 512_000

ALL = "User-agent: *\n"

DECIDED = [
    ("", "/a", True),
    (f"{ALL}Disallow:\n", "/a", True),
    (f"{ALL}Disallow: /\n", "/a", False),
    (f"{ALL}Disallow: /\n", "/robots.txt", True),
    ("Disallow: /\n", "/a", True),  # before any name
    ("User-agent: other\nDisallow: /\n", "/a", True),
    ("User-agent: TRAPLINE/2.0 (x)\nDisallow: /\n", "/a", False),
    ("User-agent: traplines\nDisallow: /\n", "/a", True),
    (f"{ALL}Disallow: /\nUser-agent: trapline\nAllow: /\n", "/a", True),
    (f"{ALL}Allow: /\nUser-agent: trapline\nDisallow: /\n", "/a", False),
    ("User-agent: trapline\nDisallow: /a\nUser-agent: x\nUser-agent: trapline\nDisallow: /b\n", "/a", False),
    ("User-agent: trapline\nDisallow: /a\nUser-agent: x\nUser-agent: trapline\nDisallow: /b\n", "/b", False),
    ("User-agent: x\nSitemap: /s.xml\nCrawl-delay: 3\nUser-agent: trapline\nDisallow: /\n", "/a", False),
    (f"{ALL}Allow: /p\nDisallow: /\n", "/page", True),
    (f"{ALL}Allow: /folder\nDisallow: /folder\n", "/folder/page", True),
    (f"{ALL}Allow: /page\nDisallow: /*.htm\n", "/page.htm", False),
    (f"{ALL}Allow: /$\nDisallow: /\n", "/", True),
    (f"{ALL}Allow: /$\nDisallow: /\n", "/page.htm", False),
    (f"{ALL}Disallow: /fish*.php\n", "/fishheads/catfish.php?parameters", False),
    (f"{ALL}Disallow: /fish*.php\n", "/Fish.PHP", True),
    (f"{ALL}Disallow: /*.php$\n", "/folder/any.php.file.php", False),
    (f"{ALL}Disallow: /*.php$\n", "/filename.php?parameters", True),
    (f"{ALL}Disallow: /a*$\n", "/ab", False),
    (f"{ALL}Disallow: /*ab*ab$\n", "/ab", True),
    (f"{ALL}Disallow: *\n", "/a", False),
    (f"{ALL}Disallow: /?q=*\n", "/?q=1", False),
    (f"{ALL}Disallow: /foo/bar?baz=http://foo.bar\n", "/foo/bar?baz=http://foo.bar", False),
    (f"{ALL}Disallow: /\u30c4\n", "/%E3%83%84", False),
    (f"{ALL}Disallow: /foo/bar/%e3%83%84\n", "/foo/bar/%E3%83%84", False),
    (f"{ALL}Disallow: /%62%61z\n", "/baz", False),
    (f"{ALL}Disallow: /a%2Ab\n", "/axb", True),
    (f"{ALL}Disallow: /a%2Ab\n", "/a*b", False),
    (f"{ALL}Disallow: /a$b\n", "/a$b", False),
    ("\ufeffUser-agent: *\rDisallow: /a # why\r\nDisallow: /b\n", "/a", False),
    ("\ufeffUser-agent: *\rDisallow: /a # why\r\nDisallow: /b\n", "/b", False),
    ("user agent *\nuser-agent: *\ndissallow /a\n", "/a", False),
    ("User-agent: * of course\nDisallow: /\n", "/a", False),
]


@pytest.mark.parametrize(("text", "path", "allowed"), DECIDED)
def test_what_is_closed(text: str, path: str, allowed: bool) -> None:
    """The longest pattern decides, an ``Allow`` wins a tie, and a robot with a group of its own has only that."""
    assert parse_robots(text, "Trapline").allows(SITE + path) is allowed


@pytest.mark.parametrize(
    ("robot", "allowed"),
    [
        ("AcmeBot", False),
        ("Mozilla/5.0 (compatible; AcmeBot/2.1; +https://other.example/bot)", False),
        ("Mozilla/5.0 (X11; Linux x86_64) Chrome/131.0", True),
        ("Mozilla/5.0 (compatible; +https://acmebot.example/)", True),
    ],
)
def test_a_whole_user_agent_is_known_by_its_words(robot: str, allowed: bool) -> None:
    """A crawl with a ``User-Agent`` of its own is addressed by each product in it, and by no address in it."""
    assert parse_robots("User-agent: acmebot\nDisallow: /\n", robot).allows(f"{SITE}/a") is allowed


@pytest.mark.parametrize(
    ("value", "delay"),
    [
        ("5", 5.0),
        ("0.5", 0.5),
        ("-3", 0.0),
        ("nan", 0.0),
        ("inf", 0.0),
        ("1e999", 0.0),
        ("soon", 0.0),
        ("", 0.0),
        ("9" * 100_000, float("9" * 16)),
    ],
)
def test_an_absurd_crawl_delay_is_none(value: str, delay: float) -> None:
    """What is no number of seconds asks for nothing; the caller bounds what is."""
    assert parse_robots(f"{ALL}Crawl-delay: {value}\n", "Trapline").delay == delay


def test_a_delay_is_for_the_names_before_it() -> None:
    """``Crawl-delay`` ends no list of names, and a name that follows it does not get it."""
    text = "User-agent: slow\nCrawl-delay: 9\nUser-agent: trapline\nDisallow: /a\n"
    assert parse_robots(text, "Trapline").delay == 0.0
    assert parse_robots(text, "slow").delay == 9.0


def _cut(lines: list[str]) -> str:
    return "".join(lines)[:LARGEST]


HOSTILE = {
    "names and rules": _cut(
        [f"User-agent: {n:x}\n" for n in range(15_000)] + [f"Allow:/{n:x}\n" for n in range(30_000)]
    ),
    "our name among them": _cut(["User-agent: trapline\n"] * 10_000 + [f"Allow:/{n:x}\n" for n in range(30_000)]),
    "a group for each rule": _cut(["User-agent: *\nUser-agent: trapline\nAllow: /x\n"] * 10_000),
    "wildcards": _cut([ALL] + [f"Disallow:/*{n:x}*y\n" for n in range(40_000)]),
    "one pattern of wildcards": _cut([ALL, "Disallow: /" + "*a" * 300_000]),
    "near misses": _cut([ALL] + [f"Disallow:*{'a' * 50}b{'a' * 49}{n:x}\n" for n in range(5_000)]),
    "blanks": _cut([" " * LARGEST]),
    "no line": _cut(["a" * LARGEST]),
    "numbers": _cut([ALL] + ["Crawl-delay: 1" + "0" * 1000 + "\n"] * 500),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_half_a_megabyte_takes_little_time(name: str) -> None:
    """Of any file that is read whole: its reading and one decision. Names times rules would take minutes."""
    began = time.process_time()
    parse_robots(HOSTILE[name], "Trapline").allows(f"{SITE}/{'a' * 2000}")
    assert time.process_time() - began < 3.0


@pytest.mark.parametrize("name", ["names and rules", "a group for each rule"])
def test_half_a_megabyte_takes_little_memory(name: str) -> None:
    """Only the rules of the robot's own group are kept."""
    text = HOSTILE[name]
    tracemalloc.start()
    try:
        parse_robots(text, "Trapline")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 32_000_000
