"""Secrets resolved for a visit, and scrubbed from what it found."""

import json
from collections import deque
from html import escape
from urllib.parse import quote_plus

import pytest

from support.crawling import KnownSecrets, crawl
from support.logs import logged
from trapline_common.platform.logging import get_logger
from trapline_crawler.visit import resolved_secrets
from trapline_crawler.visit.resolved_secrets import resolve

VALUE = 'a "b"  & <c>/é'
STEPS = [
    {"goto": "https://e.com/"},
    {"fill": {"selector": "#user", "value": "ada"}},
    {"fill": {"selector": "#pin", "value": "x${secret:P}"}},
    {"select": {"selector": "#s", "value": "${secret:P}"}},
]


@pytest.mark.parametrize(
    "write", [str, escape, quote_plus, lambda v: json.dumps(v)[1:-1], lambda v: " ".join(v.split())]
)
async def test_a_secret_is_scrubbed_however_it_is_written(write) -> None:
    """As it is, as HTML, URLs and JSON write it, and as a browser shows it, spaces collapsed."""
    resolved = await resolve(crawl(steps=STEPS), KnownSecrets(values={"P": VALUE}))
    assert resolved.scrub(f"before {write(VALUE)} after") == "before ${secret:P} after"


async def test_steps_get_their_secrets_and_their_fields_are_known() -> None:
    """Filled and chosen values are resolved; only fields that got one are to be masked; nothing shows in ``repr``."""
    resolved = await resolve(crawl(steps=STEPS), KnownSecrets(values={"P": "hunter2"}))
    fill, choose = resolved.steps[2].fill, resolved.steps[3].select
    assert fill is not None
    assert choose is not None
    assert (fill.value, choose.value) == ("xhunter2", "hunter2")
    assert resolved.secret_fields == ("#pin", "#s")
    assert "hunter2" not in repr(resolved)


async def test_one_crawls_short_secret_tears_no_other_apart_in_the_log(monkeypatch: pytest.MonkeyPatch) -> None:
    """Secrets of all crawls of the process are taken out at once: of the longer one nothing is left in a line."""
    monkeypatch.setattr(resolved_secrets, "_logged", deque())  # other tests' secrets may be short as well
    long = "sk_live_51H8xAbCdEfGhIjKl"
    for name, value in (("SHORT", "Ab"), ("LONG", long), ("SHORT", "Cd")):
        await resolve(crawl(headers={"X-Key": f"${{secret:{name}}}"}), KnownSecrets(values={name: value}))
    with logged("crawler") as out:
        get_logger("visit").info("seen", text=f"at {long}, Ab, Cd")
    assert json.loads(out.getvalue())["text"] == "at ${secret:LONG}, ${secret:SHORT}, ${secret:SHORT}"
