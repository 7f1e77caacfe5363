"""Builds the crawler's container image: ``python -m tools.deploy.image`` (``--help`` says how).

An engine of our own keeps its layers in the user's cache folder, so a second build takes seconds; ``--clean`` deletes
them.
"""

import argparse
import os
import shutil
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path

from tools.ci.base_image import can_make_base, make_base
from tools.ci.container_engine import Engine, delete, engine, folder_size
from tools.deploy.rds_ca import certificates
from tools.shell import ROOT, main_guard, say

DOCKERFILE = "services/crawler/Dockerfile"
_CA = "build/image/rds-ca.pem"
"""Where the Dockerfile takes them from; in the image they are where Terraform's database addresses say, in /var/task."""
_PROXIES = ("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")


def layers_folder(environ: Mapping[str, str]) -> Path:
    """Return where an engine of our own keeps its images."""
    cache = environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(cache) / "trapline" / "engine"


def crawler_version() -> str:
    """Return the crawler's version."""
    project = tomllib.loads((ROOT / "services/crawler/pyproject.toml").read_text())["project"]
    return str(project["version"])


def build_command(tag: str, *, base: str | None, version: str, environ: Mapping[str, str], context: Path) -> list[str]:
    """Return the arguments of ``docker`` that build the image. Proxies reach the build, and are not kept in it."""
    arguments = ["build", "--network", "host", "--file", str(context / DOCKERFILE), "--tag", tag]
    arguments += ["--label", f"org.opencontainers.image.version={version}"]
    if base is not None:
        arguments += ["--build-arg", f"BASE_IMAGE={base}"]
    for name in _PROXIES:
        if environ.get(name):
            arguments += ["--build-arg", name]
    return [*arguments, str(context)]


def build(
    with_engine: Engine,
    tag: str,
    *,
    environ: Mapping[str, str],
    base: str | None = None,
    ca: Path | None = None,
    context: Path = ROOT,
) -> str:
    """Build the image and return its id. Without ``base``: one made here if possible, else the Dockerfile's own.

    Without ``ca``, the certificates of RDS, the image refuses to connect to RDS. Raises ``ToolError``.
    """
    _put_ca(context / _CA, ca)
    if base is None and can_make_base():
        base = make_base(with_engine)
    say(f"image: building {tag} on {base or 'the base that the Dockerfile names'}")
    command = build_command(tag, base=base, version=crawler_version(), environ=environ, context=context)
    with_engine.output(*command, timeout=1800)
    return with_engine.output("image", "inspect", "--format", "{{.Id}}", tag)


def _put_ca(target: Path, ca: Path | None) -> None:
    target.unlink(missing_ok=True)
    if ca is not None:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ca, target)


def main(arguments: Sequence[str] | None = None) -> int:
    """Build, or with ``--clean`` delete what an engine of our own keeps."""
    parser = argparse.ArgumentParser(prog="python -m tools.deploy.image", description=__doc__)
    parser.add_argument("--base-image", default=os.environ.get("BASE_IMAGE"), help="any Debian 13; or set BASE_IMAGE")
    parser.add_argument("--tag", default=f"trapline-crawler:{crawler_version()}")
    parser.add_argument("--without-ca", action="store_true", help="leave RDS's certificates out; not for AWS")
    parser.add_argument("--clean", action="store_true", help="delete the layers that an engine of our own keeps")
    options = parser.parse_args(arguments)
    folder = layers_folder(os.environ)
    if options.clean:
        if folder.exists():
            say(f"image: deleting {folder} ({folder_size(folder) / 1e9:.1f} GB)")
            delete(folder)
        return 0
    ca = None if options.without_ca else certificates(os.environ)
    with engine(folder) as found:
        image = build(found, options.tag, environ=os.environ, base=options.base_image, ca=ca)
        size = int(found.output("image", "inspect", "--format", "{{.Size}}", image))
        say(f"image: {options.tag} {image} {size / 1e6:.0f} MB")
    return 0


if __name__ == "__main__":
    main_guard(main)
