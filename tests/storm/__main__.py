"""`make storm`: seeds one after the other, the table, and then the product broken on purpose."""

import argparse
import asyncio
import json
import signal
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from tests.storm.breaks import BREAKS
from tests.storm.naps import Naps, nap_one
from tests.storm.report import progress, report, summary
from tests.storm.seed import Order, weather_one
from tests.storm.server import Server, postgres
from tests.storm.verdict import Verdict
from tools.shell import main_guard, say
from trapline_common.domain.via import Via

WITHIN = 5
"""Seeds within which each break must be caught."""
BROKEN_TASKS = 600
"""Tasks of a seed whose product is broken: enough faults meet enough work."""


def _weather(server: Server, order: Order) -> Verdict:
    return asyncio.run(weather_one(server, order, progress(sys.stderr)))


def _seeds(server: Server, options: argparse.Namespace) -> list[Verdict]:
    seeds = [options.seed] if options.seed is not None else range(1, options.seeds + 1)
    verdicts = []
    for seed in seeds:
        via = Via(options.via) if options.via else tuple(Via)[seed % len(Via)]
        verdict = _weather(server, Order(seed=seed, tasks=options.tasks, via=via))
        say(summary(verdict))
        verdicts.append(verdict)
    return verdicts


def _naps(server: Server, options: argparse.Namespace) -> list[Naps]:
    """Let the tick sleep in seed after seed; say what came of each."""
    if not options.naps:
        return []
    found = []
    for seed in [options.seed] if options.seed is not None else range(1, options.seeds + 1):
        one = asyncio.run(nap_one(server, seed, naps=options.naps))
        wrong = "; ".join(one.violations) or "every run at its end"
        say(f"seed {seed}: {one.naps} naps, {len(one.struck)} struck, slowest run {one.slowest:.1f} s: {wrong}")
        found.append(one)
    return found


def _caught(server: Server, name: str, options: argparse.Namespace) -> int | None:
    """Return the number of the seed in which the break was noticed; ``None`` when none noticed."""
    seeds = [options.seed] if options.seed is not None else range(1, WITHIN + 1)
    for number, seed in enumerate(seeds, 1):
        one, tasks = BREAKS[name], min(options.tasks, BROKEN_TASKS)
        if one.naps:
            found = asyncio.run(nap_one(server, seed, naps=one.naps, broken=name))
            if found.violations and not found.sleepless:
                say(f"break {name} ({one.means}): caught by seed {number}: {found.violations[0][:200]}")
                return number
            continue
        order = Order(seed=seed, tasks=tasks, mean=0.12, broken=name, via=one.via, scale=one.scale)
        verdict = _weather(server, order)
        if verdict.certain:
            after = f"caught by seed {number} after {verdict.seconds:.0f} s"
            say(f"break {name} ({BREAKS[name].means}): {after}: {verdict.certain[0][:200]}")
            return number
        say(f"break {name}: seed {number} did not notice in {verdict.seconds:.0f} s")
    say(f"break {name} ({BREAKS[name].means}): NOT caught by {len(seeds)} seeds")
    return None


def main(arguments: Sequence[str] | None = None) -> int:
    """Run; 1 when a guarantee did not hold or a break was not caught, 130 on Ctrl-C."""
    parser = argparse.ArgumentParser(prog="make storm ARGS=...", description=__doc__)
    parser.add_argument("--seeds", type=int, default=20, help="how many seeds, from 1")
    parser.add_argument("--tasks", type=int, default=2000, help="tasks of each seed")
    parser.add_argument("--seed", type=int, help="only this seed")
    parser.add_argument("--naps", type=int, default=0, help="how often the tick sleeps, in a storm of its own")
    parser.add_argument("--via", choices=list(Via), help="how lanes are worked; by default the seed decides")
    parser.add_argument("--break", dest="broken", choices=[*BREAKS, "all", "none"], default="all")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything found there")
    options = parser.parse_args(arguments)
    only_break = options.broken in BREAKS
    names = list(BREAKS) if options.broken == "all" else [name for name in BREAKS if name == options.broken]
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(
            name, signal.default_int_handler
        )  # also where a shell started us in the background, deaf to Ctrl-C
    with tempfile.TemporaryDirectory(prefix="trapline-storm-") as folder:
        Path(folder).chmod(0o755)  # Postgres drops its privileges when run by root, and must be able to enter
        try:
            with postgres(Path(folder)) as server:
                naps = _naps(server, options)
                verdicts = [] if only_break or naps else _seeds(server, options)
                caught = {name: _caught(server, name, options) for name in names}
        except KeyboardInterrupt:
            return 130
    if verdicts:
        say(report(verdicts))
    if options.json is not None:
        found = {
            "seeds": [asdict(verdict) for verdict in verdicts],
            "naps": [asdict(one) for one in naps],
            "breaks": caught,
        }
        options.json.write_text(json.dumps(found, indent=2) + "\n")
    wrong = any(one.violations for one in verdicts) or any(one.violations for one in naps)
    return int(wrong or None in caught.values())


if __name__ == "__main__":
    main_guard(main)
