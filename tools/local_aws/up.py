"""`make up`: the whole system on a local AWS, deployed by Terraform; its schedules fire by themselves.

Safe to run again: what runs stays, and only what changed is deployed. `make up CRAWLS=my.yaml` takes a file of yours.
"""

import argparse
import os
import shlex
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from tests.site.hook import TO_READ
from tools.deploy import bundle
from tools.deploy.services import SERVICES
from tools.local_aws import system
from tools.local_aws.deployment import Deployment
from tools.shell import ROOT, ToolError, main_guard, say
from tools.terraform import binary as terraform
from tools.workspace.environment import LOCAL_AWS

TEMPLATE = ROOT / "tests/site/crawls.local_aws.yaml"


def running(folder: Path) -> system.System:
    """Return the parts beneath, started now unless they run."""
    found = system.load(folder)
    if found is not None and found.runs():
        return found
    system.stop(folder)
    return system.start(folder)


def deploy(on: system.System, *, crawls: Path) -> Deployment:
    """Build the functions and apply. The secrets do not need the functions, so Terraform makes them meanwhile.

    Raises ``ToolError``, also where there is no Terraform.
    """
    file = on.folder / "crawls.yaml"
    file.write_text(crawls.read_text().replace("@SITE@", on.site))
    made = Deployment(system=on, crawls=file, zips={}, terraform=terraform.installed(os.environ))
    say("up: building the functions")
    with ThreadPoolExecutor() as pool:  # the builds mostly wait for the index and the disk
        building = {name: pool.submit(bundle.ensure, name, bundle.THIS_MACHINE) for name in SERVICES}
        made.init()
        made.make_secrets()
        made = replace(made, zips={name: zipped.result() for name, zipped in building.items()})
    say("up: terraform apply, with the real provider; about a minute and a half")
    made.apply()
    return made


def look_at(on: system.System) -> str:
    """Return what a person wants to see next, one command per line."""
    price = shlex.quote('{"price": {"kettle": 2950}}')
    client = " ".join(f"{name}={value}" for name, value in on.client_environment().items())
    near = {name: os.path.relpath(on.folder / name, ROOT) for name in (TO_READ, "ministack.log")}
    return f"""
The schedules fire every minute. The demo shop's workshop page is broken: its alert comes after the first round.
  alerts    tail -F {near[TO_READ]}
  ledger    .venv/bin/trapline status --env local
  a run     .venv/bin/trapline run products --env local
  a change  curl -d {price} {on.site}/_control
  AWS       {client}
  logs      tail -F {near["ministack.log"]}
`make down` ends all of it."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Bring everything up and say what to look at."""
    parser = argparse.ArgumentParser(prog="python -m tools.local_aws.up", description=__doc__)
    parser.add_argument("crawls", nargs="?", type=Path, default=TEMPLATE, help="a crawls.yaml; default the demo shop's")
    options = parser.parse_args(arguments)
    if not options.crawls.is_file():
        raise ToolError(f"{options.crawls}: there is no such file")
    started = time.monotonic()
    LOCAL_AWS.ensure()
    say("up: Postgres, MiniStack, the demo shop and a web hook")
    on = running(system.FOLDER)
    deploy(on, crawls=options.crawls)
    say(f"up: ready in {time.monotonic() - started:.0f} s{look_at(on)}")
    return 0


if __name__ == "__main__":
    main_guard(main)
