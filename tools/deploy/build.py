"""Builds what a deploy runs: a zip for each service but the crawler, whose image is a zip on a local AWS only."""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from tools.deploy import bundle, rds_ca
from tools.deploy.container_engine import Engine
from tools.deploy.image import DOCKERFILE, build, refuse_base, refuse_cross
from tools.deploy.releases import Release
from tools.deploy.services import SERVICES, schema
from tools.deploy.settings import Settings
from tools.deploy.source_digest import source_digest
from tools.shell import say


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """One service, built: a zip or an image; neither when ECR has its image already."""

    release: Release
    """What it will be recorded as: complete for a zip; the push adds an image's digest."""
    zip: Path | None = None
    """The zip's file on this machine."""
    image: str | None = None
    """The image's id in ``engine``."""
    engine: Engine | None = field(default=None, repr=False)
    """The engine that built the image and can push it."""

    def __str__(self) -> str:
        if self.image is None:
            return str(self.release)
        return f"{self.release.version:<8} image {self.image}"


def build_zips(services: Sequence[str], settings: Settings, *, ca: Path | None) -> dict[str, Built]:
    """Build the zips of ``services`` in parallel: they mostly wait for the index and the disk. Raises ``ToolError``."""
    with ThreadPoolExecutor() as pool:
        made = pool.map(lambda service: build_zip(service, settings, ca=ca), services)
        return dict(zip(services, made, strict=True))


def build_zip(service: str, settings: Settings, *, ca: Path | None) -> Built:
    """Build the zip of ``service``, byte for byte the same for the same sources. Raises ``ToolError``."""
    say(f"deploy: building {service}")
    target = bundle.THIS_MACHINE if settings.local_aws else bundle.TARGETS[settings.architecture]
    path = bundle.ensure(service, target, ca=ca)
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
    """Return what the deploy records of the crawler's image, but for its digest, without building it.

    An image's bytes differ from build to build, so its sources are what must not change under one version.
    """
    names = (DOCKERFILE, "requirements/crawler-image.txt", "libs/common/src", "services/crawler/src")
    signed = hashlib.sha256(ca.read_bytes() if ca is not None else b"").hexdigest()
    source = source_digest(*names, build=f"{settings.architecture} {signed}")
    return Release(version=SERVICES["crawler"].version, source=source, schema=schema(), ca=rds_ca.fingerprint(ca))


def build_image(
    engine: Engine, release: Release, settings: Settings, *, ca: Path | None, environ: Mapping[str, str]
) -> Built:
    """Build the crawler's image. Raises ``ToolError`` before it where the engine or the base is the wrong one."""
    refuse_cross(engine, settings.architecture)
    base = environ.get("BASE_IMAGE") or None
    if base is not None and engine.output("images", "--quiet", base):
        refuse_base(engine, base)  # before minutes of work; one that is pulled is looked at once it is built
    tag = f"trapline-crawler:{release.version}"
    image = build(engine, tag, environ=environ, base=base, ca=ca, architecture=settings.architecture)
    refuse_base(engine, image)
    return Built(release=release, image=image, engine=engine)
