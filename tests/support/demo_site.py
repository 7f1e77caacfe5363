"""The demo shop for tests: ``with DemoSite() as site: ... site.url ... site.shop.set_price("kettle", 2950)``."""

from tests.site.catalogue import PRODUCTS, Shop
from tests.site.server import SLOW_SECONDS, DemoSite

__all__ = ["PRODUCTS", "SLOW_SECONDS", "DemoSite", "Shop"]
