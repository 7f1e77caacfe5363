"""The relay: which messages it takes, and what it does about a channel that fails."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from support.alerts import Clock, alert, sns_event
from trapline_common.domain.answers import ChannelNames, Refused, Relayed
from trapline_common.domain.errors import TransientError
from trapline_common.domain.messages import Deliver, ListChannels
from trapline_common.platform.lambda_runtime import Deadline, LocalContext
from trapline_notifier.message import channel_texts, compose
from trapline_notifier.publishers.channels import Channels, Delivery, Texts
from trapline_notifier.publishers.relayed import RelayedPublisher, relayed_channels
from trapline_notifier.relay import REMEMBERED, handle_relay
from trapline_notifier.services import RelayServices

pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")  # an import of Apprise's
CONTEXT = LocalContext(aws_request_id="r-1", deadline=Deadline.after(60, clock=Clock()))
MESSAGE = compose([alert(1)])
EVENT = sns_event(channel_texts(MESSAGE)["default"])


class TwoChannels(Channels):
    """``good`` takes everything, ``bad`` nothing while ``broken``."""

    __slots__ = ("broken", "calls")

    def __init__(self) -> None:
        super().__init__({"good": "json://localhost/", "bad": "json://localhost/"})
        self.broken = True
        self.calls: list[tuple[str, str, str]] = []

    async def deliver(self, names: Sequence[str], texts: Texts, *, done: frozenset[str] = frozenset()) -> Delivery:
        due = [name for name in names if name not in done]
        self.calls += [(name, texts.subject, texts.text) for name in due]
        failed = tuple(name for name in due if name == "bad" and self.broken)
        return Delivery(delivered=tuple(name for name in due if name not in failed), failed=failed)


def _services(channels: Channels) -> RelayServices:
    async def get() -> Channels:
        return channels

    return RelayServices(channels=get)


async def test_a_message_reaches_every_channel_with_its_subject_and_chat_text() -> None:
    """What the drain publishes is what the channels get."""
    channels = TwoChannels()
    channels.broken = False
    result = await handle_relay(EVENT, CONTEXT, _services(channels))
    assert result == Relayed(delivered=1, dropped=0)
    assert channels.calls == [("good", MESSAGE.subject, MESSAGE.chat), ("bad", MESSAGE.subject, MESSAGE.chat)]


async def test_a_failed_channel_is_retried_alone_in_a_warm_environment() -> None:
    """The event is raised for a retry, and the retry sends nothing again to the channel that took the message."""
    channels = TwoChannels()
    services = _services(channels)
    for _ in range(2):
        with pytest.raises(TransientError, match="bad"):
            await handle_relay(EVENT, CONTEXT, services)
    channels.broken = False
    await handle_relay(EVENT, CONTEXT, services)
    assert [name for name, _, _ in channels.calls] == ["good", "bad", "bad", "bad"]
    assert services.delivered == {}


async def test_one_bad_channel_stops_no_other_message() -> None:
    """All records of an event are tried before the error is raised."""
    channels = TwoChannels()
    other = sns_event(channel_texts(compose([alert(2, to=("good",))]))["default"])
    event = {"Records": [*EVENT["Records"], *other["Records"]]}
    with pytest.raises(TransientError):
        await handle_relay(event, CONTEXT, _services(channels))
    assert [name for name, _, _ in channels.calls] == ["good", "bad", "good"]


async def test_only_the_named_channels_are_used() -> None:
    """``alert.to`` chooses; names that are other subscribers' are ignored."""
    channels = TwoChannels()
    event = sns_event(channel_texts(compose([alert(1, to=("good", "an-email-filter"))]))["default"])
    assert (await handle_relay(event, CONTEXT, _services(channels))).delivered == 1
    assert [name for name, _, _ in channels.calls] == ["good"]


@pytest.mark.parametrize(
    "event",
    [
        sns_event("not JSON"),
        sns_event("[]"),
        sns_event({"v": 9, "id": "x", "subject": "s", "text": "t"}),
        sns_event({"v": 1, "id": "x", "subject": "s"}),
        {"Records": [{}]},
        {"Records": [None]},
    ],
)
async def test_what_is_no_message_of_ours_is_dropped(event: dict[str, Any]) -> None:
    """A malformed event is dropped with its reason: no retry can mend it."""
    assert await handle_relay(event, CONTEXT, _services(TwoChannels())) == Relayed(delivered=0, dropped=1)


async def test_memory_of_deliveries_is_bounded() -> None:
    """A warm environment forgets the oldest partial deliveries."""
    channels = TwoChannels()
    services = _services(channels)
    for number in range(REMEMBERED + 10):
        with pytest.raises(TransientError):
            await handle_relay(sns_event(channel_texts(compose([alert(number)]))["default"]), CONTEXT, services)
    assert len(services.delivered) == REMEMBERED


DELIVER = Deliver(channel="good", id="m-1", subject="s", text="t").event()


async def test_the_notifier_learns_the_channels_and_has_one_take_a_message() -> None:
    """The channel gets subject and chat text, alone; a repeat in a warm environment is answered and not sent again."""
    channels = TwoChannels()
    services = _services(channels)

    async def ask(event: Mapping[str, Any]) -> Mapping[str, Any]:
        return (await handle_relay(event, CONTEXT, services)).body()

    assert await relayed_channels(ask) == ("good", "bad")
    for _ in range(2):
        assert await RelayedPublisher(ask, "good").publish(MESSAGE) == MESSAGE.id
    assert channels.calls == [("good", MESSAGE.subject, MESSAGE.chat)]
    with pytest.raises(TransientError, match="channel bad did not take the message"):
        await RelayedPublisher(ask, "bad").publish(MESSAGE)
    channels.broken = False
    await RelayedPublisher(ask, "bad").publish(MESSAGE)
    assert [name for name, _, _ in channels.calls] == ["good", "bad", "bad"]
    with pytest.raises(TransientError, match="there is no channel gone"):
        await RelayedPublisher(ask, "gone").publish(MESSAGE)


async def test_what_the_notifier_serves_itself_does_not_come_twice() -> None:
    """The topic's copy names the channels that its notifier serves; of the release before, it names none."""
    channels = TwoChannels()
    channels.broken = False
    await handle_relay(sns_event({**MESSAGE.data, "served": ["good", "bad"]}), CONTEXT, _services(channels))
    assert channels.calls == []
    await handle_relay(sns_event({**MESSAGE.data, "served": ["good"]}), CONTEXT, _services(channels))
    assert [name for name, _, _ in channels.calls] == ["bad"]


@pytest.mark.parametrize("event", [{}, {"type": "deliver", "channel": "good"}, {**DELIVER, "v": 9}])
async def test_a_question_that_is_none_is_refused(event: dict[str, Any]) -> None:
    """The notifier takes a refusal for trouble that may pass: it may be of another release."""
    channels = TwoChannels()
    assert isinstance(await handle_relay(event, CONTEXT, _services(channels)), Refused)
    assert channels.calls == []

    async def refuses(_event: Mapping[str, Any]) -> Mapping[str, Any]:
        return Refused(reason="type: not known").body()

    with pytest.raises(TransientError, match="type: not known"):
        await RelayedPublisher(refuses, "good").publish(MESSAGE)
    with pytest.raises(TransientError, match="type: not known"):
        await relayed_channels(refuses)


async def test_a_relay_of_the_release_before_takes_nothing_and_knows_no_channels() -> None:
    """It answers any event with counts: neither is taken for a delivery, nor for a list without a channel."""

    async def before(_event: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"delivered": 0, "dropped": 0}

    with pytest.raises(TransientError, match="of a release"):
        await RelayedPublisher(before, "good").publish(MESSAGE)
    with pytest.raises(TransientError, match="relay: "):
        await relayed_channels(before)
    assert ChannelNames(channels=()).body()["channels"] == []
    assert ListChannels().event()["type"] == "channels"
