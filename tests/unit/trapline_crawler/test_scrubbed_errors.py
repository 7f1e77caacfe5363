"""An error that leaves a visit holds no secret, and neither do its causes."""

import traceback

import pytest

from support.secret_spellings import held
from trapline_common.content.secret_finder import SecretFinder
from trapline_crawler.browser.errors import BrowserDiedError
from trapline_crawler.visit.scrubbed_errors import scrubbed_errors

KEY = "sk_live_51H8xAbCdEfGhIjKl"


@pytest.mark.parametrize("kind", [BrowserDiedError, ValueError, KeyError, RuntimeError])
def test_an_error_and_its_causes_are_scrubbed(kind: type[Exception]) -> None:
    """Its kind stays, so that the caller treats it as before; its traceback may be logged."""
    error = kind(f"the page said {KEY}")
    error.__cause__ = TypeError(f"can't read {KEY.upper()}", 3)
    with pytest.raises(kind) as caught, scrubbed_errors(SecretFinder({"K": KEY})):
        raise error
    shown = "".join(traceback.format_exception(caught.value))
    assert shown.count("${secret:K}") == 2
    assert held("\n".join(line for line in shown.splitlines() if "Error:" in line), KEY) is None


def test_without_secrets_an_error_stays_as_it_is() -> None:
    """Nothing is looked for."""
    with pytest.raises(ValueError, match=KEY), scrubbed_errors(SecretFinder({})):
        raise ValueError(KEY)
