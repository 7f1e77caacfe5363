"""The answers of handlers: what the release before answered is read by this one, and the other way round.

The golden files are the contract, as those of the messages: ``v0`` is what the release before answered, ``v1`` what
this one answers.
"""

import json
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from trapline.remote.protocol import PageEnd, Performed
from trapline_common.domain.answers import (
    Answer,
    Awaited,
    ChannelNames,
    Checked,
    Counted,
    Crawled,
    Drained,
    Enqueued,
    FailuresRecorded,
    NextItem,
    Opened,
    Reaped,
    Refused,
    Relayed,
    WaveGivenUp,
    accepted,
    read_answer,
)
from trapline_common.domain.errors import MessageRefusedError, UnreadableAnswerError
from trapline_common.domain.ids import RunId
from trapline_common.domain.lifecycle import RunStatus
from trapline_common.domain.messages import VERSION, WaveItem
from trapline_common.domain.via import Via

from . import release_before

GOLDEN = Path(__file__).parent / "golden" / "answers"
REFUSED = "refused"

ANSWERS: dict[str, Answer] = {
    "opened": Opened(run_id=RunId(41), status=RunStatus.OPEN, tasks=3, asked=2),
    "opened-repeated": Opened(run_id=RunId(41), status=RunStatus.OPEN, repeated=True),
    "opened-waiting": Opened(run_id=RunId(42), status=RunStatus.OPENING, waits_for=RunId(41)),
    "opened-skipped": Opened(run_id=RunId(42), status=RunStatus.ENDED, waits_for=RunId(41)),
    "opened-pages-refused": Opened(
        run_id=RunId(43), status=RunStatus.ENDED, pages_refused="crawls.docs.sitemap: an HTML page, not a sitemap"
    ),
    "enqueued": Enqueued(run_id=RunId(41), added=2, asked=1),
    "counted": Counted(asked=2),
    "reaped": Reaped(
        orphaned=1, returned=25, poisoned=1, ended=2, asked_again=1, resumed=1, asked=3, archived=2, retired=4
    ),
    "failures-recorded": FailuresRecorded(failed=1, ended=0),
    "crawled": Crawled(done=20, failed=2, retried=1, rescued=0, handed_back=3, put_off=1, stale=0, shares=2),
    "crawled-lost": Crawled(done=4, stale=1, shares=1, lost=True),
    "crawled-duplicate": Crawled(duplicate=True),
    "drained": Drained(sent=12, refused=1, released=3, messages=2),
    "relayed": Relayed(delivered=1, dropped=0),
    "performed": Performed(exit=1, stdout='{"runs": []}\n', stderr="trapline: no\n"),
    REFUSED: Refused(reason="no crawl 'nope' in the config; it has: docs"),
}
NEW: dict[str, Answer] = {
    "performed-page": Performed(exit=0, stdout="{}\n", page=PageEnd(last=7, more=True)),
    "checked": Checked(
        profiles={"multi": None, "single": "the page's text is ''"}, seconds={"multi": 0.4, "single": 0.5}
    ),
    "channel-names": ChannelNames(channels=("team", "on-call")),
    "awaited": Awaited(run_id=RunId(41), ended=False),
    "next-item": NextItem(
        item=WaveItem(
            invocation_id=UUID("5b1f3f0e-6c1d-4f7e-9d61-2f4f5c7b8a90"),
            lane="bulk",
            via=Via.MAP,
            wave=UUID("0f6a1f9c-2f0e-4a43-8a51-8c0a6f7d2b11"),
        )
    ),
    "next-none": NextItem(),
    "wave-given-up": WaveGivenUp(orphaned=2, asked=1),
    "crawled-for-an-execution": Crawled(
        done=20, failed=2, retried=1, rescued=0, handed_back=3, put_off=1, stale=0, shares=2, due=True
    ),
}
"""Answers that the release before did not give."""


def golden(version: int, name: str) -> dict[str, Any]:
    """Return one golden answer."""
    found: dict[str, Any] = json.loads((GOLDEN / f"v{version}" / f"{name}.json").read_text())
    return found


def read(name: str, body: dict[str, Any]) -> Answer:
    """Read a body as its caller does."""
    return read_answer(type((ANSWERS | NEW)[name]), body)


def test_every_answer_has_its_golden_files() -> None:
    """An answer without a golden file, of this version and the one before, is under no contract."""
    assert {file.stem for file in (GOLDEN / "v0").glob("*.json")} == set(ANSWERS)
    assert {file.stem for file in (GOLDEN / f"v{VERSION}").glob("*.json")} == set(ANSWERS | NEW)


@pytest.mark.parametrize("name", ANSWERS | NEW)
def test_what_is_answered_is_what_was_agreed(name: str) -> None:
    """The bytes of an answer are those of its golden file: key by key, nothing more, nothing less."""
    assert json.loads(json.dumps((ANSWERS | NEW)[name].body())) == golden(VERSION, name)


@pytest.mark.parametrize("name", sorted(set(ANSWERS) - {REFUSED}))
@pytest.mark.parametrize("version", [0, VERSION])
def test_this_version_and_the_one_before_are_read(name: str, version: int) -> None:
    """Services deploy one at a time, in any order: both versions mean the same."""
    assert read(name, golden(version, name)).model_copy(update={"v": VERSION}) == ANSWERS[name]


@pytest.mark.parametrize("version", [0, VERSION])
@pytest.mark.parametrize("kind", [Opened, Enqueued, Counted, Reaped, FailuresRecorded, Drained, Crawled])
def test_a_refused_message_is_raised_for_each_kind_of_answer(kind: type[Answer], version: int) -> None:
    """A refusal has no run and no number: no answer of another kind is taken for one, and none for another."""
    with pytest.raises(MessageRefusedError, match="no crawl 'nope'"):
        read_answer(kind, golden(version, REFUSED))
    with pytest.raises(MessageRefusedError, match="no crawl 'nope'"):
        read_answer(kind, golden(version, REFUSED) | {"v": VERSION, "from_the_future": 1})
    with pytest.raises(MessageRefusedError, match="no crawl 'nope'"):
        accepted(kind, ANSWERS[REFUSED])


def test_a_run_whose_pages_are_refused_is_no_refused_message() -> None:
    """Both carry ``refused`` on the wire; the run is there in one of them, and the caller gets it."""
    found = read_answer(Opened, golden(0, "opened-pages-refused"))
    assert (found.run_id, found.pages_refused) == (43, "crawls.docs.sitemap: an HTML page, not a sitemap")


@pytest.mark.parametrize("name", sorted(set(ANSWERS | NEW) - {REFUSED}))
def test_keys_of_a_newer_handler_are_ignored_and_another_version_is_an_error(name: str) -> None:
    """A handler of the next release may add keys within a version; the reader refuses another version."""
    assert read(name, golden(VERSION, name) | {"from_the_future": {"deep": [1]}}) == (ANSWERS | NEW)[name]
    with pytest.raises(UnreadableAnswerError, match="v: "):
        read(name, golden(VERSION, name) | {"v": VERSION + 1})


def test_an_answer_of_another_shape_is_an_error_with_the_field() -> None:
    """An answer that lacks what the caller needs is no success."""
    with pytest.raises(UnreadableAnswerError, match=r"Enqueued: run_id: Field required"):
        read_answer(Enqueued, {"asked": 1})
    with pytest.raises(TypeError, match="Counted is no answer to this message"):
        accepted(Reaped, Counted(asked=1))


def test_the_release_before_reads_a_refused_message_as_one() -> None:
    """Its callers know a refusal by its only key, so there is no other."""
    with pytest.raises(MessageRefusedError, match="no crawl 'nope'"):
        release_before.ask_deployed(golden(VERSION, REFUSED))


@pytest.mark.parametrize("name", [name for name in ANSWERS if name.startswith("opened")])
def test_the_release_before_reads_what_became_of_a_run(name: str) -> None:
    """Its `run` and `retry` print for an answer of this release what they print for their own."""
    new, old = release_before.ask_deployed(golden(VERSION, name)), golden(0, name)
    assert release_before.run("docs", new) == release_before.run("docs", old)
    assert release_before.retry(new) == release_before.retry(old)


def test_the_release_before_reads_the_numbers() -> None:
    """Its `reap` shows the same counts, and its runtime counts the same reported failures."""
    new = release_before.ask_deployed(golden(VERSION, "reaped"))
    assert release_before.reap(new) == release_before.reap(golden(0, "reaped"))
    recorded = release_before.ask_deployed(golden(VERSION, "failures-recorded"))
    assert release_before.report_dead(recorded) == release_before.report_dead(golden(0, "failures-recorded"))


@pytest.mark.parametrize("name", sorted(set(ANSWERS) - {REFUSED}))
def test_every_key_of_the_release_before_is_still_answered(name: str) -> None:
    """Names and values on the wire stay; this release only adds."""
    assert golden(0, name).items() <= golden(VERSION, name).items()
