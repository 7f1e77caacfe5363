"""Builds the crawler's container image: ``python -m tools.deploy.image`` (``--help`` says how)."""

import argparse
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from tools.deploy.container_engine import Engine, container_engine
from tools.deploy.rds_ca import certificates
from tools.deploy.services import SERVICES
from tools.shell import ROOT, ToolError, main_guard, say

NEVER_PUSHED = "io.trapline.base"
"""Label of a base that holds a machine's trust store, proxies or index settings; what is built on it inherits it."""
PLATFORMS = {"x86_64": "linux/amd64", "arm64": "linux/arm64"}
"""A container engine's names of the platforms that Lambda runs, by Lambda's names of the processors."""
DOCKERFILE = "services/crawler/Dockerfile"
_CA = "build/image/rds-ca.pem"
"""Where the Dockerfile takes the certificates from; the image holds them where Terraform's database addresses say."""
_PROXIES = ("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")


def build_command(
    tag: str,
    *,
    base: str | None,
    version: str,
    environ: Mapping[str, str],
    context: Path,
    architecture: str | None = None,
) -> list[str]:
    """Return the engine's arguments that build the image. Proxies reach the build, and are not kept in it."""
    arguments = ["build", "--network", "host", "--file", str(context / DOCKERFILE), "--tag", tag]
    arguments += ["--label", f"org.opencontainers.image.version={version}"]
    if architecture is not None:
        arguments += ["--platform", PLATFORMS[architecture]]
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
    architecture: str | None = None,
) -> str:
    """Build the image and return its id. ``base``: instead of the base image that the Dockerfile names.

    ``architecture``: Lambda's name of the processor that it is for; ``None`` for the engine's own.

    Without ``ca``, the certificates of RDS, the image refuses to connect to RDS. Raises ``ToolError``.
    """
    _put_ca(context / _CA, ca)
    say(f"image: building {tag} on {base or 'the base that the Dockerfile names'}")
    version = SERVICES["crawler"].version
    command = build_command(
        tag, base=base, version=version, environ=environ, context=context, architecture=architecture
    )
    engine.output(*command, timeout=1800)
    return engine.output("image", "inspect", "--format", "{{.Id}}", tag)


def refuse_cross(engine: Engine, architecture: str) -> None:
    """Raise ``ToolError`` where ``engine`` is of another processor than ``architecture``: nothing emulates it here."""
    own = engine.architecture
    if own != architecture:
        raise ToolError(
            f"images built here are for {own}, and architecture is {architecture}: build on such a machine, or set"
            f' architecture = "{own}"'
        )


def refuse_base(engine: Engine, image: str) -> None:
    """Raise ``ToolError`` where ``image`` may hold what belongs to the machine that made its base."""
    label = engine.output("image", "inspect", "--format", f'{{{{index .Config.Labels "{NEVER_PUSHED}"}}}}', image)
    if label not in {"", "<no value>"}:
        raise ToolError(
            f"the image is built on a base for tests ({NEVER_PUSHED}={label}): it holds a machine's certificates,"
            " proxies or package indexes, and is never pushed. Unset BASE_IMAGE, or name a base of yours"
        )


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
