"""Secrets resolved for a visit, and scrubbed from what it found."""

import json
from html import escape
from urllib.parse import quote_plus

import pytest

from support.crawling import KnownSecrets, crawl
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
