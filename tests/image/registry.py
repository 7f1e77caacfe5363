"""A real container registry on loopback, with a login: Debian's docker-registry, unpacked and not installed."""

import shutil
import socket
import subprocess
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

import pytest

from tools.deploy.registry import Login

PACKAGE = "docker-registry"
LOGIN = Login(user="AWS", token="a token that no log may show")
_HTPASSWD = "AWS:$2b$04$iEpRiG2SD1qvMmBFjbmwIuXMS2q88QlJG3yt7Zzh2Ad0gB3w5dWfe\n"
"""The login's bcrypt hash, 4 rounds: it guards nothing. It is of this very token: a changed one needs another."""
_MANIFESTS = "application/vnd.docker.distribution.manifest.v2+json, application/vnd.oci.image.manifest.v1+json"
_CONFIG = """version: 0.1
storage: {{filesystem: {{rootdirectory: {folder}/store}}}}
http: {{addr: "127.0.0.1:{port}"}}
auth: {{htpasswd: {{realm: test, path: {folder}/htpasswd}}}}
"""


class RegistryMissingError(Exception):
    """No registry can be had here; the text is one line that says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Registry:
    """One that runs."""

    address: str
    """Host and port, as an image's name begins."""

    def status(self, path: str, *, login: Login | None = LOGIN) -> int:
        """Return the HTTP status of ``GET /v2/path``."""
        request = Request(f"http://{self.address}/v2/{path}", headers={"Accept": _MANIFESTS})
        if login is not None:
            basic = b64encode(f"{login.user}:{login.token}".encode()).decode()
            request.add_header("Authorization", f"Basic {basic}")
        try:
            with urlopen(request, timeout=10) as answer:
                return int(answer.status)
        except HTTPError as error:
            error.close()
            return error.code


def program(folder: Path) -> Path:
    """Return the registry's program, taken out of Debian's package. Raises ``RegistryMissingError``."""
    found = shutil.which(PACKAGE)
    if found:
        return Path(found)
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        raise RegistryMissingError(f"no {PACKAGE} here, and no Debian to take it from")
    for command in (["apt-get", "update", "-qq"], ["apt-get", "download", "-qq", PACKAGE]):
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, check=False)
    packages = list(folder.glob(f"{PACKAGE}_*.deb"))
    if not packages:
        raise RegistryMissingError(f"{PACKAGE} could not be downloaded: {' '.join(done.stderr.splitlines()[-1:])}")
    subprocess.run(["dpkg-deb", "-x", str(packages[0]), str(folder)], check=True, timeout=60)
    return folder / "usr/bin" / PACKAGE


@contextmanager
def registry(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Registry]:
    """Run a registry whose images lie in ``folder``; end it. Raises ``RegistryMissingError``."""
    binary = program(folder)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    (folder / "htpasswd").write_text(_HTPASSWD)
    (folder / "config.yml").write_text(_CONFIG.format(folder=folder, port=port))
    # Docker speaks plain HTTP with loopback by itself, Podman where a file says so
    (folder / "registries.conf").write_text(f'[[registry]]\nlocation = "127.0.0.1:{port}"\ninsecure = true\n')
    monkeypatch.setenv("CONTAINERS_REGISTRIES_CONF", str(folder / "registries.conf"))
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([str(binary), "serve", str(folder / "config.yml")], stdout=log, stderr=log)
    made = Registry(address=f"127.0.0.1:{port}")
    try:
        give_up = time.monotonic() + 120  # beside other tests a start takes its time
        while not _answers(made):
            if process.poll() is not None or time.monotonic() > give_up:
                raise RegistryMissingError(f"{PACKAGE} did not start: {(folder / 'log').read_text()[-300:]}")
            time.sleep(0.05)  # between two looks
        yield made
    finally:
        process.terminate()
        process.wait(10)


def _answers(made: Registry) -> bool:
    try:
        return made.status("") == 200
    except URLError:
        return False
