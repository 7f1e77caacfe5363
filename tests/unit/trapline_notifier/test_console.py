"""Alerts on the terminal."""

import io

from support.alerts import alert
from trapline_notifier.message import compose
from trapline_notifier.publishers.console import ConsolePublisher

CHANGE = compose([alert(1, "change", diff="--- a\n+++ b\n@@ -1 +1 @@\n-old\n+new\n same", fields=[])])


async def test_a_pipe_gets_the_plain_text() -> None:
    """Without a terminal the body is written as it is, with no colour codes."""
    stream = io.StringIO()
    assert await ConsolePublisher(stream).publish(CHANGE) == CHANGE.id
    assert stream.getvalue() == "\n" + CHANGE.body


async def test_a_terminal_gets_colours_around_the_same_text() -> None:
    """In colour the diff's lines are red and green, and the text without the codes is the same."""
    stream = io.StringIO()
    await ConsolePublisher(stream, colour=True).publish(CHANGE)
    shown = stream.getvalue()
    assert "\x1b[31m   -old\x1b[0m" in shown
    assert "\x1b[32m   +new\x1b[0m" in shown
    plain = shown
    for code in ("\x1b[1;34m", "\x1b[31m", "\x1b[32m", "\x1b[36m", "\x1b[0m"):
        plain = plain.replace(code, "")
    assert plain == "\n" + CHANGE.body


async def test_a_terminal_without_unicode_gets_question_marks() -> None:
    """A stream that can't encode a letter gets a replacement, not an exception."""
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    await ConsolePublisher(stream).publish(compose([alert(1, title="né\U0001f600")]))
    assert b"Title:       n??" in raw.getvalue()
