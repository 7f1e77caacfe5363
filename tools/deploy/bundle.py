"""The zips that Lambda runs, from the hashed locks, byte for byte the same wherever and whenever they are built.

One for each service, for Lambda's platform or for this machine's interpreter (the local AWS runs functions with it).
"""

import argparse
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tools.deploy.rds_ca import HELP, certificates, fingerprint
from tools.deploy.services import SERVICES, packages_of
from tools.deploy.source_digest import source_digest
from tools.shell import ROOT, ToolError, main_guard, say
from tools.workspace.pip_settings import uv_environment

DESTINATION = ROOT / "build/bundles"
LAMBDA_PYTHON = "3.13"
CA_NAME = "rds-ca.pem"
"""Where a zip holds RDS's certificates; Terraform's database addresses name it below /var/task."""
EPOCH = (1980, 1, 1, 0, 0, 0)
"""Every file's time in a zip: the earliest that the format can say."""
UNZIPPED_LIMIT = 250 * 1024 * 1024
"""Bytes that Lambda unpacks, all layers together ("Lambda quotas")."""
AWS_APIS = frozenset(
    {"events", "lambda", "rds", "s3", "scheduler", "secretsmanager", "sns", "sqs", "ssm", "stepfunctions", "sts"}
)
"""The services' descriptions that stay in botocore: its data for all 400 is most of what a zip would hold."""
_DROPPED_FILES = frozenset({"RECORD", "INSTALLER", "REQUESTED", "direct_url.json", "uv_cache.json"})
"""What an installer notes about the installation: no code reads it, and it holds paths of this machine."""
_DROPPED_FOLDERS = frozenset({"__pycache__", "bin"})
"""Byte code of this machine's Python, and scripts that name its interpreter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where a zip will run."""

    name: str
    """A processor's name in Lambda, or ``local``; part of the zip's file name."""
    python: str
    """Version of the interpreter, as ``3.13``."""
    platform: str | None
    """uv's name of the platform; ``None`` for this machine."""
    left_out: frozenset[str] = frozenset()
    """Files, relative to the zip's root, that do not go into it."""

    @property
    def options(self) -> list[str]:
        if self.platform is None:
            return ["--python", sys.executable]
        return ["--python-version", self.python, "--python-platform", self.platform]


THIS_MACHINE = Target(
    name="local",
    python=".".join(platform.python_version_tuple()[:2]),
    platform=None,
    # MiniStack unpacks zips without their modes, and a program that may not run is 150 MB of nothing: the local AWS
    # names the one of this virtual environment instead (PLAYWRIGHT_NODEJS_PATH)
    left_out=frozenset({"playwright/driver/node"}),
)
TARGETS = {
    target.name: target
    for target in (
        Target(name="x86_64", python=LAMBDA_PYTHON, platform="x86_64-manylinux_2_28"),
        Target(name="arm64", python=LAMBDA_PYTHON, platform="aarch64-manylinux_2_28"),
        THIS_MACHINE,
    )
}


def build(service: str, target: Target, *, destination: Path = DESTINATION, ca: Path | None = None) -> Path:
    """Write ``<destination>/<service>-<target>.zip`` and return its path.

    ``ca``: certificates for the database; a zip for Lambda needs them. Raises ``ToolError``.
    """
    if target.platform is not None and (ca is None or not ca.is_file()):
        raise ToolError(HELP)
    with tempfile.TemporaryDirectory(prefix="trapline-bundle-") as name:
        folder = Path(name) / "code"
        _install(["--require-hashes", "--requirements", f"requirements/{service}.txt"], target, folder)
        for wheel in _wheels(service, Path(name) / "wheels"):
            with zipfile.ZipFile(wheel) as archive:
                archive.extractall(folder)
        if ca is not None:
            shutil.copyfile(ca, folder / CA_NAME)
        made = Path(name) / "made.zip"
        size = pack(folder, made, left_out=target.left_out)
        if size > UNZIPPED_LIMIT:
            raise ToolError(f"{service}: {size:,} bytes unpacked; Lambda takes {UNZIPPED_LIMIT:,}")
        destination.mkdir(parents=True, exist_ok=True)
        path = destination / f"{service}-{target.name}.zip"
        draft = path.with_suffix(".draft")
        shutil.move(made, draft)  # from another file system it is copied, and may be cut off
        draft.replace(path)
    return path


def ensure(service: str, target: Target, *, destination: Path = DESTINATION, ca: Path | None = None) -> Path:
    """Return the zip that ``build`` makes; built only when a file that decides what is in it has changed."""
    folders = [package.folder for package in packages_of(service)]
    signed = fingerprint(ca if ca is not None and ca.is_file() else None)
    names = (f"requirements/{service}.txt", "tools/deploy/bundle.py", *folders)
    wanted = source_digest(*names, build=f"{sys.version} {signed}")
    path, stamp = destination / f"{service}-{target.name}.zip", destination / f"{service}-{target.name}.stamp"
    if not path.is_file() or not stamp.is_file() or stamp.read_text() != wanted:
        stamp.unlink(missing_ok=True)  # cut off, the new zip never passes for the old one
        build(service, target, destination=destination, ca=ca)
        stamp.write_text(wanted)
    return path


def _install(what: Sequence[str], target: Target, folder: Path) -> None:
    command = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--no-deps", "--only-binary", ":all:"]
    command += ["--target", str(folder), "--no-compile-bytecode", "--link-mode", "hardlink", *target.options, *what]
    _run(command, step=f"installing {what[-1]} for {target.name}")


def _wheels(service: str, folder: Path) -> Iterator[Path]:
    """Build our own distributions with the backend that the development lock pins: no second, unhashed download."""
    for package in packages_of(service):
        out = folder / package.name
        command = [sys.executable, "-m", "uv", "build", "--quiet", "--wheel", "--no-build-isolation", "--offline"]
        _run([*command, "--out-dir", str(out), package.folder], step=f"building {package.name}")
        yield from out.glob("*.whl")


def _run(command: Sequence[str], *, step: str) -> None:
    done = subprocess.run(list(command), cwd=ROOT, env=uv_environment(), capture_output=True, text=True, check=False)
    if done.returncode:
        raise ToolError(f"{step} failed (exit {done.returncode}):\n{done.stderr.strip()}")


def pack(folder: Path, path: Path, *, left_out: frozenset[str] = frozenset()) -> int:
    """Write what ``is_wanted`` of the files below ``folder`` to the zip ``path``; return its unpacked size in bytes.

    Names are sorted, times and modes are constants: the same files make the same bytes (with the same zlib).
    """
    size = 0
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        for file in sorted(folder.rglob("*")):
            name = file.relative_to(folder)
            if not file.is_file() or not is_wanted(name) or name.as_posix() in left_out:
                continue
            entry = zipfile.ZipInfo(name.as_posix(), EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3  # Unix: the modes below count
            entry.external_attr = (0o100755 if file.stat().st_mode & 0o100 else 0o100644) << 16
            data = file.read_bytes()
            size += len(data)
            archive.writestr(entry, data)
    return size


def is_wanted(name: Path) -> bool:
    """Return whether the file ``name`` (relative) belongs into a zip: code does, traces of its installation do not."""
    if name.name in _DROPPED_FILES or _DROPPED_FOLDERS.intersection(name.parts[:-1]) or name.suffix == ".pyc":
        return False
    inside = name.parts
    if inside[:2] == ("botocore", "data") and len(inside) > 3:  # noqa: PLR2004  (a folder for each API)
        return inside[2] in AWS_APIS
    return not (inside[:2] == ("boto3", "data") or inside[:1] == (".lock",))


def main(arguments: Sequence[str] | None = None) -> int:
    """Build the zips that were asked for; the crawler's is for a local AWS only, on AWS it is an image."""
    parser = argparse.ArgumentParser(prog="python -m tools.deploy.bundle", description=__doc__)
    parser.add_argument("services", nargs="*", choices=[*SERVICES, []], help="all that a zip is deployed of")
    parser.add_argument("--target", choices=list(TARGETS), default="x86_64")
    options = parser.parse_args(arguments)
    target = TARGETS[options.target]
    names = options.services or [name for name in SERVICES if name != "crawler" or target is THIS_MACHINE]
    ca = certificates(os.environ) if target.platform else None
    for name in names:
        path = build(name, target, ca=ca)
        say(f"bundle: {path.relative_to(ROOT)}  {path.stat().st_size / 1e6:.1f} MB")
    return 0


if __name__ == "__main__":
    main_guard(main)
