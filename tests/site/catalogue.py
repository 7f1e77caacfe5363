"""What the demo shop sells, and the parts of its state that can be switched while it runs."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """One product. ``price`` is in cents; ``colour`` is the CSS colour of its picture."""

    slug: str
    """The last part of the page's path."""
    name: str
    """As its page shows it."""
    blurb: str
    """One sentence about it."""
    price: int
    """In cents."""
    colour: str
    """Of its picture, as CSS writes it."""


def _product(slug: str, name: str, price: int, colour: str, blurb: str) -> Product:
    return Product(slug=slug, name=name, blurb=blurb, price=price, colour=colour)


PRODUCTS = (
    _product("kettle", "Camp kettle", 3_450, "#8fa89b", "Boils a litre in four minutes over an open fire."),
    _product("lantern", "Storm lantern", 5_900, "#d9b26f", "Burns eighteen hours on one filling, in any wind."),
    _product("snowshoes", "Ash snowshoes", 14_900, "#b7a38c", "Steam-bent ash, laced by hand, for 90 kg and a pack."),
    _product("compass", "Brass compass", 4_200, "#c9a24a", "Liquid-damped, declination set with a key."),
    _product("mittens", "Wool mittens", 2_850, "#a8606a", "Boiled wool, two layers, warm when wet."),
    _product("axe", "Small forest axe", 11_200, "#7d8791", "Forged head, hickory handle, a leather sheath."),
    _product("tent", "Trapper tent", 32_500, "#93a17a", "Waxed canvas for two, with a stove jack."),
    _product("stove", "Folding stove", 8_700, "#6b6f75", "Packs flat, burns twigs, stands on snow."),
    _product("rope", "Hemp rope, 20 m", 1_950, "#bfa77a", "Twelve millimetres, three strands, tarred ends."),
    _product("knife", "Field knife", 6_400, "#88939c", "Carbon steel, birch handle, holds an edge."),
    _product("blanket", "Point blanket", 17_800, "#c46a4e", "Four points, pure wool, made to last a life."),
    _product("thermos", "Steel flask", 3_900, "#7f9fb0", "Tea stays hot for a day at twenty below."),
)


class Shop:
    """The shop's switchable state. Safe to change from one thread while others serve pages."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._prices = {product.slug: product.price for product in PRODUCTS}
        self._broken = {"workshop"}
        """Pages that answer 500. The workshop's page starts out broken, so that it can be mended."""

    def price(self, slug: str) -> int:
        """Return the price in cents now. Raises ``KeyError`` for an unknown product."""
        with self._lock:
            return self._prices[slug]

    def set_price(self, slug: str, cents: int) -> None:
        """Change a price. Raises ``KeyError`` for an unknown product."""
        with self._lock:
            if slug not in self._prices:
                raise KeyError(slug)
            self._prices[slug] = cents

    def is_broken(self, page: str) -> bool:
        with self._lock:
            return page in self._broken

    def break_page(self, page: str) -> None:
        """Answer 500 for ``page`` (a product's slug, ``workshop``, ``stock`` or ``slow``) from now on."""
        with self._lock:
            self._broken.add(page)

    def mend_page(self, page: str) -> None:
        """Answer for ``page`` as usual again; nothing happens when it was whole."""
        with self._lock:
            self._broken.discard(page)

    def apply(self, order: Mapping[str, object]) -> None:
        """Obey one ``POST /_control``: any of ``price: {slug: cents}``, ``break: [page]``, ``mend: [page]``.

        Raises ``KeyError`` for an unknown product and ``TypeError`` for another shape.
        """
        prices, broken, mended = order.get("price", {}), order.get("break", []), order.get("mend", [])
        if not isinstance(prices, dict) or not isinstance(broken, list) or not isinstance(mended, list):
            raise TypeError("price takes an object, break and mend take lists")
        for slug, cents in prices.items():
            if not isinstance(cents, int):
                raise TypeError(f"price of {slug}: whole cents, please")
            self.set_price(slug, cents)
        for page in broken:
            self.break_page(str(page))
        for page in mended:
            self.mend_page(str(page))
