"""A whole crawl of a site that shows its visitors' secrets in every way: none is kept, told, logged or exported."""

import json
from collections.abc import Iterator
from html import escape
from pathlib import Path

import pytest

from support.command import Trapline
from support.painted_ways import UNSEEN, WAYS
from support.secret_site import SecretSite
from support.secret_spellings import IN_MARKUP, IN_TEXT, held

KEY = "sk_live_51H8xAb/CdEf&GhIjKl="
HOST = "canary-host-of-9876543210"
PASSWORD = "Pa55-w0rd-of-the-shop"
SECRETS = {"KEY": KEY, "HOST": HOST, "PASSWORD": PASSWORD}
PAINTED = list(WAYS)[::3]
PIECE = 8
"""Characters of a secret that are looked for in the files of the database, as they are."""


def spelled(key: str) -> str:
    """Return a page that writes the key in every spelling: in its text, and in its markup."""
    texts = "".join(f"<p>{escape(spell(key))}</p>\n" for spell in IN_TEXT.values())
    return f"<title>{'x' * 980} {key}</title><h1>Account</h1>{texts}{''.join(s(key) for s in IN_MARKUP.values())}"


@pytest.fixture
def other() -> Iterator[SecretSite]:
    """Another origin, with a form."""
    with SecretSite({"/form": lambda _: "<input id=pw>"}, host="127.0.0.2") as site:
        yield site


@pytest.fixture
def site(other: SecretSite) -> Iterator[SecretSite]:
    """The site."""
    pages = {
        "/spelled": spelled,
        "/field": lambda key: f"<p id=long>{'x ' * 9_990}{key}</p>",
        "/moved": lambda key: (
            f"<script>location = '/done?key=' + encodeURIComponent({json.dumps(key)}).toLowerCase()</script>"
        ),
        "/sent": lambda key: (
            f"<form action=/done><input name=key value='{escape(key)}'></form>"
            "<script>document.forms[0].submit()</script>"
        ),
        "/done": lambda _: "<p>done",
        "/nowhere": lambda key: f"<script>location = 'http://{HOST}.{key[:2]}.invalid/'</script>",
        "/expected": lambda key: f"<p>nothing of the kind, {key}",
    }
    pages |= {f"/way/{name}": WAYS[name] for name in PAINTED} | {"/plain": UNSEEN["nothing"]}
    with SecretSite(pages, redirects={"/login": f"{other.url}/form", "/gone": f"http://{HOST}.invalid/"}) as running:
        running.show_frames_of(other)
        yield running


def configured(command: Trapline, site: SecretSite) -> str:
    """Write crawls that send the key, expect it, fill it in, and keep everything."""
    command.environ |= {f"TRAPLINE_SECRET_{name}": value for name, value in SECRETS.items()}
    shared = {
        "headers": {"X-Key": "${secret:KEY}", "X-Host": "${secret:HOST}"},
        "html": "always",
        "screenshot": "full_page",
        "retries": 0,
        "timeout": "10s",
        "isolation": "crawl",
        "alert": {"on": ["failure", "change", "recovery", "summary"], "after_failures": 1},
    }
    paths = ["/spelled", "/moved", "/sent", "/nowhere", "/gone", "/plain", *(f"/way/{name}" for name in PAINTED)]
    crawls = {
        "shown": {"urls": [site.url + path for path in paths]},
        "fields": {"urls": [f"{site.url}/field"], "extract": {"long": "#long"}, "expect": {"long": "== ${secret:KEY}"}},
        "expected": {
            "urls": [f"{site.url}/expected"],
            "expect": {"contains": "a long sentence that goes before the key, namely ${secret:KEY} and goes on"},
        },
        "steps": {
            "urls": [f"{site.url}/plain"],
            "steps": [
                {"goto": f"{site.url}/login"},
                {"fill": {"selector": "#pw", "value": "${secret:PASSWORD}"}},
            ],
        },
    }
    lanes = {"default": {"max_invocations": 1, "pages_in_flight": 4}}
    return command.config(json.dumps({"defaults": shared, "lanes": lanes, "crawls": crawls}))


def test_no_secret_leaves_a_crawl(command: Trapline, site: SecretSite, other: SecretSite):
    """Everything that two runs print, log, tell, export and keep on the disk is searched, decoded."""
    config = configured(command, site)
    first = command.crawl(config)
    assert first.code == 1, first.err
    site.pages["/spelled"] = lambda key: spelled(key) + f"<p>and {escape(key)}, too</p>"
    site.pages["/expected"] = lambda key: f"<p>a long sentence that goes before the key, namely {key} and goes on"
    second = command.crawl(config, "--only", "shown", "--only", "expected")
    said = [first, second]
    runs = {run["crawl"]: run for run in first.json["runs"]}
    shown = str(runs["shown"]["run_id"])
    said += [command.run("export", shown, "--format", kind) for kind in ("ndjson", "csv")]
    said.append(command.run("show", shown))
    said += [
        command.run("diff", f"{site.url}/spelled"),
        command.run("try", config, "shown", f"{site.url}/spelled", "--json"),
    ]

    assert {run["crawl"]: run["changes"] for run in second.json["runs"]}["shown"] == 1
    assert [failure["reason"] for failure in runs["steps"]["failures"]] == ["step"]
    assert f"step 2, fill: the page is at {other.url}, and" in runs["steps"]["failures"][0]["detail"]
    assert "${secret:KEY} and goes on" in runs["expected"]["failures"][0]["detail"]
    assert PASSWORD not in repr(other.asked)

    with command.ledger() as ledger:
        tables = [row["name"] for row in ledger.rows(
            "SELECT table_name::text AS name FROM information_schema.tables "
            "WHERE table_schema = 'trapline' AND table_type = 'BASE TABLE'"
        )]  # fmt: skip
        kept = [row["row"] for table in tables for row in ledger.rows(f"SELECT t::text AS row FROM trapline.{table} t")]
        pictures = ledger.rows("SELECT url FROM trapline.observation WHERE screenshot IS NOT NULL")
    assert {row["url"].removeprefix(site.url) for row in pictures} <= {"/plain", "/moved", "/sent"}
    assert any(row["url"].endswith("/plain") for row in pictures)
    files = [path for path in command.data_dir.rglob("*") if path.is_file()]
    pages = [path.read_text(encoding="utf-8") for path in files if path.suffix == ".html"]
    assert len(pages) > len(PAINTED)
    texts = [*kept, *pages, *(text for done in said for text in (done.out, done.err))]
    found = [hit for text in dict.fromkeys(texts) if (hit := held(text, *SECRETS.values()))]
    assert found == []
    assert raw_pieces(files) == []


def raw_pieces(files: list[Path]) -> list[str]:
    """Return the files that hold a piece of a secret as it is, whatever case: the database's own among them."""
    pieces = {value[at : at + PIECE].lower().encode() for value in SECRETS.values() for at in range(len(value) - PIECE)}
    found = []
    for path in files:
        data = path.read_bytes().lower()
        found += [str(path) for piece in pieces if piece in data]
    return found
