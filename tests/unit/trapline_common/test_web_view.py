"""The addresses of pages and runs in a web view, made of a setting and numbers alone."""

import pytest

from trapline_common.domain.errors import InputRefusedError
from trapline_common.domain.web_view import WebView


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("", ""),
        ("https://trapline.example.com", "https://trapline.example.com"),
        ("http://127.0.0.1:8765/", "http://127.0.0.1:8765"),
        ("https://example.com/ops/trapline/", "https://example.com/ops/trapline"),
    ],
)
def test_an_address_is_read_without_its_last_slash(text: str, url: str) -> None:
    """A path below it is kept: the view may stand behind a proxy."""
    assert WebView.read({"TRAPLINE_WEB_URL": text}).url == url


@pytest.mark.parametrize(
    "text",
    [
        "trapline.example.com",
        "javascript:alert(1)",
        "https://",
        "https://example.com/?page=1",
        "https://example.com/#top",
        "https://example.com/a b",
        "https://example.com/\x1b[31m",
        "https://example.com/<script>",
        "https://exämple.com",
        "https://[::1",
        "https://example.com/" + "a" * 500,
    ],
)
def test_what_is_no_address_is_refused_by_the_variables_name(text: str) -> None:
    """A link that can't lead anywhere, or that holds more than an address, is in no alert."""
    with pytest.raises(InputRefusedError, match="TRAPLINE_WEB_URL"):
        WebView.read({"TRAPLINE_WEB_URL": text})


def test_pages_and_runs_have_addresses_where_the_view_has_one() -> None:
    """A page at the observation that an alert is about, if the payload says a number; a run; without a view nothing."""
    view = WebView(url="https://trapline.example.com")
    assert view.page(12, 345) == "https://trapline.example.com/pages/12?to=345"
    assert view.page(12) == view.page(12, "3&x=1") == "https://trapline.example.com/pages/12"
    assert view.run(7) == "https://trapline.example.com/runs/7"
    assert (WebView().page(12, 345), WebView().run(7)) == ("", "")


def test_the_command_names_the_deployment() -> None:
    """What a person types where no address is known."""
    assert WebView.read({"TRAPLINE_ENVIRONMENT": "prod"}).command == "trapline web --env prod"
    assert WebView().command == "trapline web"
