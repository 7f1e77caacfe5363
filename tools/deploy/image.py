"""Builds the crawler's container image: ``python -m tools.deploy.image`` (``--help`` says how)."""

import argparse
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from tools.deploy.container_engine import Engine, container_engine
from tools.deploy.rds_ca import certificates
from tools.deploy.services import SERVICES
from tools.shell import ROOT, main_guard, say

DOCKERFILE = "services/crawler/Dockerfile"
_CA = "build/image/rds-ca.pem"
"""Where the Dockerfile takes the certificates from; the image holds them where Terraform's database addresses say."""
_PROXIES = ("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")


def build_command(tag: str, *, base: str | None, version: str, environ: Mapping[str, str], context: Path) -> list[str]:
    """Return the engine's arguments that build the image. Proxies reach the build, and are not kept in it."""
    arguments = ["build", "--network", "host", "--file", str(context / DOCKERFILE), "--tag", tag]
    arguments += ["--label", f"org.opencontainers.image.version={version}"]
    if base is not None:
        arguments += ["--build-arg", f"BASE_IMAGE={base}"]
    for name in _PROXIES:
        if environ.get(name):
            arguments += ["--build-arg", name]
    return [*arguments, str(context)]


def build(
    engine: Engine,
    tag: str,
    *,
    environ: Mapping[str, str],
    base: str | None = None,
    ca: Path | None = None,
    context: Path = ROOT,
) -> str:
    """Build the image and return its id. ``base``: instead of the base image that the Dockerfile names.

    Without ``ca``, the certificates of RDS, the image refuses to connect to RDS. Raises ``ToolError``.
    """
    _put_ca(context / _CA, ca)
    say(f"image: building {tag} on {base or 'the base that the Dockerfile names'}")
    version = SERVICES["crawler"].version
    command = build_command(tag, base=base, version=version, environ=environ, context=context)
    engine.output(*command, timeout=1800)
    return engine.output("image", "inspect", "--format", "{{.Id}}", tag)


def _put_ca(target: Path, ca: Path | None) -> None:
    target.unlink(missing_ok=True)
    if ca is not None:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ca, target)


def main(arguments: Sequence[str] | None = None) -> int:
    """Build the image with this machine's container engine."""
    parser = argparse.ArgumentParser(prog="python -m tools.deploy.image", description=__doc__)
    parser.add_argument("--base-image", default=os.environ.get("BASE_IMAGE"), help="any Debian 13; or set BASE_IMAGE")
    parser.add_argument("--tag", default=f"trapline-crawler:{SERVICES['crawler'].version}")
    parser.add_argument("--without-ca", action="store_true", help="leave RDS's certificates out; not for AWS")
    options = parser.parse_args(arguments)
    ca = None if options.without_ca else certificates(os.environ)
    engine = container_engine()
    image = build(engine, options.tag, environ=os.environ, base=options.base_image, ca=ca)
    size = int(engine.output("image", "inspect", "--format", "{{.Size}}", image))
    say(f"image: {options.tag} {image} {size / 1e6:.0f} MB")
    return 0


if __name__ == "__main__":
    main_guard(main)
