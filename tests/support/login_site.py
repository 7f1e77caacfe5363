"""A site behind a log-in, on loopback: a form with a CSRF token, and a session cookie that the site can let expire."""

import secrets
import threading
from html import escape
from http.cookies import SimpleCookie
from http.server import BaseHTTPRequestHandler
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from tests.site.serving import LoopbackServer, QuietHandler

USER = "ada+crawler@site.example"
PASSWORD = 'c0rrect & "horse" <battery>'
"""With all that URLs, HTML and JSON write differently."""

FORM = """<!doctype html><title>Sign in</title><h1>Sign in</h1><p id=problem>{problem}</p>
<form method=post action=/login>
<input type=hidden name=csrf value="{csrf}">
<input id=user name=user><input id=password name=password type=password>
<select id=region name=region><option value=eu>Europe</option><option value=us>America</option></select>
<button id=go>Sign in</button></form>
<script>localStorage.setItem("came", "by the form")</script>"""
ACCOUNT = """<!doctype html><title>Account</title><h1>Page {path}</h1>
<p id=who>Signed in</p><p>Region {region}</p><p>Some text of {path}.</p>
<p id=stored></p>
<script>document.getElementById("stored").textContent = localStorage.getItem("came")</script>"""


class _Handler(QuietHandler, BaseHTTPRequestHandler):
    server: "_Server"

    def do_GET(self) -> None:
        self.server.asked += 1
        if own := self.headers.get("X-Own"):
            self.server.own_headers.add(own)
        path = urlsplit(self.path).path
        if path in {"/favicon.ico", "/robots.txt"}:
            self._send("", 404)
        elif path == "/login":
            self._show_form("")
        elif path == "/open":
            self._send("<!doctype html><title>Open</title><h1>Open to all</h1>")
        else:
            self._show_page(path)

    def do_POST(self) -> None:
        fields = {k: v[0] for k, v in parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode()).items()}
        self.server.arrived.set()
        self.server.gate.wait(60)
        with self.server.lock:
            known = self._cookie("form") in self.server.forms
            good = known and fields.get("csrf") == self.server.forms[self._cookie("form")]
            right = good and fields.get("user") == USER and fields.get("password") == self.server.password
            self.server.attempts.append((good, right))
        if not right:
            echo = f": {escape(fields['password'])}" if self.server.echoes else ""
            self._show_form(f"Wrong password{echo}" if good else "Bad token")
            return
        sid = secrets.token_hex(8)
        with self.server.lock:
            self.server.sessions[sid] = fields["region"]
        self._send("", 303, ("Location", "/account"), ("Set-Cookie", f"sid={sid}; Path=/; HttpOnly"))

    def _show_form(self, problem: str) -> None:
        form, csrf = secrets.token_hex(8), secrets.token_hex(8)
        with self.server.lock:
            self.server.forms[form] = csrf
        self._send(FORM.format(problem=problem, csrf=csrf), 200, ("Set-Cookie", f"form={form}; Path=/; HttpOnly"))

    def _show_page(self, path: str) -> None:
        with self.server.lock:
            region = self.server.sessions.get(self._cookie("sid"))
            self.server.visits.append((path, region is not None))
            if len(self.server.visits) == self.server.expires_after:
                self.server.sessions.clear()
        if region is None:
            self._send("", 303, ("Location", "/login"))
        else:
            self._send(ACCOUNT.format(path=path, region=region) + self.server.more)

    def _cookie(self, name: str) -> str:
        found = SimpleCookie(self.headers.get("Cookie", "")).get(name)
        return found.value if found else ""

    def _send(self, body: str, status: int = 200, *headers: tuple[str, str]) -> None:
        self.reply(status, body.encode(), {"Content-Type": "text/html; charset=utf-8"} | dict(headers))


class _Server(LoopbackServer):
    def __init__(self, host: str) -> None:
        super().__init__(_Handler, host=host)
        self.lock = threading.Lock()
        self.forms: dict[str, str] = {}
        self.sessions: dict[str, str] = {}
        self.attempts: list[tuple[bool, bool]] = []
        self.visits: list[tuple[str, bool]] = []
        self.password = PASSWORD
        self.echoes = False
        self.expires_after = 0
        self.asked = 0
        self.own_headers: set[str] = set()
        self.more = ""
        self.arrived = threading.Event()
        self.gate = threading.Event()
        self.gate.set()


class LoginSite:
    """The site, served while the ``with`` block lasts. ``more`` is HTML that every page behind the log-in ends with."""

    def __init__(self, host: str = "127.0.0.1") -> None:
        self._host = host

    def __enter__(self) -> Self:
        self._server = _Server(self._host)
        self._server.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.gate.set()
        self._server.stop()

    @property
    def url(self) -> str:
        return self._server.url

    @property
    def log_ins(self) -> int:
        """How often the form was sent with the right password."""
        return sum(right for _, right in self._server.attempts)

    @property
    def attempts(self) -> int:
        """How often the form was sent."""
        return len(self._server.attempts)

    @property
    def visits(self) -> list[tuple[str, bool]]:
        """The pages that were asked for, each with whether the visitor was logged in."""
        return list(self._server.visits)

    @property
    def asked(self) -> int:
        """How often anything was asked for."""
        return self._server.asked

    @property
    def own_headers(self) -> set[str]:
        """The values of ``X-Own`` that were sent."""
        return set(self._server.own_headers)

    def expire(self) -> None:
        """Let every session expire."""
        with self._server.lock:
            self._server.sessions.clear()

    def expire_after(self, visits: int) -> None:
        """Let every session expire once so many pages behind the log-in were asked for, from now on."""
        with self._server.lock:
            self._server.expires_after = len(self._server.visits) + visits

    def change_password(self, password: str) -> None:
        self._server.password = password

    def echo_the_password(self) -> None:
        """Show a wrong password in the page, as a careless site does."""
        self._server.echoes = True

    def add_to_pages(self, html: str) -> None:
        self._server.more = html

    def hold(self) -> None:
        """Answer no log-in from now on; ``arrived`` says when one waits."""
        self._server.arrived.clear()
        self._server.gate.clear()

    @property
    def arrived(self) -> threading.Event:
        return self._server.arrived

    def release(self) -> None:
        """Answer the log-ins that wait, and the later ones."""
        self._server.gate.set()

    def steps(self, *more: dict[str, Any]) -> list[dict[str, Any]]:
        """Return the steps of a log-in, with the secrets ``SITE_USER`` and ``SITE_PASSWORD``; then ``more``."""
        return [
            {"goto": f"{self.url}/login"},
            {"fill": {"selector": "#user", "value": "${secret:SITE_USER}"}},
            {"fill": {"selector": "#password", "value": "${secret:SITE_PASSWORD}"}},
            {"select": {"selector": "#region", "value": "America"}},
            {"click": "#go"},
            *more,
        ]

    def pages(self, count: int) -> list[str]:
        """Return the URLs of ``count`` pages behind the log-in."""
        return [f"{self.url}/account/{number}" for number in range(count)]


SECRETS = {"SITE_USER": USER, "SITE_PASSWORD": PASSWORD}
