"""A minimal Debian as a base image, made from packages: for machines where images can't be pulled.

The means by which this machine reaches its package indexes go into it, and nowhere else: certificates, apt's and pip's
settings. An image built on it therefore trusts what this machine trusts: it is for tests, and bears a label by which a
deploy refuses to push it.
"""

import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

from tools.deploy.container_engine import Engine
from tools.deploy.image import NEVER_PUSHED
from tools.shell import ToolError, must, say
from tools.workspace.pip_settings import pip_settings

SUITE = "trixie"
"""Debian 13: Python 3.13, the same as the zip functions have on Lambda."""
_TRUST = Path("usr/local/share/ca-certificates")
_STORE = "/etc/ssl/certs/ca-certificates.crt"
_PIP_TAKEN = ("index-url", "extra-index-url", "trusted-host", "proxy", "timeout", "default-timeout")


def base_image(engine: Engine, environ: Mapping[str, str]) -> str | None:
    """Return the base that tests build on: the explicit one, or one made here, where debootstrap can run as root.

    ``None`` where it can't: then the Dockerfile's own base is pulled. Raises ``ToolError``.
    """
    if given := environ.get("BASE_IMAGE"):
        return given
    can_make = os.geteuid() == 0 and shutil.which("debootstrap") is not None
    return _make(engine) if can_make else None


def _make(engine: Engine) -> str:
    """Return the base image's name, made now unless the engine has it. Raises ``ToolError``."""
    files, (mirror, security) = machine_files(), debian_mirrors()
    recipe = repr((NEVER_PUSHED, SUITE, mirror, security, sorted(files.items())))
    name = f"trapline-base:{SUITE}-{hashlib.sha256(recipe.encode()).hexdigest()[:12]}"
    if engine.output("images", "--quiet", name):
        return name
    say(f"image: making the base {name} with debootstrap (about a minute)")
    with tempfile.TemporaryDirectory(prefix="trapline-base-") as folder:
        root, archive = Path(folder) / "root", Path(folder) / "root.tar"
        command = ["debootstrap", "--variant=minbase", SUITE, str(root), *((mirror,) if mirror else ())]
        quiet = subprocess.run(command, capture_output=True, text=True, check=False)
        if quiet.returncode:
            raise ToolError(f"debootstrap failed: {' | '.join(quiet.stdout.strip().splitlines()[-3:])}")
        for path, text in files.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text)
        if security:
            with (root / "etc/apt/sources.list").open("a") as sources:
                sources.write(f"deb {security} {SUITE}-security main\n")
        left = ["--exclude=./var/cache/apt/archives/*.deb", "--exclude=./var/lib/apt/lists/*_*"]
        must(["tar", "-C", str(root), *left, "-cf", str(archive), "."], step="packing the base")
        engine.output("import", "--change", f"LABEL {NEVER_PUSHED}=ci", str(archive), name, timeout=600)
    return name


def machine_files() -> dict[str, str]:
    """Return what goes into the base from this machine: path relative to the root, and text."""
    certificates = sorted((Path("/") / _TRUST).rglob("*.crt"))
    files = {str(_TRUST / certificate.name): certificate.read_text() for certificate in certificates}
    if files:
        # For what comes before the package ca-certificates, which makes the same file from the same folder
        files[_STORE.lstrip("/")] = Path(_STORE).read_text()
    if apt := apt_settings():
        files["etc/apt/apt.conf.d/90machine"] = apt
    if pip := pip_file(pip_settings(), trusted=bool(files)):
        files["etc/pip.conf"] = pip
    return files


def apt_settings() -> str:
    """Return apt's settings of how to reach its mirrors: proxies and certificates."""
    if shutil.which("apt-config") is None:
        return ""
    done = subprocess.run(["apt-config", "dump", "Acquire"], capture_output=True, text=True, check=True)
    kept = [line for line in done.stdout.splitlines() if line.startswith(("Acquire::http::", "Acquire::https::"))]
    return "".join(f"{line}\n" for line in kept if not line.endswith(' "";'))


def pip_file(settings: Mapping[str, str], *, trusted: bool) -> str:
    """Return a pip.conf with the indexes of ``settings`` that another machine can reach: no folder of this one."""
    lines = []
    for name in _PIP_TAKEN:
        reachable = [word for word in settings.get(name, "").split() if not word.startswith(("file:", "/"))]
        if reachable:
            lines.append(f"{name.removeprefix('default-')} = {' '.join(reachable)}")
    if trusted:
        lines.append(f"cert = {_STORE}")
    return "\n".join(["[global]", *lines, ""]) if lines else ""


def debian_mirrors() -> tuple[str | None, str | None]:
    """Return where this machine's apt gets Debian and its security updates; None where it gets something else."""
    if shutil.which("apt-get") is None:
        return None, None
    command = ["apt-get", "indextargets", "--format", "$(LABEL)\t$(REPO_URI)", "Created-By: Packages"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found = dict(line.rstrip("/").split("\t", 1) for line in reversed(done.stdout.splitlines()) if "\t" in line)
    return found.get("Debian"), found.get("Debian-Security")
