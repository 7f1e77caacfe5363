"""What a person writes is checked before it runs: text that the ledger can't hold is refused, and its place named."""

import json
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trapline.execute import execute
from trapline.exit_codes import ExitCode
from trapline.remote.protocol import parse_call
from trapline_common.config.load import parse_config
from trapline_common.domain.errors import InputRefusedError, MessageRefusedError
from trapline_common.domain.messages import parse_crawl, parse_dispatcher, parse_drain
from trapline_common.domain.storable_text import first_fault, text_fault
from trapline_common.ledger.connection import to_text
from trapline_common.ledger.retention import RETENTION_DAYS, Retention

PAGES = "urls: [https://example.com/]"


@given(st.text(st.characters(categories=None) | st.sampled_from("\x00\ud800\udcff\udfff")))
def test_a_text_has_no_fault_exactly_when_the_ledger_takes_it_as_it_is(text: str) -> None:
    """The check and the mending of a page's text agree on what can't be held."""
    assert (text_fault(text) is None) == (to_text(text) == text)


@pytest.mark.parametrize(
    ("value", "fault"),
    [
        ("a\x00", "message: holds a NUL character"),
        ({"urls": ["fine", "a\x00"]}, "urls.1: holds a NUL character"),
        ({"a": {"b": "\ud83d"}}, "a.b: holds U+D83D, half of a character: write the character itself"),
        ({"a": ("\udcff",)}, "a.0: holds the byte 0xff, which is not UTF-8"),
        ({"a": {"\x00": 1}}, "a.'\\x00': the key holds a NUL character"),
        ({"a": [1, None, True, 2.5, "\U0001f600"]}, None),
    ],
)
def test_a_fault_is_found_wherever_it_is(value: object, fault: str | None) -> None:
    """In lists, in maps, in their keys; whole characters beyond the first plane are none."""
    assert first_fault(value) == fault


def test_no_nesting_is_too_deep() -> None:
    """An event of a hundred thousand lists in each other is looked through, without an error of Python's."""
    value: object = "\x00"
    for _ in range(100_000):
        value = [value]
    assert (first_fault(value) or "").endswith("holds a NUL character")


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ('watch: "#a\\0b"', "4: crawls.c.watch: holds a NUL character"),
        ('wait_for: "\\ud800"', "4: crawls.c.wait_for: holds U+D800, half of a character: write the character itself"),
        ('expect: {contains: "\\x00"}', "4: crawls.c.expect.contains: holds a NUL character"),
        ('headers: {X-A: "\\0"}', "4: crawls.c.headers.X-A: holds a NUL character"),
        ('ignore: ["a", {pattern: "b\\0"}]', "4: crawls.c.ignore[1].pattern: holds a NUL character"),
        ('steps: [{goto: "https://e.com/\\0"}]', "4: crawls.c.steps[0].goto: holds a NUL character"),
        ('extract: {"a\\0": b}', "4: crawls.c.extract: the key 'a\\x00' holds a NUL character"),
        ('"wat\\ud800ch": a', "4: crawls.c: the key 'wat\\ud800ch' holds U+D800"),
        ('user_agent: "\\udfff"', "4: crawls.c.user_agent: holds U+DFFF"),
    ],
)
def test_a_config_is_refused_with_line_and_field(body: str, problem: str) -> None:
    """YAML's escapes can write what no file's bytes can; each is named where it stands, and nothing runs."""
    with pytest.raises(InputRefusedError) as caught:
        parse_config(f"crawls:\n  c:\n    {PAGES}\n    {body}\n", "crawls.yaml")
    lines = str(caught.value).splitlines()
    assert lines[0].startswith(f"crawls.yaml:{problem}")
    str(caught.value).encode()  # it can be printed


BAD_EVENTS: dict[str, tuple[Callable[[object], object], dict[str, Any], str]] = {
    "a crawl's name": (parse_dispatcher, {"type": "open", "crawl": "a\x00", "request": str(uuid4())}, "crawl: holds a"),
    "a page": (parse_dispatcher, {"type": "enqueue", "run_id": 1, "urls": ["https://e.com/\ud800"]}, "urls.0: holds"),
    "a lane": (parse_dispatcher, {"type": "count", "lane": "\x00"}, "lane: holds a NUL"),
    "a key of a newer sender": (parse_dispatcher, {"type": "reap", "new": {"x": "\udfff"}}, "new.x: holds"),
    "an invocation's lane": (
        parse_crawl,
        {"type": "crawl", "invocation_id": str(uuid4()), "lane": "a\ud800"},
        "lane: holds",
    ),
    "a drain": (parse_drain, {"type": "drain", "v": "\x00"}, "v: holds a NUL"),
    "an operator's command": (parse_call, {"v": 1, "command": ["runs", "--crawl", "\x00"]}, "command.2: holds a NUL"),
    "an operator's standard input": (parse_call, {"v": 1, "command": ["add"], "stdin": "\ud800"}, "stdin: holds"),
    "a name that is too long": (parse_dispatcher, {"type": "count", "lane": "a" * 64}, "lane: String should have"),
    "a run's number": (parse_dispatcher, {"type": "enqueue", "run_id": 2**63, "urls": ["https://e.com/"]}, "run_id"),
    "a number of many digits": (
        parse_dispatcher,
        {"type": "enqueue", "run_id": 10**5000, "urls": ["https://e.com/"]},
        "run_id",
    ),
    **{
        f"the time {at}": (parse_dispatcher, {"type": "tick", "crawl": "a", "scheduled_for": at}, "scheduled_for")
        for at in ("9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:59", 1e300, float("nan"), float("inf"), -1e12)
    },
}


@pytest.mark.parametrize("name", BAD_EVENTS)
def test_an_event_is_refused_with_its_field(name: str) -> None:
    """Whatever a sender puts in, the answer names the field and the reason; no row is written from it."""
    parse, event, reason = BAD_EVENTS[name]
    with pytest.raises(MessageRefusedError) as caught:
        parse(event)
    assert reason in str(caught.value)
    str(caught.value).encode()


def test_json_brings_halves_of_characters_and_whole_ones() -> None:
    """Lambda's events are JSON, whose escapes can write a half; two halves that belong together are one character."""
    event = json.loads('{"type": "count", "lane": "\\ud83d\\ude00"}')
    assert parse_dispatcher(event)
    with pytest.raises(MessageRefusedError, match="half of a character"):
        parse_dispatcher(json.loads('{"type": "count", "lane": "\\ud83d"}'))


@pytest.mark.parametrize(
    "arguments",
    [["runs", "--crawl", "a\x00"], ["tasks", "--url", "\udcff"], ["diff", "https://e.com/\ud800"], ["\x00"]],
)
def test_a_command_is_refused_before_it_does_anything(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """An argument that is not UTF-8, or that holds a NUL, is named by its number; the exit code is 2."""
    assert execute(arguments) == ExitCode.REFUSED
    err = capsys.readouterr().err
    assert f"argument {len(arguments)} (" in err
    assert "Traceback" not in err


def test_a_number_of_days_of_many_digits_is_refused_in_words() -> None:
    """Python reads no number of more than 4,300 digits; the setting says what it takes all the same."""
    with pytest.raises(InputRefusedError, match="TRAPLINE_RETENTION_DAYS"):
        Retention.read({RETENTION_DAYS: "9" * 5000}, archived_only=False)
