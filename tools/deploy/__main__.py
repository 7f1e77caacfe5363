"""Deploys Trapline to an AWS account: `make deploy`, `deploy-service`, `apply`, `plan`, `destroy` and `version`."""

import argparse
import os
import sys
from collections.abc import Sequence

from tools.deploy import environments
from tools.deploy.account import account
from tools.deploy.bump_version import PARTS, bump
from tools.deploy.destroy import destroy, refuse_protected
from tools.deploy.services import VERSIONED, service
from tools.deploy.steps import Deploy
from tools.shell import main_guard, say
from tools.terraform import binary as terraform

_DOING = {
    "deploy": "deploying to",
    "service": "deploying to",
    "apply": "applying",
    "plan": "planning",
    "destroy": "destroying",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what was asked for. Raises ``ToolError``; 130 when it was interrupted."""
    options = _parser().parse_args(arguments)
    try:
        if options.action == "version":
            _version(options.service, options.bump)
        else:
            _act(options.action, env=options.env, confirm=options.confirm, wanted=getattr(options, "service", None))
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


def _act(action: str, *, env: str, confirm: str, wanted: str | None) -> None:
    if wanted is not None:
        service(wanted)
    environments.known(env)
    if action != "plan":
        environments.confirm(env, confirm, doing=_DOING[action])
    if action in {"deploy", "service", "apply"}:
        environments.refuse_dirty()
    binary = terraform.installed(os.environ)
    environment = environments.find(env, terraform=binary, environ=os.environ)
    if action == "destroy":
        refuse_protected(environment)
    environments.refuse_stateless(environment)
    environ = environments.restrict_endpoints(environment, os.environ)
    deploy = Deploy(
        environment=environment,
        account=account(environment),
        root=environment.root(binary=binary, environ=environ),
        environ=os.environ,
    )
    match action:
        case "deploy":
            deploy.all_services()
        case "service":
            deploy.one_service(str(wanted))
        case "apply":
            deploy.apply()
        case "plan":
            deploy.plan()
        case _:
            destroy(deploy)


if __name__ == "__main__":
    # A pipe, a log of CI: lines come as they happen, in order with Terraform's own
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    main_guard(main)
