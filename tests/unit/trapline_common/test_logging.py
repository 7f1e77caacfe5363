"""Logs: one JSON object a line, with what is bound, and without secrets."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from support.logs import logged
from support.secret_spellings import held
from trapline_common.content.secret_finder import SecretFinder
from trapline_common.platform.logging import configure, get_logger, keep_out


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    """A stream that gets this test's logs; the process's own logging is as before afterwards."""
    with logged("crawler") as out:
        yield out


def _lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_is_json_with_everything_bound(stream: io.StringIO) -> None:
    """Event, level, service, part, time and the invocation's context are members of one object."""
    with structlog.contextvars.bound_contextvars(run_id=4):
        get_logger("browser").info("visited", url="https://example.com/é", pages=3)
    get_logger("browser").debug("not shown")
    (line,) = _lines(stream)
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "event": "visited",
        "url": "https://example.com/é",
        "pages": 3,
        "run_id": 4,
        "level": "info",
        "logger": "trapline.browser",
        "service": "crawler",
    }


def test_no_secret_is_written(stream: io.StringIO) -> None:
    """Values under a secret's name, and passwords in URLs, are hidden at any depth, in events and in tracebacks."""
    log = get_logger("store")
    log.info(
        "opened", dsn="postgres://u:hunter2@h/db", headers={"Authorization": "hunter2"}, urls=["https://a:hunter2@b/"]
    )
    log.warning("see https://user:hunter2@example.com/", password="hunter2", database_url="hunter2")
    log.error("failed", exc_info=ValueError("postgres://u:hunter2@h/db"))
    assert len(_lines(stream)) == 3
    assert "hunter2" not in stream.getvalue()
    assert "ValueError" in stream.getvalue()


def test_the_libraries_logs_look_the_same(stream: io.StringIO) -> None:
    """What other packages log from warnings up is JSON as well, with the bound context, and cleaned."""
    with structlog.contextvars.bound_contextvars(run_id=4):
        logging.getLogger("botocore").warning("retry of https://u:p@h/")
    logging.getLogger("botocore").info("chatter")
    (line,) = _lines(stream)
    assert (line["event"], line["run_id"], line["logger"]) == ("retry of https://[hidden]@h/", 4, "botocore")


def test_configuring_again_replaces_the_first(stream: io.StringIO) -> None:
    """A second call, as in a warm environment, doubles no line and moves the output."""
    second = io.StringIO()
    configure(service="notifier", stream=second)
    get_logger("x").info("hello")
    assert stream.getvalue() == ""
    assert [line["service"] for line in _lines(second)] == ["notifier"]


@pytest.mark.usefixtures("stream")
def test_a_terminal_gets_lines_for_a_person() -> None:
    """On a terminal the line is no JSON, and as free of secrets."""
    out = _Terminal()
    configure(service="crawler", stream=out)
    get_logger("x").info("hello", token="hunter2")
    assert "hello" in out.getvalue()
    assert "hunter2" not in out.getvalue()
    assert not out.getvalue().startswith("{")


@pytest.mark.usefixtures("stream")
def test_a_traceback_on_a_terminal_shows_no_local_variable() -> None:
    """What a person sees of an error is where it was, and no value that a function held."""
    out = _Terminal()
    configure(service="crawler", stream=out)

    def fail(held: str) -> None:
        raise ValueError(len(held))

    try:
        fail("hunter" + "2")
    except ValueError:
        get_logger("x").exception("failed")
    assert "ValueError: 7" in out.getvalue()
    assert "hunter2" not in out.getvalue()


@pytest.mark.usefixtures("stream")
@pytest.mark.parametrize("terminal", [False, True])
def test_what_was_to_be_kept_out_is_in_no_line(terminal: bool) -> None:
    """In an event, a key, a value at any depth, an object's text, a traceback: for programs and for a person."""
    key = "sk_live_51H8xAbCdEfGhIjKl"
    keep_out(SecretFinder({"K": key}).scrub_again)
    out = _Terminal() if terminal else io.StringIO()
    configure(service="crawler", stream=out)
    log = get_logger("visit")
    log.info(
        "at https://e.com/",
        url=f"https://e.com/?k={key}",
        part=[{key: {"deep": (key.upper(),)}}],
        error=ValueError(key),
    )
    logging.getLogger("playwright").warning("library: %s", key)
    broken = ValueError(f"inner {key}")
    broken.__cause__ = KeyError(key)
    log.error("visit_broke", exc_info=broken)
    assert out.getvalue().count("${secret:K}") >= 6
    assert held(out.getvalue().replace("${secret:K}", "|"), key) is None


@pytest.mark.parametrize("event", ["nothing_was_due", "known"])
def test_what_is_constant_in_a_line_stays_whatever_a_secret_is(monkeypatch: pytest.MonkeyPatch, event: str) -> None:
    """Alarms count lines by it: a secret of two letters may not silence one. A library's text is cleaned."""
    monkeypatch.setattr("trapline_common.platform.logging._scrubbers", [])
    keep_out(SecretFinder({"K": "no"}).scrub_again)
    with logged("notifier") as out:
        get_logger("notifier").info(event, reason="no")
        logging.getLogger("library").warning("no")
    ours, other = map(json.loads, out.getvalue().splitlines())
    assert (ours["event"], ours["service"], ours["logger"]) == (event, "notifier", "trapline.notifier")
    assert (ours["reason"], other["event"]) == ("${secret:K}", "${secret:K}")
