"""No observation holds a secret: in none of its fields, and not where something cut a text off."""

from dataclasses import asdict
from typing import Any

import pytest

from support.crawling import KnownSecrets, crawl
from support.secret_spellings import IN_TEXT, held
from trapline_common.domain.observation import Failure, Observation, Reason, Timings
from trapline_crawler.visit.limits import VisitLimits
from trapline_crawler.visit.load import Loaded
from trapline_crawler.visit.observe import observe
from trapline_crawler.visit.page_script import (
    LONGEST_FIELD,
    LONGEST_PROBLEM,
    LONGEST_TEXT,
    LONGEST_TITLE,
    LONGEST_URL,
    Reading,
)
from trapline_crawler.visit.resolved_secrets import Resolved, SecretMissingError, resolve

KEY = "sk_CANARY_1234567890abcdefghijklmnopqrstuvwxyz"


async def resolved(value: str = KEY, **values: Any) -> Resolved:
    """Return a crawl that sends the secret, resolved."""
    return await resolve(crawl(headers={"X-Key": "${secret:KEY}"}, **values), KnownSecrets(values={"KEY": value}))


def seen(one: Resolved, *, failure: Failure | None = None, **values: Any) -> Observation:
    """Return what is observed of a page that was read as ``values`` say."""
    found: dict[str, Any] = {
        "title": "t",
        "text": "x",
        "too_long": False,
        "fields": {},
        "problems": (),
        "url": "https://e.com/1",
        "status": 200,
        "body": 9,
        "size": 9,
        "errors": 0,
        "height": 9,
        "has_elements": True,
        "timings": Timings(),
    }
    reading = Reading(**(found | values))
    loaded = Loaded(status=200, final_url=reading.url, found=reading, failure=failure, sound=True)
    return observe("https://e.com/1", loaded, one, VisitLimits(), milliseconds=1.0)


@pytest.mark.parametrize("spelling", IN_TEXT)
async def test_no_field_holds_a_secret(spelling: str) -> None:
    """Title, text, fields, the final URL, the selectors' problems, a failure's detail: each in each spelling."""
    text = f"before {IN_TEXT[spelling](KEY)} after"
    one = await resolved(extract={"price": "#p"}, ignore=[{"pattern": "Updated [0-9]+ min ago"}])
    values: dict[str, Any] = {
        "title": text,
        "text": text,
        "fields": {"price": text},
        "url": f"https://e.com/{text}",
        "problems": (f"extract price: {text}",),
    }
    for failure in (None, Failure(reason=Reason.NAVIGATION, detail=text, retry=False)):
        found = seen(one, failure=failure, **values)
        assert found.failure is not None
        for name, value in asdict(found).items():
            assert held(repr(value).replace("${secret:KEY}", "|"), KEY) is None, name


@pytest.mark.parametrize(
    ("field", "longest"), [("title", LONGEST_TITLE), ("text", LONGEST_TEXT), ("price", LONGEST_FIELD)]
)
@pytest.mark.parametrize("spelling", ["as it is", "percent of each byte", "zero-width blanks"])
async def test_a_cut_leaves_no_beginning_of_a_secret(field: str, longest: int, spelling: str) -> None:
    """Wherever in the secret the limit of the reader falls."""
    one = await resolved()
    written = IN_TEXT[spelling](KEY)
    for shown in range(6, len(written), {"title": 7, "price": 11, "text": len(written) // 2}[field]):
        text = ("x " * longest)[: longest - shown] + written[:shown]
        found = seen(one, **({"fields": {"price": text}} if field == "price" else {field: text}))
        kept = found.fields.get("price") if field == "price" else getattr(found, field)
        assert held(f"{kept}"[-200:], KEY) is None


@pytest.mark.parametrize("spelling", ["as it is", "percent of each byte"])
async def test_a_cut_url_or_problem_holds_no_beginning_of_a_secret(spelling: str) -> None:
    """A page's script may give its page an address in which the limit falls anywhere in the secret; or a selector."""
    one = await resolved()
    written = IN_TEXT[spelling](KEY)
    for shown in range(6, len(written), 7):
        url = ("https://e.com/" + "x " * LONGEST_URL)[: LONGEST_URL - shown] + written[:shown]
        problem = ("x " * LONGEST_PROBLEM)[: LONGEST_PROBLEM - shown] + written[:shown]
        found = seen(one, url=url, problems=(problem,))
        assert held(f"{found.final_url}"[-200:], KEY) is None
        assert found.failure is not None
        assert held(found.failure.detail[-200:], KEY) is None


async def test_a_script_counts_other_characters_twice() -> None:
    """A script cuts at so many UTF-16 units, which are fewer characters."""
    one = await resolved()
    for shown in range(6, len(KEY), 5):
        title = "\U0001f600" * ((LONGEST_TITLE - shown) // 2) + " " * ((LONGEST_TITLE - shown) % 2) + KEY[:shown]
        assert held(f"{seen(one, title=title).title}", KEY) is None


async def test_half_a_character_is_counted_as_it_is() -> None:
    """A script can make a text of halves, each of which is one unit; a text of them is cut like any other."""
    one = await resolved()
    for shown in range(6, len(KEY), 5):
        title = "\ud83d" * (LONGEST_TITLE - shown) + KEY[:shown]
        assert held(f"{seen(one, title=title).title}", KEY) is None


async def test_what_is_ignored_does_not_join_two_halves() -> None:
    """A pattern of ``ignore`` that stands within a secret takes itself out, and the secret is found then."""
    one = await resolved(ignore=[{"pattern": "[(]x[)]"}], extract={"price": "#p"})
    halves = f"{KEY[:20]}(x){KEY[20:]}"
    found = seen(one, text=halves, fields={"price": halves})
    assert (found.text, found.fields["price"]) == ("${secret:KEY}", "${secret:KEY}")


@pytest.mark.parametrize(
    ("expect", "text", "complaint"),
    [
        (
            {"contains": "a long sentence that goes before the key, namely ${secret:KEY} and goes on"},
            "nothing",
            "the text does not contain 'a long sentence that goes before the key, namely ${secret:KEY} and goes on'",
        ),
        (
            {"contains": f"{'x' * 60} ${{secret:KEY}}"},
            "nothing",
            f"the text does not contain '{'x' * 60} ${{secret:KEY}}'",
        ),
        ({"contains": "Hello, ${secret:KEY}!"}, f"Hello, {KEY}!", None),
        ({"price": "== ${secret:KEY}"}, KEY, None),
        ({"price": "contains for ${secret:KEY}"}, f"7 for {KEY.upper()}", None),
        ({"price": "matches ^[0-9] for ${secret:KEY}$"}, f"7 for {KEY}", None),
        ({"price": "matches ^[0-9] of ${secret:KEY}$"}, f"7 for {KEY}", "found '7 for ${secret:KEY}', expected"),
        ({"price": "!= ${secret:KEY}"}, KEY, "price: found '${secret:KEY}', expected != ${secret:KEY}"),
    ],
)  # fmt: skip
async def test_a_complaint_names_the_reference(expect: dict[str, str], text: str, complaint: str | None) -> None:
    """An expectation is compared with what is shown, and told without the value or any part of it."""
    one = await resolved(extract={"price": "#p"}, expect=expect)
    found = seen(one, text=text, fields={"price": text})
    if complaint is None:
        assert found.failure is None
        return
    assert found.failure is not None
    assert complaint in found.failure.detail
    assert held(found.failure.detail.replace("${secret:KEY}", "|"), KEY) is None


async def test_the_url_of_a_check_is_compared_as_it_is_and_told_without_the_secret() -> None:
    """A user's name in the address is no log-out; one that is missed is told by its reference."""
    one = await resolved("ada-lovelace", logged_in_check={"url": "/users/ada-lovelace/*"})
    assert seen(one, url="https://e.com/users/ada-lovelace/1").failure is None
    missed = seen(one, url="https://e.com/login?for=ada-lovelace").failure
    assert missed is not None
    assert missed.detail.startswith("the page is at 'https://e.com/login?for=${secret:KEY}'")


async def test_nothing_but_what_is_sent_holds_the_values() -> None:
    """The crawl beside the resolved parts has its references still, and ``repr`` shows no value."""
    one = await resolved(expect={"contains": "${secret:KEY}"}, cookies={"sid": "${secret:KEY}"})
    assert KEY not in repr(one)
    assert KEY not in one.crawl.model_dump_json()
    assert (one.headers["X-Key"], one.cookies[0].value) == (KEY, KEY)


async def test_a_user_agent_of_an_older_run_is_refused() -> None:
    """A run that an older release opened may have a secret there: its pages fail in words, and send nothing."""
    with pytest.raises(SecretMissingError, match=r"user_agent: .*put it into `headers`"):
        await resolved(user_agent="Bot ${secret:KEY}")
