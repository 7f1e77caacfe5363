"""Deploys Trapline to an AWS account: `make deploy`, and the commands beside it."""

import argparse
import errno
import os
import sys
from collections.abc import Sequence

from tools.deploy import environments
from tools.deploy.account import account
from tools.deploy.answers import add_email
from tools.deploy.bump_version import PARTS, bump
from tools.deploy.confirmation import PATIENCE
from tools.deploy.destroy import destroy, refuse_protected
from tools.deploy.first_deploy import Wishes, finish, is_first, prepare, propose, under_way
from tools.deploy.one_at_a_time import alone
from tools.deploy.services import OPERATOR, VERSIONED, service
from tools.deploy.smoke import DEFAULT_CRAWL, smoke
from tools.deploy.steps import Deploy
from tools.shell import ToolError, main_guard, say
from tools.terraform import binary as terraform

_DOING = {
    "deploy": "deploying to",
    "service": "deploying to",
    "apply": "applying",
    "plan": "planning",
    "destroy": "destroying",
    "smoke": "looking at",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what was asked for. Raises ``ToolError``; 130 when it was interrupted."""
    options = _parser().parse_args(arguments)
    try:
        if options.action == "version":
            _version(options.service, options.bump)
        else:
            _act(options)
    except OSError as error:
        if error.errno not in {errno.ENOSPC, errno.EDQUOT, errno.EROFS}:
            raise
        where = f": {error.filename}" if error.filename else ""
        raise ToolError(f"{error.strerror}{where}; make room, and run the same command again") from error
    except KeyboardInterrupt:
        say("interrupted: what ran before goes on; run the same command again, it completes what is half done")
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tools.deploy", description=__doc__)
    actions = parser.add_subparsers(dest="action", required=True)
    for name, doing in _DOING.items():
        one = actions.add_parser(name, help=f"{doing} an environment")
        one.add_argument("--env", default="", help=f"one of {', '.join(environments.names())}")
        one.add_argument("--confirm", default="", help="prod's own name, where it is prod")
        if name == "deploy":
            one.add_argument("--email", default="", help="who gets the alerts; asked for the first time")
            one.add_argument("--yes", default="", help="1: no questions, the first deploy is agreed to")
            one.add_argument("--wait", default=PATIENCE, type=float, help="seconds for the links in the mails")
        if name == "smoke":
            one.add_argument("--crawl", default="", help=f"the crawl to run, {DEFAULT_CRAWL} by default")
        if name == "service":
            one.add_argument("--service", default="", help="crawler, dispatcher, notifier or operator")
    version = actions.add_parser("version", help="a service's next version")
    version.add_argument("--service", default="", help=f"one of {', '.join(sorted(VERSIONED))}")
    version.add_argument("--bump", default="", help=f"one of {', '.join(PARTS)}")
    return parser


def _version(name: str, part: str) -> None:
    package = VERSIONED[service(name, of=VERSIONED)]
    old, new = bump(package, part)
    say(f"{name}: {old} -> {new} in {package.pyproject} and {package.folder}/CHANGELOG.md; commit both")


def _act(options: argparse.Namespace) -> None:
    action, env = options.action, environments.known(options.env)
    if action == "service":
        service(options.service)
    if action not in {"plan", "smoke"}:
        environments.confirm(env, options.confirm, doing=_DOING[action])
    with alone(environments.work_folder(env), name=env) as lock:
        if action == "deploy":
            _deploy(options, lock)
        else:
            _one(options, lock)


def _deploy(options: argparse.Namespace, lock: int) -> None:
    """Deploy all services; the first time with all that comes before and after."""
    wishes = Wishes(email=options.email, yes=options.yes == "1", patience=options.wait)
    first = is_first(options.env)
    if first:
        prepare(options.env, wishes, environ=os.environ)
    else:
        environments.refuse_dirty()
        first = _add_email(options)
    deploy = _connected(options.env, lock)
    if first:
        propose(deploy, wishes)
    deploy.all_services()
    if first:
        finish(deploy, wishes)


def _add_email(options: argparse.Namespace) -> bool:
    """Add an address to an environment that is deployed; return whether it is new, and a link must be followed."""
    found = environments.find(options.env, terraform=terraform.installed(os.environ), environ=os.environ)
    added = add_email(found, options.email)
    if added:
        under_way(options.env).touch()
    return added


def _one(options: argparse.Namespace, lock: int) -> None:
    if options.action in {"service", "apply"}:
        environments.refuse_dirty()
    deploy = _connected(options.env, lock, destroys=options.action == "destroy")
    match options.action:
        case "service":
            deploy.one_service(options.service)
        case "apply":
            deploy.apply()
        case "plan":
            deploy.plan()
        case "smoke":
            outputs = deploy.root.outputs()
            if OPERATOR not in outputs.get("functions", {}):
                raise ToolError(f"{options.env} is not deployed yet: make deploy ENV={options.env}")
            crawl = options.crawl or DEFAULT_CRAWL
            smoke(deploy.account, outputs, environment=options.env, crawl=crawl)
        case _:
            destroy(deploy)


def _connected(env: str, lock: int, *, destroys: bool = False) -> Deploy:
    """Return the steps for an environment, with its account and its state. Raises ``ToolError``."""
    binary = terraform.installed(os.environ)
    environment = environments.find(env, terraform=binary, environ=os.environ)
    if destroys:
        refuse_protected(environment)
    environments.refuse_stateless(environment)
    environ = environments.restrict_endpoints(environment, os.environ)
    return Deploy(
        environment=environment,
        account=account(environment),
        root=environment.root(binary=binary, environ=environ, lock=lock),
        environ=os.environ,
    )


if __name__ == "__main__":
    # A pipe, a log of CI: lines come as they happen, in order with Terraform's own
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    main_guard(main)
