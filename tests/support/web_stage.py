"""The ledgers that the tests of the web view look at, and the addresses of every screen."""

from dataclasses import dataclass
from pathlib import Path

from support.web_ledger import Seeded


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A seeded ledger."""

    dsn: str
    """Where it is."""
    artifacts: Path
    """The folder of its artifacts."""
    seeded: Seeded
    """What it holds."""


def addresses(stage: Stage) -> dict[str, str]:
    """Return every screen's address by its name."""
    seeded = stage.seeded
    kettle = seeded.pages["https://shop.example/products/kettle"]
    tent = seeded.pages["https://shop.example/products/tent"]
    return {
        "overview": "/",
        "runs": "/runs",
        "run": f"/runs/{seeded.last['products']}",
        "run-open": f"/runs/{seeded.open}",
        "cancel": f"/runs/{seeded.open}/cancel",
        "pages": "/pages",
        "page": f"/pages/{kettle}",
        "page-side": f"/pages/{kettle}?view=side",
        "page-failing": f"/pages/{tent}",
        "crawl": "/crawls/products",
        "changes": "/changes",
        "failures": "/failures",
        "lanes": "/lanes",
        "invocations": "/invocations",
        "alerts": "/alerts",
        "costs": "/costs",
        "find": "/find?q=kettle",
    }
