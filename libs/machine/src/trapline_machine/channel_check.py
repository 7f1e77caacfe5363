"""Looks at the names in each crawl's ``alert.to`` before anything runs: an alert for nobody is a mistake."""

import asyncio
from collections.abc import Collection, Iterable
from difflib import get_close_matches
from pathlib import Path

from trapline_common.config.document import parse_document
from trapline_common.config.models import CrawlConfig
from trapline_common.config.problems import at, refusal
from trapline_common.local.channels import FILE_NAME


async def check_channels(crawls: Iterable[CrawlConfig], channels: Collection[str], file: Path, folder: Path) -> None:
    """Raise ``InputRefusedError`` with file, line and field of every name in ``alert.to`` that is no channel.

    ``channels``: the names in the channels file of ``folder``.
    """
    wrong = {(crawl.name, name) for crawl in crawls for name in crawl.alert.to if name not in channels}
    if not wrong:
        return
    lines = parse_document(await asyncio.to_thread(file.read_text, "utf-8-sig"), str(file)).lines
    raise refusal(
        str(file),
        [
            at(("crawls", crawl, "alert", "to"), lines, _advice(name, channels, folder / FILE_NAME))
            for crawl, name in sorted(wrong)
        ],
    )


def _advice(name: str, channels: Collection[str], where: Path) -> str:
    if not channels:
        return f"there is no channel {name}: write it into {where}, as `{name}: ADDRESS`"
    meant = get_close_matches(name, channels, n=1)
    if meant:
        return f"there is no channel {name} in {where}; did you mean {meant[0]}?"
    return f"there is no channel {name} in {where}; it has {', '.join(sorted(channels))}"
