"""`make bench`: speed of crawl and ledger, exactness of the count, the ledger at scale; as tables and as JSON."""

import argparse
import json
import platform
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.benchmarks import (
    alert,
    away,
    cold,
    count,
    crawl,
    endurance,
    gate,
    kinds,
    ledger,
    memory,
    neighbours,
    orchestrators,
    scale,
    sizes,
    web,
)
from tools.shell import main_guard, say


def _crawl(folder: Path, options: argparse.Namespace) -> tuple[str, dict[str, object]]:
    laps = crawl.measure(folder, pages=options.pages, rounds=options.rounds)
    return crawl.report(laps), crawl.as_json(laps)


def _ledger(folder: Path, options: argparse.Namespace) -> tuple[str, dict[str, object]]:
    tasks = options.tasks or LEDGER_TASKS
    laps = ledger.measure(folder, tasks=tasks, rounds=options.rounds, peers=not options.without_peers)
    return ledger.report(laps), ledger.as_json(laps)


def _alert(folder: Path, _options: argparse.Namespace) -> tuple[str, dict[str, object]]:
    seconds = alert.measure(folder)
    return alert.report(seconds), alert.as_json(seconds)


def _cold(folder: Path, options: argparse.Namespace) -> tuple[str, dict[str, object]]:
    laps = cold.measure(folder, rounds=options.rounds, beside=options.beside)
    return cold.report(laps), cold.as_json(laps)


def _count(folder: Path, _options: argparse.Namespace) -> tuple[str, dict[str, object]]:
    rounds = count.measure(folder)
    return count.report(rounds), count.as_json(rounds)


def _scale(folder: Path, options: argparse.Namespace) -> tuple[str, dict[str, object]]:
    result = scale.measure(folder, tasks=options.tasks or SCALE_TASKS, seconds=options.seconds)
    return scale.report(result), scale.as_json(result)


LEDGER_TASKS = 8_000
WEB_OBSERVATIONS = 1_000_000
SCALE_TASKS = 2_500_000
"""More than ten minutes' work at the speed that is asked for."""


def _gate(folder: Path, options: argparse.Namespace) -> tuple[str, dict[str, object]]:
    pairs = gate.measure(folder, pages=min(options.pages, 60), pairs=options.rounds)
    return gate.report(pairs), gate.as_json(pairs)


def _kinds(_folder: Path, options: argparse.Namespace) -> tuple[str, dict[str, object]]:
    laps = kinds.measure(
        pages=min(options.pages, 60), rounds=options.rounds, beside=options.beside, peers=not options.without_peers
    )
    return kinds.report(laps), kinds.as_json(laps)


def _memory(folder: Path, options: argparse.Namespace) -> tuple[str, dict[str, object]]:
    laps = memory.measure(folder, pages=min(options.pages, 100), rounds=options.rounds, beside=options.beside)
    name = options.beside.name if options.beside is not None else None
    return memory.report(laps, name), memory.as_json(laps, name)


def _endurance(folder: Path, options: argparse.Namespace) -> tuple[str, dict[str, object]]:
    visits = options.tasks or endurance.VISITS
    found = endurance.measure(folder, visits=visits, seconds=options.seconds, pages=options.pages)
    return endurance.report(found), endurance.as_json(found)


def _neighbours(folder: Path, options: argparse.Namespace) -> tuple[str, dict[str, object]]:
    rows = neighbours.measure(folder, only=options.page)
    return neighbours.report(rows), neighbours.as_json(rows)


def _web(folder: Path, options: argparse.Namespace) -> tuple[str, dict[str, object]]:
    rows = web.measure(folder, observations=options.tasks or WEB_OBSERVATIONS)
    return web.report(rows), web.as_json(rows)


def _orchestrators(folder: Path, options: argparse.Namespace) -> tuple[str, dict[str, object]]:
    rounds = orchestrators.measure(folder, pages=options.pages, rounds=options.rounds)
    return orchestrators.report(rounds), orchestrators.as_json(rounds)


def _away(folder: Path, options: argparse.Namespace) -> tuple[str, dict[str, object]]:
    found = away.measure(folder, seconds=options.seconds)
    return away.report(found), away.as_json(found)


def _sizes(folder: Path, options: argparse.Namespace) -> tuple[str, dict[str, object]]:
    laps = sizes.measure(folder, pages=min(options.pages, 100), rounds=options.rounds)
    return sizes.report(laps), sizes.as_json(laps)


PARTS: dict[str, Callable[[Path, argparse.Namespace], tuple[str, dict[str, object]]]] = {
    "count": _count,
    "ledger": _ledger,
    "crawl": _crawl,
    "scale": _scale,
    "gate": _gate,
    "kinds": _kinds,
    "alert": _alert,
    "away": _away,
    "cold": _cold,
    "endurance": _endurance,
    "memory": _memory,
    "neighbours": _neighbours,
    "orchestrators": _orchestrators,
    "sizes": _sizes,
    "web": _web,
}
WHEN_ASKED = {
    "alert", "away", "cold", "endurance", "kinds", "memory", "neighbours", "orchestrators", "scale", "sizes", "web",
}  # fmt: skip
"""They take long: Terraform deploys for two of them, one loads for ten minutes, one keeps a channel away
for as long, one fills a large ledger, one builds the image, two visit many pages in each form, two are
for a comparison with another checkout, one lives for twelve minutes."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and write the JSON file when one was asked for."""
    parser = argparse.ArgumentParser(prog="make bench ARGS=...", description=__doc__)
    parser.add_argument(
        "--only", choices=sorted(PARTS), help=f"one part; {', '.join(sorted(WHEN_ASKED))} are run in no other way"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything measured there")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of each part, interleaved")
    parser.add_argument("--pages", type=int, default=300, help="pages of a crawl")
    parser.add_argument(
        "--tasks",
        type=int,
        help=f"tasks of a ledger round ({LEDGER_TASKS}) or of scale ({SCALE_TASKS}); "
        f"observations of web ({WEB_OBSERVATIONS}); visits of endurance ({endurance.VISITS})",
    )
    parser.add_argument(
        "--without-peers", action="store_true", help="ledger: leave out procrastinate and pgqueuer; kinds: Crawlee"
    )
    parser.add_argument(
        "--seconds",
        type=float,
        default=720,
        help="how long scale keeps the load on, away a channel, and endurance visits",
    )
    parser.add_argument("--page", help="neighbours: only hostile pages whose name holds this")
    parser.add_argument(
        "--beside", type=Path, metavar="CHECKOUT", help="kinds, cold, memory: measure another checkout as well"
    )
    options = parser.parse_args(arguments)
    started = time.monotonic()
    found: dict[str, object] = {"machine": platform.platform(), "python": platform.python_version()}
    reports = []
    with tempfile.TemporaryDirectory(prefix="trapline-bench-") as folder:
        # A server that drops its privileges when run by root must be able to enter
        Path(folder).chmod(0o755)
        for name, part in PARTS.items():
            if options.only == name or (options.only is None and name not in WHEN_ASKED):
                text, data = part(Path(folder), options)
                reports.append(text)
                found[name] = data
    say("\n" + "\n".join(reports))
    say(f"measured in {time.monotonic() - started:.0f} s")
    if options.json is not None:
        options.json.write_text(json.dumps(found, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    main_guard(main)
