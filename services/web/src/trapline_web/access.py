"""Who may look: a token that this machine keeps, the cookie made from it, and the marks of forms.

Everything is derived from the token by HMAC-SHA256 with a word of its own, so that one never stands for another.
"""

import hmac
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from trapline_web.feed_keys import FeedKeys
from trapline_web.own_file import write_own

_BYTES = 32
_FILE = "web.token"
_HELD_FORMS = 5_000
"""Marks of forms that are remembered after they were sent."""
_DOUBLED = 10.0
"""Seconds within which a form that comes again is a doubled click; later somebody came back to an old page."""


def kept_token(data_dir: Path, *, anew: bool = False) -> str:
    """Return the token of a data directory; made on first need, and ``anew`` when wished, readable by its owner alone.

    Raises ``OSError`` where the folder can't be written.
    """
    path = data_dir / _FILE
    if not anew and path.is_file():
        text = path.read_text("ascii").strip()
        if len(text) >= _BYTES:
            return text
    token = secrets.token_urlsafe(_BYTES)
    write_own(path, token + "\n")
    return token


@dataclass(slots=True, kw_only=True)
class Access:
    """The rights of one served view."""

    token: str
    """The secret of the view: whoever has it may do everything here. API clients send it as a bearer token."""
    hosts: frozenset[str]
    """Values of ``Host`` that are answered: any other name may be a foreign page's, rebound to this address."""
    feeds: FeedKeys
    """The keys of feeds."""
    port: int
    """The port, by which the cookie is named: cookies do not know ports, and another view may run beside."""
    secure: bool = False
    """Whether it is reached by https; the cookie is then sent by https only."""
    _links: set[str] = field(default_factory=set)
    """Words of links that nobody used so far."""
    clock: Callable[[], float] = time.monotonic
    """Returns seconds."""
    _forms: dict[str, tuple[str, float] | None] = field(default_factory=dict)
    """Marks of forms that were sent, with where each led and when; ``None`` while it acts."""

    @property
    def cookie_name(self) -> str:
        """Return the cookie's name."""
        return f"trapline_{self.port}"

    @property
    def cookie(self) -> str:
        """Return the cookie's value."""
        return self._derived("cookie")

    def one_time_link(self, path: str = "/") -> str:
        """Return a path that lets its first visitor in and leads on to ``path``."""
        word = secrets.token_urlsafe(_BYTES)
        self._links.add(word)
        return f"/enter?once={word}" + ("" if path == "/" else f"&to={path}")

    def uses(self, word: str) -> bool:
        """Return whether this is the word of a link that nobody used so far, and use it up."""
        if word not in self._links:
            return False
        self._links.discard(word)
        return True

    def is_token(self, text: str) -> bool:
        """Return whether this is the token."""
        return hmac.compare_digest(text.encode(), self.token.encode())

    def is_cookie(self, text: str) -> bool:
        """Return whether this is the cookie's value."""
        return hmac.compare_digest(text.encode(), self.cookie.encode())

    def form_mark(self) -> str:
        """Return the mark of a new form: it is taken from a form of this view only, and once."""
        word = secrets.token_urlsafe(16)
        return f"{word}.{self._derived(f'form {word}')}"

    def is_form(self, mark: str) -> bool:
        """Return whether a form of this view carried the mark."""
        word, _, proof = mark.partition(".")
        return hmac.compare_digest(proof.encode(), self._derived(f"form {word}").encode())

    def begin(self, mark: str) -> bool:
        """Return whether this form was not sent before: of two clicks one acts."""
        if mark in self._forms:
            return False
        while len(self._forms) >= _HELD_FORMS:
            del self._forms[next(iter(self._forms))]
        self._forms[mark] = None
        return True

    def finish(self, mark: str, led_to: str) -> None:
        """Note where the form led, for its second click."""
        self._forms[mark] = led_to, self.clock()

    def forget(self, mark: str) -> None:
        """Take the form once more: nothing was done."""
        self._forms.pop(mark, None)

    def led_to(self, mark: str) -> str | None:
        """Return where the form led; ``None`` while it acts."""
        sent = self._forms.get(mark)
        return None if sent is None else sent[0]

    def is_old(self, mark: str) -> bool:
        """Return whether the form was sent longer ago than the two clicks of a doubled one are apart."""
        sent = self._forms.get(mark)
        return sent is not None and self.clock() - sent[1] > _DOUBLED

    def _derived(self, word: str) -> str:
        return hmac.new(self.token.encode(), word.encode(), sha256).hexdigest()
