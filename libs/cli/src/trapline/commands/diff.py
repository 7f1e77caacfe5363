"""``trapline diff URL``: the last accepted change of a page."""

import asyncio
import os
from pathlib import Path

import typer

from trapline.access.ledger import existing
from trapline.access.options import DEFAULT_DATA_DIR, CrawlFilter, DatabaseUrl, DataDir, Json, RunFilter
from trapline.render.artifact_location import artifact_location
from trapline.render.json import print_json
from trapline.render.notes import note
from trapline.render.page_change import show_change
from trapline.render.printer import Printer
from trapline_common.config.urls import normalise_url
from trapline_common.domain.errors import InputRefusedError
from trapline_common.domain.web_view import WebView
from trapline_common.ledger.connection import Database
from trapline_common.ledger.views.difference import Difference, difference
from trapline_common.ledger.views.pages import Change, PageRow, find_pages, last_change


def diff(
    url: str = typer.Argument(metavar="URL", help="The page, as in crawls.yaml or `trapline tasks`."),
    crawl: CrawlFilter = None,
    run: RunFilter = None,
    json: Json = False,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    database_url: DatabaseUrl = None,
) -> None:
    """Show the last change of a page as a unified diff, with the fields and the regions of its picture that differ.

    --crawl chooses where several crawls visit the page; --run shows the change that this run found.

    Exits with 0, also when the page has never changed (standard error says so), and with 2 when no crawl has the page,
    or several have it and --crawl does not choose one.

    Examples:

      trapline diff https://example.com/pricing
      trapline diff https://example.com/pricing --crawl pricing --run 7
      trapline diff https://example.com/pricing --json | jq -r .change.diff
    """
    asyncio.run(_diff(url, crawl, run, json=json, data_dir=data_dir, database_url=database_url))


async def _diff(
    url: str, crawl: str | None, run_id: int | None, *, json: bool, data_dir: Path, database_url: str | None
) -> None:
    try:
        wanted = normalise_url(url)
    except ValueError as error:
        raise InputRefusedError(f"{url}: {error}") from error
    async with existing(data_dir, database_url) as database:
        page = await _one_page(database, wanted, crawl)
        change = await last_change(database, page.id, run_id=run_id)
    compared = None if change is None else difference(change, page.url)
    link = WebView.read(os.environ).page(page.id, None if change is None else change.observation_id)
    if json:
        print_json(
            {
                "url": page.url,
                "crawl": page.crawl,
                "page_id": page.id,
                "change": _as_json(change, compared),
                **({"link": link} if link else {}),
            }
        )
    elif change is None or compared is None:
        note(f"no change of {page.url} in crawl {page.crawl}" + (f", run {run_id}" if run_id is not None else " yet"))
    else:
        bucket = os.environ.get("TRAPLINE_ARTIFACTS", "")

        def location(key: str) -> str:
            return artifact_location(data_dir, key, bucket=bucket)

        show_change(Printer(), page, change, compared, location=location, link=link)


async def _one_page(database: Database, url: str, crawl: str | None) -> PageRow:
    pages = await find_pages(database, url, crawl=crawl)
    if not pages:
        where = f"crawl {crawl}" if crawl is not None else "any crawl"
        raise InputRefusedError(f"no page {url} in {where}; `trapline tasks --url PART` finds URLs")
    if len(pages) > 1:
        names = ", ".join(page.crawl for page in pages)
        raise InputRefusedError(f"{url} is a page of several crawls ({names}); choose one with --crawl")
    return pages[0]


def _as_json(change: Change | None, compared: Difference | None) -> dict[str, object] | None:
    if change is None or compared is None:
        return None
    return {
        "run_id": change.run_id,
        "baseline_run": change.baseline_run,
        "at": change.at,
        "baseline_at": change.baseline_at,
        "title": change.title,
        "final_url": change.final_url,
        "screenshot": change.screenshot,
        "fields": compared.fields,
        "diff": compared.diff,
        "picture": change.picture,
    }
