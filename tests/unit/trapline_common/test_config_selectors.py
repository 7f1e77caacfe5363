"""Selectors and paths: what `trapline config` takes, and what it refuses before a browser is asked."""

import pytest

from trapline_common.config.selector import check_selector
from trapline_common.config.value_path import is_path, parse_path

GOOD = [
    "#plans .price",
    "*",
    "a",
    "div > p + ul ~ li",
    "td:nth-child(2n + 1 of .x, .y)",
    ":nth-last-of-type(odd)",
    "a[href^='https://' i]",
    '[data-a="x]y"][b]',
    "[data-x=abc]",
    "*|a, |b",
    ":is(h1, h2):not(.x, :has(> img))",
    "p:has(+ .b)",
    ":is()",
    r"#\31 a",
    r".sm\:w-1\/2",
    "#gr\u00f6\u00dfe .\u0446\u0435\u043da .\U0001f600",
    "html:lang(de, 'en')",
    "custom-element",
    "li:first-child/* note */ > a",
    "input:checked",
    ":root",
    "--x",
    "details:open",
]
BAD = [
    "",
    " ",
    "//div[@id='x']",
    "(//a)[1]",
    ".//p",
    "../p",
    "xpath=//a",
    "text=Hello",
    "role=button",
    "div >> span",
    ".a | first",
    "|",
    "a:nth-of-type(2 of .b)",
    "a:nth-last-of-type(odd of .b)",
    "div >",
    "> div",
    "div,",
    ", div",
    "div,,p",
    "a:hover(",
    "[x",
    "[x=",
    "[x=5]",
    "[href=/x]",
    "[x='a]",
    "li:nth-child(",
    "li:nth-child(x)",
    "div[[",
    "div]]",
    "p)",
    "#",
    ".",
    "#1a",
    ".5x",
    "a::before",
    "a::attr(href)",
    "a::text",
    "a:contains('x')",
    "a:has-text('x')",
    "a:visible",
    "p:eq(0)",
    "p:frist-child",
    ":not(div",
    ":not()",
    ":has()",
    "a b:",
    "div {",
    "@media",
    "$x",
    "$.plans",
    "${PLANS}",
    "svg|a",
    "a || b",
    ":is(" * 30 + "a" + ")" * 30,
    "a" * 5000,
]


@pytest.mark.parametrize("text", GOOD)
def test_css_is_taken(text: str) -> None:
    """CSS is taken as it stands."""
    assert check_selector(text) == text


@pytest.mark.parametrize("text", BAD)
def test_what_is_no_css_is_refused(text: str) -> None:
    """XPath, other tools' selectors and broken CSS are refused with one line that shows them."""
    with pytest.raises(ValueError, match=r"^.{1,300}$"):
        check_selector(text)


def test_the_steps_take_playwrights_own_as_well() -> None:
    """A click may look for text, as it always could."""
    assert check_selector("button:has-text('Log (in)'):visible", playwright=True)


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("$", ()),
        ("$.plans[0].price", (("name", False, "plans"), ("index", False, 0), ("name", False, "price"))),
        ("$['a b'][\"c\"]", (("name", False, "a b"), ("name", False, "c"))),
        ("$..price", (("name", True, "price"),)),
        ("$.a[*].b", (("name", False, "a"), ("all", False, None), ("name", False, "b"))),
        ("$[-1]", (("index", False, -1),)),
        ("$[1:3]", (("slice", False, [1, 3, None]),)),
        ("$[?(@.id == 'x')].v", (("filter", False, [["id"], "==", "x"]), ("name", False, "v"))),
        ("$[?@.n>2]", (("filter", False, [["n"], ">", 2]),)),
        ("$[?@.sale]", (("filter", False, [["sale"], None, None]),)),
        ("plans.0.price", (("name", False, "plans"), ("index", False, 0), ("name", False, "price"))),
        ("items[0].name", (("name", False, "items"), ("index", False, 0), ("name", False, "name"))),
        ("a.*.b", (("name", False, "a"), ("all", False, None), ("name", False, "b"))),
        ("plans.pro.price", (("name", False, "plans"), ("name", False, "pro"), ("name", False, "price"))),
        ("#plans .price", None),
    ],
)
def test_paths(text: str, path: object) -> None:
    """A path is JSONPath's usual part, or names and numbers with dots between them."""
    assert parse_path(text) == path


@pytest.mark.parametrize("text", ["$.", "$x", "$[", "$[]", "$['a'", "$[?]x", "$.a b", "$[1", "$...a"])
def test_broken_paths_are_refused(text: str) -> None:
    """A path that begins with $ and goes wrong is refused."""
    assert is_path(text)
    with pytest.raises(ValueError, match="is no path"):
        parse_path(text)
