"""One long life of a crawler's browser, for ``benchmarks.endurance``: its memory over many visits, and what is left.

It reads a job as JSON from standard input, ``{"urls", "isolation", "in_flight", "visits",
"seconds"}``: it visits the pages in turn until it has made so many visits, or for so long. It prints ``{"visits",
"samples", "cpu", "descriptors", "processes", "folders"}``: each sample is the number of visits so far and MiB of PSS of
the whole process tree; ``cpu`` is the tree's seconds of the processor; the others are what is left after the end,
beyond what there was before the browser.
"""

import asyncio
import itertools
import json
import os
import sys
import tempfile
import time
from ipaddress import ip_network
from pathlib import Path

from tests.benchmarks.processes import cpu, pss, tree
from trapline_common.config.models import CrawlConfig
from trapline_common.egress.address_policy import AddressPolicy
from trapline_common.egress.gate import Gate
from trapline_common.local.artifacts import DirectoryArtifacts
from trapline_common.local.secrets import LocalSecrets
from trapline_common.platform.logging import configure
from trapline_crawler.browser.find import find_browser
from trapline_crawler.browser.supervisor import Browser
from trapline_crawler.proxy.browser_proxies import BrowserProxies
from trapline_crawler.visit.visitor import BrowserVisitor

EVERY = 1.0
"""Seconds between two samples."""


def _descriptors() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


async def main() -> None:
    """Run the visits."""
    configure(service="crawler", console=False)  # the log goes to standard error: standard output is the answer's
    job = json.load(sys.stdin)
    descriptors, started = _descriptors(), time.monotonic()
    count, samples = 0, []
    with tempfile.TemporaryDirectory() as folder:
        before = {entry.name for entry in os.scandir(tempfile.gettempdir())}
        gate = Gate(policy=AddressPolicy(allow_private=(ip_network("127.0.0.0/8"),)))
        browser = Browser(find_browser(None), environ=os.environ, proxies=lambda: BrowserProxies(gate))
        crawl = CrawlConfig.model_validate(
            {"name": "bench", "isolation": job["isolation"], "screenshot": "never", "html": "never"}
        )
        secrets = LocalSecrets(os.environ, Path(folder))
        visitor = BrowserVisitor(browser, artifacts=DirectoryArtifacts(Path(folder)), secrets=secrets)
        left = itertools.islice(itertools.cycle(job["urls"]), job["visits"])

        async def visit() -> None:
            nonlocal count
            for url in left:
                found = await visitor.visit(url, crawl)
                if found.failure is not None:
                    raise SystemExit(f"{url} failed: {found.failure}")
                count += 1
                if time.monotonic() - started > job["seconds"]:
                    return

        async def sample() -> None:
            while True:
                await asyncio.sleep(EVERY)
                samples.append([count, sum(pss(pid) for pid in tree(os.getpid()))])

        sampling = asyncio.create_task(sample())
        try:
            await asyncio.gather(*(visit() for _ in range(job["in_flight"])))
            used = sum(cpu(pid) for pid in tree(os.getpid()))
        finally:
            sampling.cancel()
            await visitor.close()
        folders = sorted({entry.name for entry in os.scandir(tempfile.gettempdir())} - before)
    processes = sorted(name for pid, name in tree(os.getpid()).items() if pid != os.getpid())
    answer = {"visits": count, "samples": samples, "cpu": used, "processes": processes, "folders": folders}
    print(json.dumps(answer | {"descriptors": _descriptors() - descriptors}))


if __name__ == "__main__":
    asyncio.run(main())
