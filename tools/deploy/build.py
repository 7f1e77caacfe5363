"""What a deploy is built of: zips for all but the crawler, which is an image; on a local AWS a zip as well."""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from tools.ci.container_engine import Engine
from tools.deploy import bundle, rds_ca
from tools.deploy.image import DOCKERFILE, build
from tools.deploy.releases import Release
from tools.deploy.services import SERVICES, schema
from tools.deploy.settings import Settings
from tools.shell import ROOT, ToolError, say
from tools.workspace.venv import digest

_ENGINES_WORD = {"x86_64": "amd64", "arm64": "arm64"}
"""A container engine's names of Lambda's architectures."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """One service, built: a ``zip``, or an ``image`` by its id in ``engine``; neither when it is in its place already.

    ``release`` is complete for a zip; an image's digest is known once it was pushed.
    """

    release: Release
    zip: Path | None = None
    image: str | None = None
    engine: Engine | None = field(default=None, repr=False)

    def __str__(self) -> str:
        if self.image is None:
            return str(self.release)
        return f"{self.release.version:<8} image {self.image}"


def certificates(settings: Settings, environ: Mapping[str, str]) -> Path | None:
    """Return the file of RDS's certificates; a local AWS has no RDS. Raises ``ToolError``."""
    return None if settings.local_aws else rds_ca.certificates(environ)


def build_zips(services: Sequence[str], settings: Settings, *, ca: Path | None) -> dict[str, Built]:
    """Build the zips of ``services`` side by side: mostly they wait for the index and the disk. Raises ``ToolError``."""
    with ThreadPoolExecutor() as pool:
        made = pool.map(lambda service: build_zip(service, settings, ca=ca), services)
        return dict(zip(services, made, strict=True))


def build_zip(service: str, settings: Settings, *, ca: Path | None) -> Built:
    """Build the zip of ``service``, byte for byte the same for the same sources. Raises ``ToolError``."""
    say(f"deploy: building {service}")
    target = bundle.THIS_MACHINE if settings.local_aws else bundle.TARGETS[settings.architecture]
    path = bundle.ensure(bundle.SERVICES[service], target, ca=ca)
    total = hashlib.sha256(path.read_bytes())
    release = Release(
        version=SERVICES[service].version,
        key=f"packages/{service}/{total.hexdigest()}.zip",
        sha256=base64.b64encode(total.digest()).decode(),
        runtime=f"python{target.python}",
        schema=schema(),
        ca=rds_ca.fingerprint(ca),
    )
    return Built(release=release, zip=path)


def image_release(settings: Settings, *, ca: Path | None) -> Release:
    """Return what the crawler's image is recorded as, but for its digest. Nothing is built for it.

    An image's bytes differ from build to build, so what must not change under one version is what it is built from.
    """
    folders = ("libs/common/src", "services/crawler/src")
    sources = [file for folder in folders for file in (ROOT / folder).rglob("*") if bundle.is_source(file)]
    names = [DOCKERFILE, "requirements/crawler-image.txt", *(str(file.relative_to(ROOT)) for file in sources)]
    signed = hashlib.sha256(ca.read_bytes() if ca is not None else b"").hexdigest()
    source = digest(ROOT, names, python=f"{settings.architecture} {signed}")
    return Release(version=SERVICES["crawler"].version, source=source, schema=schema(), ca=rds_ca.fingerprint(ca))


def build_image(
    engine: Engine, release: Release, settings: Settings, *, ca: Path | None, environ: Mapping[str, str]
) -> Built:
    """Build the crawler's image. Raises ``ToolError``, also when this machine's is for another processor."""
    tag = f"trapline-crawler:{release.version}"
    image = build(engine, tag, environ=environ, base=environ.get("BASE_IMAGE"), ca=ca)
    made = engine.output("image", "inspect", "--format", "{{.Architecture}}", image)
    if made != _ENGINES_WORD[settings.architecture]:
        raise ToolError(
            f"images built here are for {made}, and architecture is {settings.architecture}: build on such a machine"
        )
    return Built(release=release, image=image, engine=engine)
