"""What a page costs by its kind and by ``isolation``: processor time of the whole process tree, in interleaved rounds.

On a machine that others use as well, processor time a page is the figure to trust, and pages/s is not.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import urlsplit

from tests.benchmarks import rules
from tests.benchmarks.crawl import PEER_FOLDER
from tests.benchmarks.kinds_visits import cpu
from tests.benchmarks.processes import OTHERS_MOST, adopt, busy, collect
from tests.benchmarks.table import spread, table
from tests.support.manual import find_manual, find_second, page_urls, serve
from tools.shell import ToolError, say
from tools.workspace.environment import PEERS

IN_FLIGHT = 3
"""Pages at once: the default of ``pages_in_flight``."""
TIMEOUT = 600.0
"""Seconds of a lap."""
FORMS = ("page", "clean", "crawl")
CRAWLEE, BARE = "Crawlee", "bare loop, page reused"
PEER_SCRIPTS = {CRAWLEE: "crawlee_loop.py", BARE: "bare.py"}
"""Peers, each in its fastest way: one context for all pages, and a page for each worker."""
_EVERY_HOST_IS_HERE = "--host-resolver-rules=MAP *.test 127.0.0.1"
_VISITS = Path(__file__).with_name("kinds_visits.py")


@dataclass(frozen=True, slots=True, kw_only=True)
class Lap:
    """One kind of pages in one form of isolation, once."""

    pages: int
    """Pages visited."""
    seconds: float
    """Wall time."""
    cpu: float
    """Seconds of the processor, of Python, driver and browser."""
    others: float
    """The part of the machine's processors that neither this nor the pages' server used."""

    @property
    def per_page(self) -> float:
        """Milliseconds of the processor a page."""
        return self.cpu * 1000 / self.pages


@contextmanager
def _heavy_site() -> Iterator[int]:
    command = [sys.executable, "-m", "tests.benchmarks.heavy_site"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            yield int(server.stdout.readline())
        finally:
            server.terminate()


def _lap(python: Path, urls: Sequence[str], isolation: str) -> Lap:
    job: dict[str, Any] = {"urls": list(urls), "isolation": isolation, "in_flight": IN_FLIGHT}
    script = _VISITS
    if isolation in PEER_SCRIPTS:
        script, launch = PEER_FOLDER / PEER_SCRIPTS[isolation], rules.job()
        job |= launch | {"args": [*launch["args"], _EVERY_HOST_IS_HERE], "mode": "reuse"}
    known, before, own = adopt(), busy(), cpu(os.getpid())
    start = os.times().elapsed
    ended = subprocess.run(
        [str(python), str(script)], input=json.dumps(job), capture_output=True, text=True, timeout=TIMEOUT, check=False
    )
    if ended.returncode != 0:
        raise ToolError(f"a lap of {isolation} ended with {ended.returncode}: {ended.stderr.strip()[-800:]}")
    collect(known)
    wall = os.times().elapsed - start
    others = (busy() - before - (cpu(os.getpid()) - own)) / wall / (os.cpu_count() or 1)
    found = json.loads(ended.stdout)
    found = found.get("steady", found)
    return Lap(pages=found["pages"], seconds=found["seconds"], cpu=found["cpu"], others=max(0.0, others))


def measure(
    *, pages: int, rounds: int, beside: Path | None = None, peers: bool = True
) -> dict[str, dict[str, list[Lap]]]:
    """Visit pages of each kind in each form, ``rounds`` times in turn; return laps by kind and form.

    ``beside``: another checkout of this project, set up, whose ``page`` is measured in the same rounds. ``peers``:
    Crawlee and a bare loop are measured too.
    Raises ``ToolError`` on a visit that fails.
    """
    own = Path(sys.executable)
    contestants = {form: (own, form) for form in FORMS}
    if beside is not None:
        contestants = {f"page, {beside.name}": (beside / ".venv/bin/python", "page"), **contestants}
    if peers:
        PEERS.ensure()
        contestants |= {peer: (PEERS.python, peer) for peer in PEER_SCRIPTS}
    manual, wanted = find_manual(), pages + IN_FLIGHT
    laps: dict[str, dict[str, list[Lap]]] = {}
    second = find_second(at_least=wanted)
    say(f"kinds: {pages} pages of {manual.source}, {second.source}, or heavy ones; {IN_FLIGHT} in flight, one process")
    with serve(manual) as base, serve(second) as second_base, _heavy_site() as heavy:
        one_site = page_urls(manual, base, wanted)
        host = str(urlsplit(base).hostname)
        kinds = {
            "one site": one_site,
            "another site": page_urls(second, second_base, wanted),
            "each its own site": [url.replace(host, f"s{number}.test", 1) for number, url in enumerate(one_site)],
            "heavy, with frames": [f"http://shop.test:{heavy}/page/{number}" for number in range(wanted)],
        }
        for kind, urls in kinds.items():
            laps[kind] = {name: [] for name in contestants}
            for number in range(rounds):
                for name, (python, isolation) in contestants.items():
                    lap = _lap(python, urls, isolation)
                    laps[kind][name].append(lap)
                    warning = f"  others used {lap.others:.0%} of the machine" if lap.others > OTHERS_MOST else ""
                    say(
                        f"  {kind:<18} round {number + 1}  {name:<18} {lap.per_page:6.1f} ms a page, "
                        f"{lap.pages / lap.seconds:.1f} pages/s{warning}"
                    )
    return laps


def ratios(laps: Mapping[str, Sequence[Lap]], name: str, other: str | None = None) -> list[float]:
    """Return the processor time a page of ``name`` divided by that of another form, round by round.

    ``other``: the first form by default.
    """
    others = laps[other or next(iter(laps))]
    return [lap.per_page / beside.per_page for lap, beside in zip(laps[name], others, strict=True)]


def speeds(laps: Mapping[str, Sequence[Lap]], name: str, other: str) -> list[float]:
    """Return pages/s of ``name`` divided by those of ``other``, round by round."""
    return [
        lap.pages / lap.seconds / (beside.pages / beside.seconds)
        for lap, beside in zip(laps[name], laps[other], strict=True)
    ]


def report(laps: Mapping[str, Mapping[str, Sequence[Lap]]]) -> str:
    """Return the table, and a warning where others disturbed."""
    rows = [
        [
            f"{kind}: {name}",
            spread([lap.per_page for lap in of_it]),
            spread([lap.pages / lap.seconds for lap in of_it]),
            spread(ratios(of_kind, name), 2),
            *(
                spread(of_pair, 2)
                for peer in PEER_SCRIPTS
                if peer in of_kind
                for of_pair in (ratios(of_kind, name, peer), speeds(of_kind, name, peer))
            ),
        ]
        for kind, of_kind in laps.items()
        for name, of_it in of_kind.items()
    ]
    most = max(median(lap.others for lap in of_it) for of_kind in laps.values() for of_it in of_kind.values())
    warning = f"others used up to {most:.0%} of the machine: trust the ratios\n" if most > OTHERS_MOST else ""
    head = ["median of rounds (range)", "CPU ms/page", "pages/s", "CPU, ratio to the first"]
    if CRAWLEE in next(iter(laps.values())):
        head += ["CPU, to Crawlee", "pages/s", "CPU, to the bare loop", "pages/s"]
    return table("What a page costs, by kind and isolation", head, rows) + warning


def as_json(laps: Mapping[str, Mapping[str, Sequence[Lap]]]) -> dict[str, object]:
    """Return everything measured, for ``--json``."""
    return {
        kind: {name: {"laps": [asdict(lap) for lap in of_it], "ratio": median(ratios(of_kind, name))}
               for name, of_it in of_kind.items()}
        for kind, of_kind in laps.items()
    }  # fmt: skip
