"""Apprise's channels over real HTTP: a web server on loopback plays the chat."""

import asyncio
import io
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import apprise
import pytest
from apprise.plugins.slack import NotifySlack

from support.alerts import AT, Clock, alert, sns_event
from support.receivers import Chat, chat_server, mail_server
from trapline_common.alerts.page_state import AlertDraft, AlertKind
from trapline_common.domain.answers import Drained, Relayed, accepted
from trapline_common.domain.errors import InputRefusedError, TransientError
from trapline_common.domain.messages import Drain
from trapline_common.ledger.connection import Database
from trapline_common.ledger.outbox import PostgresOutbox, add_alert
from trapline_common.local.secrets import LocalSecrets
from trapline_common.platform.lambda_runtime import Deadline, LocalContext
from trapline_notifier import wiring
from trapline_notifier.drain import OutboxDrain
from trapline_notifier.handler import handle
from trapline_notifier.message import channel_texts, compose
from trapline_notifier.pace import Pacer
from trapline_notifier.ports import Channel
from trapline_notifier.publishers import channels as channels_module
from trapline_notifier.publishers.channels import PACE, Channels, Texts
from trapline_notifier.publishers.chat import ChatPublisher
from trapline_notifier.publishers.console import LogOperations
from trapline_notifier.publishers.fitting import cut, fitted
from trapline_notifier.publishers.http_answers import seconds_until
from trapline_notifier.publishers.relayed import RelayedPublisher, relayed_channels
from trapline_notifier.relay import handle_relay
from trapline_notifier.services import TERMINAL, RelayServices
from trapline_notifier.trial import send_test

pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")  # an import of Apprise's

HOSTILE = "<!channel> @here <script>alert(1)</script> *b* `c`"


@pytest.fixture
def chat() -> Iterator[Chat]:
    """A running chat server."""
    with chat_server() as found:
        yield found


def _publisher(channels: Channels, name: str) -> ChatPublisher:
    return ChatPublisher(channels, name, sleep=Clock().sleep)


@asynccontextmanager
async def _machine(chat: Chat, dsn: str, folder: Path, *names: str) -> AsyncIterator[Callable[[], Awaitable[Drained]]]:
    """One machine whose channels file names these paths of the chat; the block gets what drains its outbox."""
    (folder / "channels.yaml").write_text("".join(f"{name}: json://{chat.address}/{name}\n" for name in names))
    services = await wiring.local_services(
        dsn, data_dir=folder, secrets=LocalSecrets({}, folder / "secrets"), stream=io.StringIO()
    )
    services = replace(services, pacer=Pacer(sleep=Clock().sleep))

    async def drain() -> Drained:
        context = LocalContext(aws_request_id="r", deadline=Deadline.after(60))
        return accepted(Drained, await handle(Drain().event(), context, services))

    yield drain


async def _write(database: Database, *, to: tuple[str, ...] = ()) -> None:
    payload = {"url": "https://example.com/7", "reason": "timeout", "detail": "30 s", "failures": 2}
    await add_alert(database, AlertDraft(kind=AlertKind.FAILURE, payload=payload, to=to), crawl="docs", run_id=None)


async def test_alert_to_chooses_the_channels(chat: Chat, dsn: str, database: Database, tmp_path: Path) -> None:
    """A message reaches the channels that ``to`` names, all of them when it names none, and the terminal always."""
    async with _machine(chat, dsn, tmp_path, "ops", "sales") as drain:
        await _write(database, to=("ops",))
        assert (await drain()).sent == 2
        assert (chat.count("/ops"), chat.count("/sales")) == (1, 0)
        await _write(database)
        assert (await drain()).sent == 3
    assert (chat.count("/ops"), chat.count("/sales")) == (2, 1)
    got = chat.received["/sales"][0]
    assert got["title"] == "[trapline] docs: 1 page failed: https://example.com/7"
    assert "https://example.com/7" in got["message"]
    assert "timeout: 30 s" in got["message"]


async def test_a_failed_channel_is_retried_alone_and_never_repeats_the_others(
    chat: Chat, dsn: str, database: Database, tmp_path: Path
) -> None:
    """While one channel is broken the other gets the message once; the broken one gets it when it is back."""
    chat.broken.add("/bad")
    await _write(database)
    async with _machine(chat, dsn, tmp_path, "good", "bad") as drain:
        with pytest.raises(TransientError, match="channel bad did not take the message"):
            await drain()
        assert (chat.count("/good"), chat.count("/bad")) == (1, 3)
        chat.broken.clear()
        await database.connection.execute("UPDATE trapline.delivery SET next_try_at = now() WHERE status = 'due'")
        assert (await drain()).sent == 1
        assert (chat.count("/good"), chat.count("/bad")) == (1, 4)
        assert chat.received["/bad"][3] == chat.received["/bad"][0]
    assert await database.connection.fetchval("SELECT status::text FROM trapline.alert") == "sent"


async def test_a_name_that_is_no_channel_is_refused_and_the_terminal_still_tells(
    chat: Chat, dsn: str, database: Database, tmp_path: Path
) -> None:
    """``to`` naming no channel there is can't be mended by trying again; the ledger keeps that it was refused."""
    await _write(database, to=("absent",))
    async with _machine(chat, dsn, tmp_path, "ops") as drain:
        drained = await drain()
    assert (drained.sent, drained.refused) == (1, 1)
    assert chat.received == {}
    rows = await database.connection.fetch("SELECT channel, status::text FROM trapline.delivery ORDER BY channel")
    assert [tuple(row) for row in rows] == [("absent", "refused"), (TERMINAL, "sent")]


async def test_a_hanging_channel_ends_in_time(chat: Chat) -> None:
    """A channel that never answers fails after its own time-out while the other delivers."""
    channels = Channels({"hang": f"json://{chat.address}/hang?rto=0.2", "good": f"json://{chat.address}/good"})
    outcome = await asyncio.wait_for(channels.deliver(("hang", "good"), Texts(subject="s", text="t")), 5)
    assert (outcome.delivered, outcome.failed) == (("good",), ("hang",))


async def test_slack_gets_markup_and_no_mention_of_a_pages_making(chat: Chat, monkeypatch: pytest.MonkeyPatch) -> None:
    """Apprise's Slack channel sends our bold and code, and nothing a page wrote is a mention or a link there."""
    monkeypatch.setattr(NotifySlack, "webhook_url", f"http://{chat.address}")
    channels = Channels({"slack": "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/"})
    rows = [
        alert(1, "change", title=HOSTILE, fields=[{"name": "a", "old": HOSTILE, "new": HOSTILE}], diff=f"+{HOSTILE}")
    ]
    await _publisher(channels, "slack").publish(compose(rows))
    ((got,),) = chat.received.values()
    text = json.dumps(got, ensure_ascii=False)
    assert "*pricing: 1 page changed*" in text
    assert "<!channel>" not in text
    assert "@here" not in text
    assert "<script>" not in text


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


async def test_the_relays_channels_each_keep_their_order(chat: Chat, dsn: str, database: Database) -> None:
    """A chat that is away for a failure gets it before the recovery, and the other chat waits for neither."""
    chats = Channels({name: f"json://{chat.address}/{name}" for name in ("good", "bad")})

    async def get() -> Channels:
        return chats

    relay = RelayServices(channels=get)
    context = LocalContext(aws_request_id="r", deadline=Deadline.after(60))

    async def ask(event: Mapping[str, Any]) -> Mapping[str, Any]:
        return (await handle_relay(event, context, relay)).body()

    channels = [Channel(name=name, publisher=RelayedPublisher(ask, name)) for name in await relayed_channels(ask)]

    async def drain() -> None:
        clock = Clock()
        async with await Database.connect(dsn) as own:
            await OutboxDrain(
                outbox=PostgresOutbox(own),
                channels=channels,
                operations=LogOperations(),
                pacer=Pacer(sleep=clock.sleep),
                deadline=Deadline.after(300, clock=clock),
            ).run()

    chat.broken.add("/bad")
    for kind in ("failure", "recovery"):
        await database.connection.execute(
            "INSERT INTO trapline.alert (kind, crawl, page_id, payload) VALUES ($1, 'docs', 7, $2)",
            kind,
            json.dumps({"url": "https://example.com/7", "reason": "timeout", "failures": 2}),
        )
        with suppress(TransientError):
            await drain()
    assert (chat.count("/good"), chat.count("/bad")) == (2, 1)
    chat.broken.clear()
    await database.connection.execute("UPDATE trapline.delivery SET next_try_at = now() WHERE message_id IS NOT NULL")
    await drain()
    assert [each["title"] for each in chat.received["/bad"][1:]] == [each["title"] for each in chat.received["/good"]]
    assert "good again" in chat.received["/bad"][2]["title"]


async def test_a_test_alert_says_which_channel_works(chat: Chat) -> None:
    """``send_test`` tries every channel and names what failed."""
    chat.broken.add("/bad")
    publishers = {name: _publisher(Channels({name: f"json://{chat.address}/{name}"}), name) for name in ("good", "bad")}
    went = await send_test(publishers, at=AT)
    assert went["good"] is None
    assert went["bad"] is not None
    assert "a test: this channel works" in chat.received["/good"][0]["message"]


def test_an_unknown_address_is_refused_without_showing_it() -> None:
    """Apprise's refusal is ours, by the channel's name; the address may hold a token."""
    with pytest.raises(InputRefusedError, match="channel ops") as caught:
        Channels({"ops": "nonsense://token123/"})
    assert "token123" not in str(caught.value)


def test_an_address_that_is_not_taken_is_in_no_log(caplog: pytest.LogCaptureFixture) -> None:
    """Apprise logs the address that it can't read, and of some services the token that it does not like."""
    for address in ("nonsense://token123/", "ftp://token123", "tgram://token123/", "discord://token123"):
        with pytest.raises(InputRefusedError):
            Channels({"ops": address})
    assert "token123" not in caplog.text


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_no_delivery(status: int, chat: Chat) -> None:
    """What is behind it would be asked without the message, and say 200; the error says what to do."""
    publisher = _publisher(Channels({"moved": f"json://{chat.address}/moved/{status}"}), "moved")
    with pytest.raises(TransientError, match=rf"HTTP {status}, which names another address"):
        await publisher.publish(compose([alert(1)]))
    assert chat.count("/landed") == 0


@pytest.mark.parametrize("path", ["drip", "drip-head", "hang"])
def test_a_channel_that_never_ends_its_answer_keeps_no_command(path: str, chat: Chat, tmp_path: Path) -> None:
    """The command ends though the service goes on, however it does: here a process of its own, as a command is."""
    program = tmp_path / "command.py"
    program.write_text(
        "import asyncio, sys\n"
        "from trapline_notifier.publishers import channels, http_answers\n"
        "channels.TIMEOUT, http_answers.WITHIN = 2.0, 1.0\n"
        "texts = channels.Texts(subject='s', text='t')\n"
        "went = asyncio.run(channels.Channels({'a': sys.argv[1]}).deliver(('a',), texts))\n"
        "print(went.failed)\n"
    )
    address = f"json://{chat.address}/{path}?rto=60"
    ended = subprocess.run(
        [sys.executable, program, address], capture_output=True, text=True, timeout=40, check=True
    )  # 40 s: a loaded machine takes ten to load Apprise
    assert ended.stdout.splitlines()[-1] == "('a',)"


async def test_sends_that_never_end_hold_few_threads(chat: Chat, monkeypatch: pytest.MonkeyPatch) -> None:
    """A channel some of whose sends have not ended is not asked; it costs no other channel its thread."""
    monkeypatch.setattr(channels_module, "TIMEOUT", 0.2)
    channels = Channels({"hang": f"json://{chat.address}/hang?rto=60", "good": f"json://{chat.address}/good"})
    for _ in range(2 * channels_module.UNENDED):
        await channels.deliver(("hang",), Texts(subject="s", text="t"))
    assert chat.count("/hang") == channels_module.UNENDED
    monkeypatch.setattr(channels_module, "TIMEOUT", 15.0)
    assert (await channels.deliver(("good",), Texts(subject="s", text="t"))).delivered == ("good",)
    chat.ended.set()
    async with asyncio.timeout(10):
        while not (await channels.deliver(("hang",), Texts(subject="s", text="t"))).delivered:
            pass  # until the sends that were given up have ended


async def test_a_channel_names_the_time_to_ask_again(chat: Chat) -> None:
    """``Retry-After``, in seconds or as a date, and the status go with the error; nothing is asked before that time."""
    channels = Channels({"busy": f"json://{chat.address}/busy"})
    publisher = _publisher(channels, "busy")
    for header, wanted in (("7", 7.0), (format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True), 90.0)):
        chat.busy = header
        before = chat.count("/busy")
        with pytest.raises(TransientError, match="HTTP 429") as refused:
            await publisher.publish(compose([alert(1)]))
        assert refused.value.again_after == pytest.approx(wanted, abs=5)
        assert chat.count("/busy") == before + 1
    chat.busy = "0"
    with pytest.raises(TransientError):
        await publisher.publish(compose([alert(1)]))
    for nonsense in (None, "", "soon", "-1", "1.5"):
        assert seconds_until(nonsense, now=AT) is None


async def test_a_channel_that_wants_time_keeps_the_message_in_the_ledger(
    chat: Chat, database: Database, dsn: str, tmp_path: Path
) -> None:
    """The delivery waits as long as the channel said, and not the usual back-off; another channel has it at once."""
    chat.busy = "33"
    await _write(database)
    async with _machine(chat, dsn, tmp_path, "busy", "good") as drain:
        with pytest.raises(TransientError):
            await drain()
    assert (chat.count("/busy"), chat.count("/good")) == (1, 1)
    waits = "SELECT round(extract(epoch FROM next_try_at - now())) FROM trapline.delivery WHERE status = 'due'"
    assert 25 <= int(await database.connection.fetchval(waits)) <= 33


@pytest.mark.parametrize(
    ("address", "least", "most"),
    [
        ("discord://1234/abcd", 1_000, 2_000),
        ("slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/", 5_000, 35_000),
        ("rocket://user:pass@localhost/room", 500, 1_000),
        ("pover://user@token", 500, 1_024),
        ("mailto://localhost?from=a@example.com&to=b@example.com", 12_000, 32_768),
    ],
)
def test_each_channel_has_its_own_length(address: str, least: int, most: int) -> None:
    """Whole items as far as a service takes them, and no block that stays open."""
    rows = [alert(n, "change", diff="-old\n+new\n" * 150, title="t" * 200) for n in range(1, 21)]
    message = compose(rows)
    found = apprise.Apprise()
    found.add(address)
    (service,) = found
    texts = Texts(subject=message.subject, text=message.chat, long_text=message.long_chat, mail=message.email)
    body, _ = fitted(service, texts)
    assert least <= len(body) <= most
    assert body.count("```") % 2 == 0
    assert len(cut("x" * 300, 140)) <= 140
    assert len(cut("x" * 300, 20)) <= 20


async def test_a_service_of_no_known_pace_gets_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two mails in a row the second waits for a tenth of a second, and not for the 5.5 s that Apprise supposes."""
    waited: list[float] = []
    monkeypatch.setattr(apprise.url, "time", SimpleNamespace(sleep=waited.append))
    with mail_server() as box:
        publisher = _publisher(
            Channels({"mail": f"mailto://{box.address}?from=a@example.com&to=b@example.com"}), "mail"
        )
        for number in (1, 2):
            await publisher.publish(compose([alert(number)]))
    assert [mail["Subject"] for mail in box.mails] == [compose([alert(number)]).subject for number in (1, 2)]
    assert sum(waited) <= PACE


def test_mail_keeps_each_line_of_a_difference() -> None:
    """What goes to a mail service is the plain text as it stands, markup escaped, in a block that keeps its lines."""
    found = apprise.Apprise()
    found.add("mailto://localhost?from=a@example.com&to=b@example.com")
    (service,) = found
    message = compose([alert(1, "change", diff="@@ -1 +1 @@\n-<b>two</b>\n+2")])
    texts = Texts(subject=message.subject, text=message.chat, long_text=message.long_chat, mail=message.email)
    body, form = fitted(service, texts)
    assert form == apprise.NotifyFormat.HTML
    lines = body.split("\n")
    assert lines[0].startswith("<pre>")
    assert [line.strip() for line in lines if "two" in line or "+2" in line] == ["-&lt;b&gt;two&lt;/b&gt;", "+2"]
