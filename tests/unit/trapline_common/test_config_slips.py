"""Slips that YAML, or another tool's habits, lead to: refused with what to write, before anything runs."""

from datetime import UTC, datetime

import pytest

from trapline_common.config.document import parse_document
from trapline_common.config.load import parse_config
from trapline_common.config.schedule import check_schedule, never_again
from trapline_common.domain.errors import InputRefusedError

NO_VARIABLE = "no secret and no variable may be in a selector, which is stored and shown; write it out"
HOLD = "only ${secret:NAME} is one, in cookies, expect, headers, steps"


def comment(whole: str, left: str | None = None) -> str:
    """Return the refusal of a value that a comment cut."""
    what = "nothing is left of the value" if left is None else f"the value ends at {left!r}"
    return f'# begins a comment here, so {what}: write "{whole}" in quotes, or a blank after the #'


def refused(body: str) -> list[str]:
    """Return the problems of one crawl, below its name."""
    text = "crawls:\n  c:\n    urls: [https://e.com/]\n" + "".join(f"    {line}\n" for line in body.splitlines())
    with pytest.raises(InputRefusedError) as caught:
        parse_config(text, "f")
    return [line.replace("crawls.c.", "", 1) for line in str(caught.value).splitlines()]


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ("watch: #plans", f"f:4: watch: {comment('#plans')}"),
        ("wait_for:   #ready", f"f:4: wait_for: {comment('#ready')}"),
        ("watch: main #plans .price", f"f:4: watch: {comment('main #plans .price', 'main')}"),
        ("extract:\n  a: div #b", f"f:5: extract.a: {comment('div #b', 'div')}"),
        ("extract:\n  a: {selector: div #b\n    }", f"f:5: extract.a.selector: {comment('div #b', 'div')}"),
        ("ignore:\n- .advert\n- div #banner", f"f:6: ignore[1]: {comment('div #banner', 'div')}"),
        ("ignore:\n- pattern: Order #[0-9]+", f"f:5: ignore[0].pattern: {comment('Order #[0-9]+', 'Order')}"),
        ("expect:\n  contains: Order #5", f"f:5: expect.contains: {comment('Order #5', 'Order')}"),
        ("headers:\n  X-Color: red #f00", f"f:5: headers.X-Color: {comment('red #f00', 'red')}"),
        ("logged_in_check:\n  selector: nav #me", f"f:5: logged_in_check.selector: {comment('nav #me', 'nav')}"),
        ("watch: '#a ${PRICE}'", f"f:4: watch: '#a ${{PRICE}}': {NO_VARIABLE}"),
        ("watch: '${secret:X}'", f"f:4: watch: '${{secret:X}}': {NO_VARIABLE}"),
        ("extract: {a: '${secret:'}", f"f:4: extract.a: '${{secret:': {NO_VARIABLE}"),
        ("steps:\n- goto: https://e.com/\n- click: '#${secret:P}'",
         f"f:6: steps[1].click: '#${{secret:P}}': {NO_VARIABLE}"),
        ("sitemap: https://e.com/s\ninclude: ['/${SECTION}/*']",
         f"f:5: include[0]: '${{SECTION}}' is no reference: write the value itself; {HOLD}"),
        ("watch: \"//div[@id='a']\"",
         "f:4: watch: \"//div[@id='a']\" is XPath, which is not read; write a CSS selector, such as #plans .price"),
        ("wait_for: 'text=Hello'",
         ("f:4: wait_for: 'text=Hello' is for another tool (Playwright's engines); write a CSS selector, such as "
          "#plans .price")),
        ("ignore: ['//x', 'a[']",
         ("f:4: ignore[0]: '//x' is XPath, which is not read; write a CSS selector, such as #plans .price\n"
          "f:4: ignore[1]: 'a[' is no CSS selector: an attribute's name must follow the '['")),
        ("extract: {a: 'div['}", "f:4: extract.a: 'div[' is no CSS selector: an attribute's name must follow the '['"),
        ("extract: {a: a@href}",
         ("f:4: extract.a: 'a@href' takes the page's first link, whichever that is; name the link, as in "
          "nav a.next@href, or write {selector: a, attribute: href, all: true} for all of them")),
        ("extract: {a: {selector: '#a', atribute: href}}",
         "f:4: extract.a.atribute: unknown key; did you mean 'attribute'?"),
        ("extract: {a: {all: true}}",
         "f:4: extract.a: give `selector`; without one only a `pattern` can stand, which reads the watched text"),
        ("extract: {a: '$.plans['}",
         "f:4: extract.a: '$.plans[' is no path: it ends too early; write $.name, $[0], $.list[*].name or $..name"),
        ("watch: [data-price]", "f:4: watch: must be text (put it in quotes), not a list"),
        ("schedule: cron(0 8 30 2 ? *)",
         "f:4: schedule: cron(0 8 30 2 ? *) never fires: none of its years has such a day"),
        ("timezone: posix/Europe/Berlin",
         "f:4: timezone: unknown time zone 'posix/Europe/Berlin'; did you mean 'Europe/Berlin'?"),
        ("timezone: europe/berlin", "f:4: timezone: unknown time zone 'europe/berlin'; did you mean 'Europe/Berlin'?"),
        ("timezone: localtime",
         "f:4: timezone: unknown time zone 'localtime'; write an IANA name such as Europe/Berlin"),
    ],
)  # fmt: skip
def test_slips_are_refused(body: str, problem: str) -> None:
    """Each is refused with its line, its field, and what to write."""
    assert refused(body) == problem.splitlines()


@pytest.mark.parametrize(
    "body",
    [
        "watch: main # the plans",
        "watch: '#plans' #the plans",
        "timeout: 30s #half a minute",
        "watch: # all of it",
        "schedule: #none",
        "urls: [https://e.com/] #one",
        "expect: {contains: '${price}'}",
        "ignore: [{pattern: 'a${2}'}]",
        "extract: {a: 'time@datetime', b: '#a @href', c: plans.0.price, d: '$..x', e: {pattern: 'v(.*)'}}",
    ],
)
def test_what_is_meant_so_is_taken(body: str) -> None:
    """A comment with a blank, or behind what is in quotes or no text, is a comment; a page may show braces."""
    body = body.removeprefix("urls: [https://e.com/]")
    text = "crawls:\n  c:\n    urls: [https://e.com/]" + (body if body.startswith(" #") else f"\n    {body}") + "\n"
    assert parse_config(text, "f").crawls["c"].urls == ("https://e.com/",)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("a: {b: #c .d}\n", "# begins a comment: put a text that begins with # in quotes"),
        ("a: *plans\n", "put a text that begins with such a sign in quotes"),
        ("a: @plans\n", "put a text that begins with such a sign in quotes"),
        ("a: > .plans\n", "put a text that begins with such a sign in quotes"),
    ],
)
def test_yaml_that_a_selector_broke_says_so(text: str, hint: str) -> None:
    """A selector that YAML takes for something else is told with what to do."""
    with pytest.raises(InputRefusedError, match=hint):
        parse_document(text, "f")


@pytest.mark.parametrize(
    "text",
    [
        "cron(0 8 30 2 ? *)",
        "cron(0 8 30-31 FEB ? *)",
        "cron(0 8 31 4,6,9,11 ? *)",
        "cron(0 8 31W 4 ? *)",
        "cron(0 8 L-30 4 ? *)",
        "cron(0 8 29 2 ? 2025-2027)",
        "cron(0 8 29 2 ? 2100)",
        "cron(0 8 ? 2 MON#5 2025)",
        "rate(99999999 days)",
    ],
)
def test_schedules_that_never_fire_are_refused(text: str) -> None:
    """A day that no month of the expression has is no schedule, nor is a rate of centuries."""
    with pytest.raises(ValueError, match="never fires"):
        check_schedule(text)


@pytest.mark.parametrize(
    "text",
    [
        "cron(0 8 29 2 ? *)",
        "cron(0 8 29 2 ? 2000)",
        "cron(0 8 31 * ? *)",
        "cron(0 8 LW 2 ? *)",
        "cron(0 8 31W 3 ? *)",
        "cron(0 8 L-30 3 ? *)",
        "cron(0 8 ? 2 1#5 *)",
        "cron(0 8 ? * FRI-MON *)",
        "cron(*/15 8-18/2 ? * 6L 2030-2040/2)",
        "rate(1 day)",
    ],
)
def test_schedules_that_fire_once_in_a_while_are_taken(text: str) -> None:
    """The 29th of February, the last days and weekdays of months, and the fifth Sunday of a February exist."""
    assert check_schedule(text) == text


@pytest.mark.parametrize(
    ("text", "timezone", "over"),
    [
        ("at(2020-01-01T00:00:00)", "UTC", True),
        ("at(2026-11-29T13:00:00)", "UTC", False),
        ("at(2026-11-29T13:00:00)", "Asia/Tokyo", True),
        ("cron(0 8 1 1 ? 2020)", "UTC", True),
        ("cron(0 8 29 11 ? 2026)", "UTC", True),
        ("cron(0 13 29 11 ? 2026)", "UTC", False),
        ("cron(0 13 29 11 ? 2026)", "Asia/Tokyo", True),
        ("cron(0 8 ? 11 1L 2026)", "UTC", True),
        ("cron(0 8 ? * MON *)", "UTC", False),
        ("rate(1 hour)", "UTC", False),
        ("at(2027-03-14T02:30:00)", "America/Chicago", True),
        ("cron(30 2 14 3 ? 2027)", "America/Chicago", True),
    ],
)
def test_a_schedule_that_is_over(text: str, timezone: str, *, over: bool) -> None:
    """At noon of 29 November 2026, what is past is told, and what no clock of its zone shows."""
    assert (never_again(text, timezone, datetime(2026, 11, 29, 12, tzinfo=UTC)) is not None) is over
