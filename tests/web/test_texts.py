"""Values as the view writes them, and what its forms ask for."""

import pytest
import yaml

from support.web_view import Recorded, Served
from trapline_common.config.models import CrawlConfig
from trapline_common.config.regex import compile_regex
from trapline_common.content.ignored_text import without_ignored
from trapline_common.content.word_diff import word_diff
from trapline_web.rendering.ignoring import ignored_regions, ignored_text
from trapline_web.rendering.texts import href, seen, url_path


@pytest.mark.parametrize(
    "url",
    ["javascript:alert(1)", "data:text/html,x", "//evil.example", "ftp://x.example", "https://", "http://[", None, "x"],
)
def test_a_link_leads_to_http_only(url: str | None) -> None:
    """Any other scheme, and what has no host, is shown and is no link."""
    assert href(url) is None
    assert href("https://shop.example/a?b=c") == "https://shop.example/a?b=c"


def test_no_character_hides_or_turns_round_what_stands_beside_it() -> None:
    """Control, zero-width and direction characters are shown as one that says so."""
    assert seen("a\u202eb\u200bc\x1b") == "a\ufffdb\ufffdc\ufffd"
    assert url_path("https://shop.example/a/b?c=d") == "/a/b?c=d"


FORMS = {
    "/pages/7/visit": ({}, ("visit", "--json", "--no-wait", "--", "7")),
    "/pages/7/mute": (
        {"until": "2d", "reason": "redesign"},
        ("mute", "--json", "--until=2d", "--reason=redesign", "--", "7"),
    ),
    "/crawls/shop/mute": (
        {"until": "4h", "reason": "--help"},
        ("mute", "--json", "--until=4h", "--reason=--help", "--", "shop"),
    ),
    "/pages/7/unmute": ({}, ("unmute", "--json", "--", "7")),
    "/pages/7/ack": ({"reason": "known"}, ("ack", "--json", "--reason=known", "--", "7")),
    "/pages/7/accept": ({}, ("accept", "--json", "--", "7")),
    "/alerts/9/again": ({}, ("alert", "--json", "--again=9")),
    "/alerts/test": ({}, ("alert", "--json", "--test")),
}


@pytest.mark.parametrize("path", FORMS)
async def test_a_form_asks_for_the_command_of_its_name(view: Served, actions: Recorded, path: str) -> None:
    """With what was filled in as one argument each, never as an option of its own."""
    given, command = FORMS[path]
    reply = await view.post(path, {**given, "mark": view.access.form_mark()})
    assert reply.status == 303
    assert actions.asked == [command]


@pytest.mark.parametrize("given", [{}, {"until": "2d", "reason": " "}, {"until": "9y", "reason": "x"}])
async def test_a_mute_has_an_end_and_a_reason(view: Served, actions: Recorded, given: dict[str, str]) -> None:
    """Without them nothing is asked for."""
    reply = await view.post("/pages/7/mute", {**given, "mark": view.access.form_mark()})
    assert reply.status == 400
    assert actions.asked == []


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("Updated 4 min ago", "Updated 15 min ago"),
        ("Seen by 1,204 people (today)", "Seen by 1,377 people (today)"),
        ("Good morning, Ada!", "Good evening, Ada!"),
        ('a "quoted" \\path $5 [x]', 'a "quoted" \\path $6 [x]'),
        ("Stock: 3", "Stock: 3\nAdvert: buy {now} & <save>"),
        ("x\u202ey 1 z", "x\u202ey 2 z"),
    ],
)
def test_what_is_to_be_pasted_ignores_what_differs(before: str, after: str) -> None:
    """It is YAML that a crawl takes, and with it both texts are the same, also on the next day."""
    pasted = yaml.safe_load(ignored_text(word_diff(before, after).lines))
    patterns = [compile_regex(item["pattern"]) for item in pasted["ignore"]]
    kept = CrawlConfig.model_validate({"name": "x", "urls": ["https://site.example/"], **pasted})
    assert len(kept.ignore) == len(patterns) == 1
    assert without_ignored(f"head\n{before}\n", patterns) == without_ignored(f"head\n{after}\n", patterns)
    assert "head" in without_ignored(f"head\n{after}", patterns)


def test_a_line_of_which_nothing_stays_is_offered_no_pattern() -> None:
    """A pattern that takes any line would leave nothing of the page."""
    assert ignored_text(word_diff("...", "!!!").lines) == ""


def test_a_region_names_the_place_of_an_element() -> None:
    """Its selector is a person's to write."""
    pasted = yaml.safe_load(ignored_regions([(30, 400, 40, 12)]))
    assert pasted == {"visual": {"ignore": ["SELECTOR"]}}
    assert ignored_regions([]) == ""
