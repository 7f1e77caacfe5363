"""Where people look: the addresses of pages and runs in the web view of a ledger. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self
from urllib.parse import urlsplit

from trapline_common.domain.errors import InputRefusedError

WEB_URL = "TRAPLINE_WEB_URL"
"""The environment variable with the view's address; empty, or not set: it has none that others reach."""
ENVIRONMENT = "TRAPLINE_ENVIRONMENT"
"""The environment variable with the deployment's name; empty on one machine."""
_MAX_URL = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class WebView:
    """The web view of a ledger, as those who read an alert reach it."""

    url: str = ""
    """Its address without a slash at the end; empty: there is none, and a person starts the view by its command."""
    environment: str = ""
    """The deployment whose ledger it shows; empty: this machine's."""

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> Self:
        """Read the environment. Raises ``InputRefusedError`` that names the variable."""
        text = environ.get(WEB_URL, "")
        if text and not _is_address(text):
            raise InputRefusedError(
                f"environment: {WEB_URL}: {text[:100]!r} is no address of a web view; "
                "it is such as https://trapline.example.com, without a query"
            )
        return cls(url=text.rstrip("/"), environment=environ.get(ENVIRONMENT, ""))

    @property
    def command(self) -> str:
        """Return what a person types to see it."""
        return f"trapline web --env {self.environment}" if self.environment else "trapline web"

    def page(self, page_id: int, observation_id: object = None) -> str:
        """Return a page's address, at one observation of it; empty without a view's address."""
        if not self.url:
            return ""
        at = f"?to={observation_id}" if isinstance(observation_id, int) else ""
        return f"{self.url}/pages/{page_id}{at}"

    def run(self, run_id: int) -> str:
        """Return a run's address; empty without a view's address."""
        return f"{self.url}/runs/{run_id}" if self.url else ""


def _is_address(text: str) -> bool:
    """Say whether a text is an HTTP address, of printable ASCII, to which a path can be added."""
    if len(text) > _MAX_URL or not text.isascii() or not text.isprintable() or set(text) & set(' "<>`\\'):
        return False
    try:
        parts = urlsplit(text)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and not (parts.query or parts.fragment)
    except ValueError:
        return False
