"""The demo shop over HTTP on loopback, on threads of its own process. Standard library only."""

import json
import threading
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from types import TracebackType
from typing import Self

from tests.site import pages
from tests.site.catalogue import PRODUCTS, Shop
from tests.site.serving import LoopbackServer, QuietHandler

SLOW_SECONDS = 1.5
"""How long the delivery page takes to answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One response."""

    body: str
    """Text, sent as UTF-8."""
    status: HTTPStatus = HTTPStatus.OK
    """The response's."""
    kind: str = "text/html; charset=utf-8"
    """Its Content-Type."""


def _page(path: str, shop: Shop, base: str, stop: threading.Event) -> Answer:
    products = {f"/products/{product.slug}": product for product in PRODUCTS}
    if shop.is_broken(path.rpartition("/")[2]):
        body = pages.plain_page("Something broke", "The shop's server fell over while it made this page.")
        return Answer(body=body, status=HTTPStatus.INTERNAL_SERVER_ERROR)
    if path in products:
        return Answer(body=pages.product_page(products[path], shop))
    match path:
        case "/":
            return Answer(body=pages.catalogue(shop))
        case "/stock":
            return Answer(body=pages.stock_page())
        case "/stock.json":
            return Answer(body=pages.stock_rows(), kind="application/json")
        case "/workshop":
            return Answer(body=pages.plain_page("Workshop", "Open Monday to Friday; repairs while you wait."))
        case "/slow":
            stop.wait(SLOW_SECONDS)  # the page's own slowness; a stopping server does not wait for it
            return Answer(body=pages.plain_page("Delivery", "By dog sled, in the order in which you asked."))
        case "/sitemap.xml":
            return Answer(body=pages.sitemap(base), kind="application/xml")
        case _:
            body = pages.plain_page("Not found", "There is no such page in this shop.")
            return Answer(body=body, status=HTTPStatus.NOT_FOUND)


class _Handler(QuietHandler, BaseHTTPRequestHandler):
    server: "_Server"

    def do_GET(self) -> None:
        self._send(_page(self.path.partition("?")[0], self.server.shop, self.server.url, self.server.stopping))

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        if self.path != "/_control":
            self._send(Answer(body="", status=HTTPStatus.NOT_FOUND))
            return
        try:
            order = json.loads(body)
            self.server.shop.apply(order if isinstance(order, dict) else {"price": order})
        except (KeyError, TypeError, ValueError) as error:
            self._send(Answer(body=json.dumps({"error": str(error)}), status=HTTPStatus.BAD_REQUEST, kind="text/json"))
            return
        self._send(Answer(body="{}", kind="application/json"))

    def _send(self, answer: Answer) -> None:
        self.reply(answer.status, answer.body.encode(), {"Content-Type": answer.kind, "Cache-Control": "no-store"})


class _Server(LoopbackServer):
    def __init__(self, port: int) -> None:
        super().__init__(_Handler, port=port)
        self.shop = Shop()
        self.stopping = threading.Event()


@dataclass(slots=True)
class DemoSite:
    """The shop, served while the ``with`` block lasts."""

    port: int = 0
    """0 takes a free one."""
    _server: _Server = field(init=False)
    """Made when the block begins."""

    def __enter__(self) -> Self:
        self._server = _Server(self.port)
        self._server.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.stopping.set()
        self._server.stop()

    @property
    def url(self) -> str:
        """The site's root without a slash at its end, for example ``http://127.0.0.1:40123``."""
        return self._server.url

    @property
    def shop(self) -> Shop:
        """What can be switched: ``set_price``, ``break_page``, ``mend_page``."""
        return self._server.shop
