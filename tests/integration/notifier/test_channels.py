"""Apprise's channels over real HTTP: a web server on loopback plays the chat."""

import asyncio
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from apprise.plugins.slack import NotifySlack

from support.alerts import AT, Clock, alert, sns_event
from trapline_common.domain.answers import Relayed
from trapline_common.domain.errors import InputRefusedError, RefusedError, TransientError
from trapline_common.platform.lambda_runtime import Deadline, LocalContext
from trapline_notifier.message import channel_texts, compose
from trapline_notifier.publishers.channels import Channels
from trapline_notifier.publishers.fan_out import ChannelsPublisher, FanOut
from trapline_notifier.relay import handle_relay
from trapline_notifier.services import RelayServices
from trapline_notifier.trial import send_test

pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")  # an import of Apprise's

HOSTILE = "<!channel> @here <script>alert(1)</script> *b* `c`"


class Chat:
    """What arrived, by path; ``broken`` paths answer 500, ``/hang`` not before the test ends."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.received: dict[str, list[dict[str, Any]]] = {}
        self.broken: set[str] = set()
        self.ended = threading.Event()

    def count(self, path: str) -> int:
        return len(self.received.get(path, []))


@pytest.fixture
def chat() -> Iterator[Chat]:
    """A running chat server."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            path = self.path.rstrip("/")
            found.received.setdefault(path, []).append(json.loads(body))
            if path == "/hang":
                found.ended.wait()
            self.send_response(500 if path in found.broken else 200)
            self.end_headers()
            if path not in found.broken:
                self.wfile.write(b"ok")

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found = Chat(f"127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield found
    found.ended.set()
    server.shutdown()
    server.server_close()
    thread.join()


def _publisher(channels: Channels) -> ChannelsPublisher:
    return ChannelsPublisher(channels, sleep=Clock().sleep)


async def test_alert_to_chooses_the_channels(chat: Chat) -> None:
    """A message reaches the channels its ``to`` names, and all of them when it names none."""
    publisher = _publisher(Channels({name: f"json://{chat.address}/{name}" for name in ("ops", "sales")}))
    await publisher.publish(compose([alert(1, to=("ops",))]))
    assert (chat.count("/ops"), chat.count("/sales")) == (1, 0)
    await publisher.publish(compose([alert(2)]))
    assert (chat.count("/ops"), chat.count("/sales")) == (2, 1)
    got = chat.received["/sales"][0]
    assert got["title"] == "[trapline] pricing: 1 page failed: https://example.com/2"
    assert "https://example.com/2" in got["message"]
    assert "timeout: 30 s" in got["message"]


async def test_a_failed_channel_is_retried_alone_and_never_repeats_the_others(chat: Chat) -> None:
    """While one channel is broken the other gets the message once, the broken one three times; it counts as sent."""
    chat.broken.add("/bad")
    channels = Channels({"good": f"json://{chat.address}/good", "bad": f"json://{chat.address}/bad"})
    assert await _publisher(channels).publish(compose([alert(1)]))
    assert (chat.count("/good"), chat.count("/bad")) == (1, 3)


async def test_no_channel_at_all_is_transient(chat: Chat) -> None:
    """When no channel took the message it stays due."""
    chat.broken.add("/bad")
    with pytest.raises(TransientError, match="failed: bad"):
        await _publisher(Channels({"bad": f"json://{chat.address}/bad"})).publish(compose([alert(1)]))


async def test_an_unknown_channel_is_refused(chat: Chat) -> None:
    """``to`` naming no channel there is can't be mended by trying again; the operations topic gets it."""
    with pytest.raises(RefusedError, match="absent"):
        await _publisher(Channels({"ops": f"json://{chat.address}/ops"})).publish(compose([alert(1, to=("absent",))]))


async def test_a_hanging_channel_ends_in_time(chat: Chat) -> None:
    """A channel that never answers fails after its own time-out while the other delivers."""
    channels = Channels({"hang": f"json://{chat.address}/hang?rto=0.2", "good": f"json://{chat.address}/good"})
    outcome = await asyncio.wait_for(channels.deliver(("hang", "good"), subject="s", text="t"), 5)
    assert (outcome.delivered, outcome.failed) == (("good",), ("hang",))


async def test_slack_gets_markup_and_no_mention_of_a_pages_making(chat: Chat, monkeypatch: pytest.MonkeyPatch) -> None:
    """Apprise's Slack channel sends our bold and code, and nothing a page wrote is a mention or a link there."""
    monkeypatch.setattr(NotifySlack, "webhook_url", f"http://{chat.address}")
    channels = Channels({"slack": "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/"})
    rows = [
        alert(1, "change", title=HOSTILE, fields=[{"name": "a", "old": HOSTILE, "new": HOSTILE}], diff=f"+{HOSTILE}")
    ]
    await _publisher(channels).publish(compose(rows))
    ((got,),) = chat.received.values()
    text = json.dumps(got, ensure_ascii=False)
    assert "*pricing: 1 page changed*" in text
    assert "<!channel>" not in text
    assert "@here" not in text
    assert "<script>" not in text


async def test_one_failing_publisher_keeps_no_other_from_sending(chat: Chat) -> None:
    """The fan-out sends through every publisher before it raises what went wrong."""
    chat.broken.add("/bad")
    bad = _publisher(Channels({"bad": f"json://{chat.address}/bad"}))
    good = _publisher(Channels({"good": f"json://{chat.address}/good"}))
    with pytest.raises(TransientError):
        await FanOut([bad, good]).publish(compose([alert(1)]))
    assert chat.count("/good") == 1


async def test_the_relay_delivers_what_sns_hands_it(chat: Chat) -> None:
    """An SNS event becomes a chat message; a broken channel raises, and its retry goes to that one alone."""
    channels = Channels({"good": f"mmost://{chat.address}/hook-good", "bad": f"json://{chat.address}/bad"})

    async def get() -> Channels:
        return channels

    services = RelayServices(channels=get)
    context = LocalContext(aws_request_id="r", deadline=Deadline.after(60, clock=Clock()))
    message = compose([alert(1)])
    event = sns_event(channel_texts(message)["default"])
    chat.broken.add("/bad")
    with pytest.raises(TransientError, match="bad"):
        await handle_relay(event, context, services)
    chat.broken.clear()
    assert await handle_relay(event, context, services) == Relayed(delivered=1, dropped=0)
    assert (chat.count("/hooks/hook-good"), chat.count("/bad")) == (1, 2)
    assert "https://example.com/1" in chat.received["/hooks/hook-good"][0]["text"]


async def test_a_test_alert_says_which_channel_works(chat: Chat) -> None:
    """``send_test`` tries every channel and names what failed."""
    chat.broken.add("/bad")
    publishers = {name: _publisher(Channels({name: f"json://{chat.address}/{name}"})) for name in ("good", "bad")}
    went = await send_test(publishers, at=AT)
    assert went["good"] is None
    assert went["bad"] is not None
    assert "a test: this channel works" in chat.received["/good"][0]["message"]


def test_an_unknown_address_is_refused_without_showing_it() -> None:
    """Apprise's refusal is ours, by the channel's name; the address may hold a token."""
    with pytest.raises(InputRefusedError, match="channel ops") as caught:
        Channels({"ops": "nonsense://token123/"})
    assert "token123" not in str(caught.value)
