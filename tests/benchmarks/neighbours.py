"""What hostile pages cost their neighbours: each beside nine good pages, in each isolation, in one browser."""

import asyncio
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.benchmarks.table import table
from tests.support.crawling import KnownSecrets, new_browser
from tests.support.hostile import hostile_site
from tests.support.hostile_pages import ALL, HOSTILE
from tests.support.neighbours import TIMEOUT, Together, good_alone, visit_together
from tools.shell import say
from trapline_common.local.artifacts import DirectoryArtifacts
from trapline_crawler.visit.visitor import BrowserVisitor

IN_FLIGHT = 3
"""Pages at once: the default of ``pages_in_flight``."""
BEYOND = 2.0
"""Seconds beyond its own time-out that a hostile page may cost."""
ISOLATIONS = ("clean", "crawl", "page")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One hostile page in one isolation."""

    page: str
    isolation: str
    good_alone: float
    together: Together
    launches: int

    @property
    def holds(self) -> bool:
        """Whether no neighbour was harmed, and nothing took longer than it may."""
        return not self.together.harmed and self.extra <= TIMEOUT + BEYOND

    @property
    def extra(self) -> float:
        """Seconds that the hostile page cost all of them together."""
        return self.together.seconds - self.good_alone


def measure(folder: Path, *, only: str | None = None) -> list[Row]:
    """Visit every hostile page, or those whose name holds ``only``, beside the good ones."""
    return asyncio.run(_measure(folder, [page for page in HOSTILE if only is None or only in page]))


async def _measure(folder: Path, pages: Sequence[str]) -> list[Row]:
    rows = []
    browser = new_browser()
    visitor = BrowserVisitor(browser, artifacts=DirectoryArtifacts(folder), secrets=KnownSecrets())
    async with hostile_site(more=ALL) as site:
        try:
            for isolation in ISOLATIONS:
                alone = await good_alone(visitor, site.origin, isolation=isolation, in_flight=IN_FLIGHT)
                say(f"neighbours: isolation {isolation}, without a hostile page {alone:.1f} s")
                for page in pages:
                    before = browser.launches
                    together = await visit_together(
                        visitor, site.origin, page, isolation=isolation, in_flight=IN_FLIGHT
                    )
                    row = Row(
                        page=page, isolation=isolation, good_alone=alone, together=together,
                        launches=browser.launches - before,
                    )  # fmt: skip
                    rows.append(row)
                    say(
                        f"  {'ok ' if row.holds else 'BAD'} {isolation:<5} {page:<24} {row.extra:5.1f} s more, "
                        f"itself {together.hostile_seconds:4.1f} s, {row.launches} launches; {together.hostile[:90]}"
                    )
                    for harmed in together.harmed:
                        say(f"        {harmed[:150]}")
        finally:
            await visitor.close()
    return rows


def report(rows: Sequence[Row]) -> str:
    """Return the table."""
    lines = []
    for isolation in ISOLATIONS:
        of_it = [row for row in rows if row.isolation == isolation]
        whole = sum(not row.together.harmed for row in of_it)
        late = max((row.extra for row in of_it), default=0)
        lines.append([f"isolation: {isolation}", f"{whole} of {len(of_it)}", f"{late:.1f}", f"<= {TIMEOUT + BEYOND:g}"])
    return table(
        "Hostile pages, each beside nine good ones",
        ["", "pages that harm no neighbour", "most seconds more", "allowed"],
        lines,
    )


def as_json(rows: Sequence[Row]) -> dict[str, object]:
    """Return everything measured, for ``--json``."""
    return {"rows": [asdict(row) | {"extra": row.extra, "holds": row.holds} for row in rows]}
