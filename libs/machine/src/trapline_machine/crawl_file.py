"""``trapline crawl``: everything between the command line and the exit code.

What is refused is found here. What works on the runs is in ``crawl_runs``, which takes half a second to load: that is
done while Postgres starts.
"""

from collections.abc import Mapping
from importlib import import_module

from trapline_common.config.load import load_config
from trapline_common.local.channels import FILE_NAME, read_channels
from trapline_common.local.secrets import LocalSecrets
from trapline_common.platform.loading import loading
from trapline_machine.channel_check import check_channels
from trapline_machine.crawl_request import CrawlRequest, chosen
from trapline_machine.data_directory import prepare, refusals
from trapline_machine.embedded_ledger import open_ledger_beside
from trapline_machine.logs import own_log
from trapline_machine.process_start import EarlyCrawler


async def crawl_file(request: CrawlRequest, environ: Mapping[str, str], early: EarlyCrawler) -> int:
    """Crawl and return the exit code (DESIGN 9). ``early``: the process for the first invocation.

    Raises ``InputRefusedError`` before anything is written, ``LedgerUnavailableError`` and other ``TraplineError``.
    """
    config = load_config(request.file)
    crawls = chosen(config, request)
    settings = request.settings
    secrets = LocalSecrets(environ, settings.data_dir / "secrets")
    channels = await read_channels(settings.data_dir / FILE_NAME, secrets)
    await check_channels(crawls, channels, request.file, settings.data_dir)
    fetch, broken = None, dict[str, str]()
    if any(crawl.sitemap is not None for crawl in crawls):
        from trapline_machine.sitemap_check import check_sitemaps, fetch_once

        fetch = fetch_once(environ)
        broken = await check_sitemaps(crawls, fetch, secrets, request.file)
    prepare(settings.data_dir)
    with refusals(settings.data_dir), own_log(settings.logs):
        async with open_ledger_beside(settings.data_dir, settings.database_url, _load) as (dsn, database):
            from trapline_machine.crawl_runs import CrawlRuns

            runs = CrawlRuns(request=request, config=config, crawls=crawls, environ=environ, early=early)
            return await runs.work(dsn, database, fetch=fetch, broken=broken)


def _load() -> None:
    with loading():
        import_module("trapline_machine.crawl_runs")
