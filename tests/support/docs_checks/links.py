"""Checks that every link within the project leads to a file that exists, and to a heading that it has."""

from collections.abc import Iterator
from urllib.parse import unquote, urlsplit

from support.docs_checks.pages import Page, pages, read_page


def broken_links() -> Iterator[str]:
    """Return each link that leads nowhere, as ``PAGE: TARGET``. Addresses of other sites are not asked for."""
    for page in pages():
        for target in page.links:
            if not _leads_somewhere(page, target):
                yield f"{page.name}: {target}"


def _leads_somewhere(page: Page, target: str) -> bool:
    address = urlsplit(target)
    if address.scheme:
        return address.scheme in {"https", "http", "mailto"}
    found = (page.path.parent / unquote(address.path)) if address.path else page.path
    if not found.is_file():  # a folder is no page of the site
        return False
    return not address.fragment or (found.suffix == ".md" and address.fragment in read_page(found).anchors)
