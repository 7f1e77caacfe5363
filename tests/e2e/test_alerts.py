"""Alerts as they arrive: the real command, chats that take web hooks, and a mail server."""

import re

import pytest

from support.command import Trapline
from support.demo_site import DemoSite
from support.receivers import chat_server, mail_server

REFUSED = 40
STORM = """
defaults: {{settle: 0, retries: 0, screenshot: never, alert: {{after_failures: 1}}}}
lanes: {{many: {{pages_in_flight: 5}}}}
crawls: {{storm: {{urls: [{urls}], lane: many}}}}
"""
SHOP = """
defaults: {{settle: 0, retries: 0, screenshot: never}}
crawls: {{shop: {{urls: ["{site}/products/kettle"], watch: "#product .price"}}}}
"""


@pytest.fixture
def chats(command: Trapline):
    """Two chats and a mail server, which are the command's channels."""
    with chat_server() as chat, mail_server() as box:
        command.data_dir.mkdir()
        (command.data_dir / "channels.yaml").write_text(
            f"one: json://{chat.address}/one\ntwo: json://{chat.address}/two\n"
            f"mail: mailto://{box.address}?from=a@example.com&to=b@example.com\n"
        )
        yield chat, box


def test_pages_that_are_refused_alike_are_two_messages_in_each_channel(command: Trapline, chats):
    """A site refuses all pages of a crawl: each channel is told of the first at once, and of the others as one sum."""
    chat, box = chats
    with DemoSite() as site:
        urls = ", ".join(f'"{site.url}/gone/{number}"' for number in range(REFUSED))
        done = command.crawl(command.config(STORM.format(urls=urls)))
    assert done.json["runs"][0]["tasks"] == {"done": 0, "failed": REFUSED}, done.err
    told = {name: [each["title"] for each in chat.received[name]] for name in ("/one", "/two")}
    told["mail"] = [mail["Subject"] for mail in box.mails]
    for name, titles in told.items():
        assert len(titles) == 2, name
        assert sum(int(re.search(r"(\d+) (?:more )?page", title)[1]) for title in titles) == REFUSED, titles
    with command.ledger() as ledger:
        ids = ledger.rows("SELECT channel, count(DISTINCT message_id)::int AS ids FROM trapline.delivery GROUP BY 1")
    assert {row["channel"]: row["ids"] for row in ids} == dict.fromkeys(("the terminal", "one", "two", "mail"), 2)


def test_a_channel_that_was_away_gets_what_it_missed_in_order(command: Trapline, chats):
    """One chat takes nothing for two crawls: the others have each change at once, and it has all of them when back."""
    chat, box = chats
    prices = ("$31.00", "$32.00")
    with DemoSite() as site:
        config = command.config(SHOP.format(site=site.url))
        command.crawl(config)
        chat.broken.add("/two")
        for number, price in enumerate(prices, 1):
            site.shop.set_price("kettle", int(price[1:3]) * 100)
            command.crawl(config)
            assert (chat.count("/one"), len(box.mails)) == (number, number)
        chat.broken.clear()
        missed = chat.count("/two")
        with command.ledger() as ledger:  # its next attempt is due: nothing here waits for 15 s
            ledger.rows("UPDATE trapline.delivery SET next_try_at = now() WHERE status = 'due' RETURNING 1")
            ledger.rows("UPDATE trapline.channel SET not_before = NULL WHERE not_before IS NOT NULL RETURNING 1")
        command.crawl(config)
    for name, since in (("/one", 0), ("/two", missed)):
        told = "".join(each["message"] for each in chat.received[name][since:])
        assert re.findall(r"^\+(\$\S+)", told, re.MULTILINE) == list(prices), name
