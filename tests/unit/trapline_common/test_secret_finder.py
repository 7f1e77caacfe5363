"""Secrets in texts: found however they are written, and replaced whole."""

import base64
import json
import time
from html import escape
from itertools import zip_longest
from string import ascii_letters, digits
from urllib.parse import quote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from support.secret_spellings import IN_MARKUP, IN_TEXT, held
from trapline_common.content.secret_finder import MOST_PLACES, SecretFinder
from trapline_common.content.text import normalise

VALUES = {
    "token": "sk_live_51H8xAb/CdEf&GhIjKl=",
    "signs": "p*ss!w0rd'(x)/ok&~+",
    "quotes": 'c0rrect & "horse" <battery>',
    "escapes": r"back\slash%41&amp;x\u0041yz",
    "accents": "Pässwörd für Zürich 42",
    "emoji": "k€y 🗝 of the house 7",
}
ONE = SecretFinder({"K": VALUES["token"]})


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES.keys())
@pytest.mark.parametrize("spelling", IN_TEXT)
def test_each_spelling_is_found(value: str, spelling: str) -> None:
    """What stands around it stays, and what is left of the text holds neither the value nor a part of it."""
    text = f"before {IN_TEXT[spelling](value)} after"
    found = SecretFinder({"K": value}).scrub(text)
    assert "${secret:K}" in found, text
    assert found.startswith("before ")
    assert found.endswith("after")  # a blank may be part of a style sheet's escape
    assert held(found.replace("${secret:K}", "|"), value) is None
    assert held(normalise(found), value) is None


@pytest.mark.parametrize("value", [VALUES["token"], VALUES["signs"], VALUES["quotes"]])
@pytest.mark.parametrize("spelling", IN_MARKUP)
def test_each_way_of_html_is_found(value: str, spelling: str) -> None:
    """Also a value that markup splits; the page around it stays."""
    html = f"<html><body><p>before</p>{IN_MARKUP[spelling](value)}<p>after</p></body></html>"
    found = SecretFinder({"K": value}).scrub_html(html)
    assert "${secret:K}" in found, html
    assert found.startswith("<html><body><p>before</p>")
    assert found.endswith("</body></html>")
    assert held(found.replace("${secret:K}", "|"), value) is None


_LAYERS = {
    "percent": lambda v: quote(v, safe=""),
    "html": escape,
    "json": lambda v: json.dumps(v)[1:-1],
    "slashes": lambda v: v.replace("/", "\\/"),
    "upper": str.upper,
}
_BREAKS = {"none": str, "zero-width": "\u200b".join, "spaced": " ".join}
_ANY = st.characters(exclude_categories=["C", "Z", "M"], max_codepoint=0x24FF, exclude_characters="%&\\")
_VALUES = st.builds(
    lambda telling, rest: "".join(a + b for a, b in zip_longest(telling, rest, fillvalue="")),
    st.text(ascii_letters + digits, min_size=8, max_size=20),
    st.text(_ANY, max_size=20),
)
"""The examples, and ``VALUES``, have signs that begin an escape as well."""


@given(
    value=_VALUES,
    layers=st.lists(st.sampled_from(sorted(_LAYERS)), min_size=1, max_size=3, unique=True),
    broken=st.sampled_from(sorted(_BREAKS)),
)
@example(value="0000000%", layers=["percent"], broken="none")
@example(value="\\\\\\\\u0041bcdefgh", layers=["json", "html"], broken="none")
def test_layers_of_escapes_are_undone(value: str, layers: list[str], broken: str) -> None:
    """Escapes within escapes, in any order, and what is left of them broken into letters."""
    text = value
    for layer in layers:
        text = _LAYERS[layer](text)
    assert SecretFinder({"K": value}).shows(f"before {_BREAKS[broken](text)} after")


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES.keys())
@pytest.mark.parametrize(
    "spelling",
    ["as it is", "percent of each byte", "HTML, hexadecimal", "zero-width blanks", "base64", "script, units"],
)
def test_the_beginning_of_a_secret_at_a_cut_goes_too(value: str, spelling: str) -> None:
    """Wherever something cut the text off, in the middle of an escape too."""
    finder, whole = SecretFinder({"K": value}), f"some text, {IN_TEXT[spelling](value)}"
    for end in range(len("some text, ") + 1, len(whole), 3):
        found = finder.scrub_cut(whole[:end])
        assert held(found.replace("${secret:K}", ""), value) is None, whole[:end]
        assert found.startswith("some te")  # a letter or two before it may be some spelling's beginning as well


def test_longer_secrets_win_and_short_ones_bridge_no_blanks() -> None:
    """A secret within another has the other's name; a value of a few letters is found in words, not across them."""
    finder = SecretFinder({"USER": "ada", "MAIL": "ada.lovelace@site.example"})
    assert finder.scrub("Ada.Lovelace@site.example, ADA") == "${secret:MAIL}, ${secret:USER}"
    assert finder.scrub("Panama dam") == "Panama dam"


def test_a_short_password_in_basic_credentials_is_found() -> None:
    """As a page of diagnostics shows a request's header: what is around the six letters in base64 tells them."""
    for user in ("a", "ab", "abc"):
        shown = base64.b64encode(f"{user}:s3cr3t".encode()).decode()
        assert "${secret:K}" in SecretFinder({"K": "s3cr3t"}).scrub(f"Authorization: Basic {shown}"), shown


def test_references_of_our_own_stay_as_they_are() -> None:
    """A text of scrubbed parts may be scrubbed again, although a reference holds a secret's value."""
    finder = SecretFinder({"secret": "secret", "K": "longer-secret"})
    once = finder.scrub("the longer-secret, a secret")
    assert once == "the ${secret:K}, a ${secret:secret}"
    assert finder.scrub_again(f"{once}: secret") == f"{once}: ${{secret:secret}}"


def test_ordinary_text_stays() -> None:
    """A page without the secret is returned as it is, whatever escapes are in it."""
    text = r"100 % of A&B &amp; C:\new\x41 &copy; %20 \u0041 <b>sk</b> live 51 \26 end"
    assert ONE.scrub(text) is not None
    assert ONE.scrub(text) == text == ONE.scrub_html(text) == ONE.scrub_cut(text) == ONE.scrub_again(text)
    assert not ONE.shows(text)
    assert SecretFinder({"EMPTY": ""}).scrub(text) == text


def test_a_text_of_secrets_alone_is_one_reference() -> None:
    """There is a bound on how many places are traced back."""
    assert ONE.scrub(f"{VALUES['token']} " * (MOST_PLACES + 5)) == "${secret:K}"


@pytest.mark.parametrize(
    "piece",
    ["%25", "%", "&amp;", "&", "&#", "\\", "\\u", "\\\\u0041", "<", '<a"', "<!--", "<script>", "é ", "sk_live_", "a"],
)
def test_the_time_is_linear(piece: str) -> None:
    """Eight times as much of what a hostile page repeats takes no more than about eight times as long."""

    def seconds(size: int) -> float:
        text = piece * (size // len(piece))
        begun = time.process_time()
        ONE.scrub_cut(text)
        ONE.scrub_html(text)
        return time.process_time() - begun

    small = min(seconds(8_000) for _ in range(3))
    large = seconds(64_000)
    assert large < 8 * 4 * small + 0.2
