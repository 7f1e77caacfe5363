"""What a page costs with each memory size of the function: the image, held as Lambda holds it, on a real manual.

A function has a processor for each 1,769 MiB; the container gets as much of this machine's, and the same memory. What
serves the pages and the ledger runs beside it, so a size that has more processors than this machine is left out. Lambda
bills the start of a container, too, so it is measured and priced apart.
"""

import asyncio
import json
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

from tests.benchmarks import postgres
from tests.benchmarks.table import spread, table
from tests.image.container import MEMORY_OF_A_PROCESSOR, Container
from tests.image.stage import Stage, stage_around
from tests.support.manual import find_manual, page_urls, serve
from tools.ci.base_image import base_image
from tools.ci.docker_daemon import engine, layers_folder
from tools.deploy.container_engine import Engine
from tools.deploy.image import build
from tools.shell import ToolError, say
from tools.terraform.cost import PRICES
from trapline_common.ledger.connection import Database
from trapline_common.ledger.schema.migrate import migrate

SIZES = (1_024, 1_769, 2_048, 3_008)
"""MiB: the least that a browser works in, one processor, the Terraform's default, and what new accounts may have."""
FEW = 3
"""Pages of a small invocation: what the bare driver visits as well."""
TAG = "trapline-crawler:bench"
MEASURED = Path(__file__).with_name("sizes.json")
"""The medians that ``docs/image.md`` shows: what ``--json`` writes under that name, of a quiet machine."""
_ARCHITECTURES = ("x86_64", "arm64")
_HOW = ("warm", "cold")
_BARE = """
import asyncio, sys, time
from playwright.async_api import async_playwright
from trapline_crawler.browser.launch_options import LEFT_OUT, SWITCHES
async def main(path, *urls):
    began = time.monotonic()
    async with async_playwright() as driver:
        browser = await driver.chromium.launch(
            executable_path=path, args=[*SWITCHES, "--no-zygote"], ignore_default_args=list(LEFT_OUT),
            chromium_sandbox=False,
        )
        page = await (await browser.new_context()).new_page()
        for url in urls:
            await page.goto(url)
            await page.inner_text("body")
        await browser.close()
    print(time.monotonic() - began)
asyncio.run(main(*sys.argv[1:]))
"""
"""Playwright with our switches and nothing of ours else: launch, pages one after another, end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lap:
    """One container of one size."""

    memory: int
    """MiB."""
    start: float
    """Seconds from the start of the container to its first request for an event."""
    cold: float
    """Seconds of the first invocation, of ``FEW`` pages."""
    warm: float
    """Seconds of the next one, of as many."""
    bare: float
    """Seconds of the bare driver for the same pages, launch and end included."""
    many: float
    """Seconds of a warm invocation of ``pages`` pages."""
    pages: int
    """How many those are."""
    cpu: float
    """Seconds of the processor, of the whole container, that they took."""
    cpu_warm: float
    """The same of the small warm invocation."""
    cpu_bare: float
    """The same of the bare driver, with its Python and that one's imports."""
    peak: int
    """The most memory that all processes had together (PSS), MiB."""


def measure(folder: Path, *, pages: int, rounds: int) -> list[Lap]:
    """Return ``rounds`` laps of each size, interleaved. Raises ``ToolError`` where a page fails."""
    sizes = [size for size in SIZES if size / MEMORY_OF_A_PROCESSOR <= (os.cpu_count() or 1)]
    manual = find_manual()
    say(f"sizes: {pages} pages of {manual.source}, {rounds} rounds of {', '.join(map(str, sizes))} MiB")
    with (
        engine(layers_folder(os.environ)) as docker,
        postgres.server(folder / "sizes") as server,
        serve(manual) as base,
    ):
        image = build(docker, TAG, environ=os.environ, base=base_image(docker, os.environ))
        urls = page_urls(manual, base, pages)
        laps = []
        for number in range(rounds):
            for size in sizes if number % 2 == 0 else reversed(sizes):
                lap = asyncio.run(_lap(docker, image, server.fresh(f"sizes_{number}_{size}"), size, urls))
                say(f"  round {number + 1} {json.dumps(asdict(lap))}")
                laps.append(lap)
    return laps


async def _lap(docker: Engine, image: str, dsn: str, memory: int, urls: Sequence[str]) -> Lap:
    async with await Database.connect(dsn) as database:
        await migrate(database)
        async with stage_around(docker, image, dsn, database, memory=memory, held=True) as stage:
            with stage.start() as container:
                few = urls[:FEW]
                cold = await _crawl(stage, "cold", few)
                used = [container.cpu()]
                warm = await _crawl(stage, "warm", few)
                used.append(container.cpu())
                bare = await asyncio.to_thread(_bare, container, few)
                used.append(container.cpu())
                many = await _crawl(stage, "many", urls)
                used.append(container.cpu())
                return Lap(
                    memory=memory,
                    start=(stage.api.first_asked or time.monotonic()) - container.started,
                    cold=cold,
                    warm=warm,
                    bare=bare,
                    many=many,
                    pages=len(urls),
                    cpu_warm=used[1] - used[0],
                    cpu_bare=used[2] - used[1],
                    cpu=used[3] - used[2],
                    peak=container.peak.bytes // 2**20,
                )


async def _crawl(stage: Stage, name: str, urls: Sequence[str]) -> float:
    answer = await stage.crawl(name, urls, screenshot="never")
    if (answer.result or {}).get("done") != len(urls):
        raise ToolError(f"{name}: not every page was done: {answer}")
    await stage.idle()
    return answer.seconds


def _bare(container: Container, urls: Sequence[str]) -> float:
    command = ("/opt/venv/bin/python", "-c", _BARE, "/usr/lib/chromium/chromium-headless-shell", *urls)
    return float(container.engine.output("exec", container.name, *command))


def dollars(lap: Mapping[str, Any], architecture: str, *, is_cold: bool) -> float:
    """Return US dollars for 1,000 pages in invocations like ``lap``'s large one, by the price file of the deployment.

    ``is_cold``: each invocation starts a container. An Arm function is taken to be as fast as this machine.
    """
    prices = json.loads(PRICES.read_text())["prices"]
    seconds = float(lap["many"]) + (float(lap["start"]) if is_cold else 0.0)
    gib_seconds = seconds * float(lap["memory"]) / 1_024
    one = gib_seconds * float(prices["function_gib_second"][architecture]) + float(prices["function_call"])
    return one * 1_000 / float(lap["pages"])


def costs(medians: Sequence[Mapping[str, Any]]) -> str:
    """Return what 1,000 pages cost, as the table of ``docs/image.md``: dollars by the price file of the deployment."""
    head = ["memory, MiB", "peak, MiB", "first result, s", f"{FEW} warm / bare", "s a page"]
    head += [f"{one}, {how}" for one in _ARCHITECTURES for how in _HOW]
    rows = [
        [
            f"{lap['memory']:,}",
            f"{lap['peak']:.0f}",
            f"{lap['start'] + lap['cold']:.1f}",
            f"{lap['warm'] / lap['bare']:.2f}",
            f"{lap['many'] / lap['pages']:.3f}",
            *(f"{dollars(lap, one, is_cold=how == 'cold'):.4f}" for one in _ARCHITECTURES for how in _HOW),
        ]
        for lap in medians
    ]
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def report(laps: Sequence[Lap]) -> str:
    """Return the table."""
    rows = []
    for size in sorted({lap.memory for lap in laps}):
        mine = [lap for lap in laps if lap.memory == size]
        middle = middles(mine)
        rows.append(
            [
                f"{size} MiB",
                spread([lap.start for lap in mine], 2),
                spread([lap.start + lap.cold for lap in mine], 2),
                spread([lap.warm / lap.bare for lap in mine], 2),
                spread([lap.many / lap.pages for lap in mine], 3),
                spread([lap.cpu / lap.pages for lap in mine], 3),
                f"{max(lap.peak for lap in mine)}",
                *(f"{dollars(middle, one, is_cold=cold):.4f}" for one in _ARCHITECTURES for cold in (False, True)),
            ]
        )
    head = [
        "median (range)", "start, s", "first result, s", f"{FEW} warm / bare", "s a page", "CPU s a page", "peak, MiB",
        "$ warm, x86", "cold", "$ warm, arm", "cold",
    ]  # fmt: skip
    return table("What 1,000 pages cost, by the memory of the function", head, rows)


def middles(laps: Sequence[Lap]) -> dict[str, Any]:
    """Return the medians of laps of one size, as ``dollars`` takes them."""
    names = ("memory", "start", "cold", "warm", "bare", "many", "pages", "cpu", "cpu_warm", "cpu_bare", "peak")
    return {name: median(getattr(lap, name) for lap in laps) for name in names}


def as_json(laps: Sequence[Lap]) -> dict[str, object]:
    """Return everything measured, for ``--json``."""
    sizes = sorted({lap.memory for lap in laps})
    return {
        "laps": [asdict(lap) for lap in laps],
        "medians": [middles([lap for lap in laps if lap.memory == size]) for size in sizes],
    }
