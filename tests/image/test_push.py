"""Pushing an image by its digest: a real engine, and a real registry that asks for a login."""

import io
import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import tarfile
from base64 import b64decode
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from tests.image.registry import LOGIN, Registry, RegistryMissingError, registry
from tools.ci.base_image import base_image
from tools.deploy.container_engine import Engine
from tools.deploy.image import DOCKERFILE, build
from tools.deploy.registry import Login, push
from tools.shell import ROOT, ToolError


@pytest.fixture(scope="module")
def store(docker: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """A registry; where none can be had, one line says so and the tests are skipped."""
    try:
        with (
            pytest.MonkeyPatch.context() as monkeypatch,
            registry(tmp_path_factory.mktemp("registry"), monkeypatch) as found,
        ):
            yield found
    except RegistryMissingError as error:
        pytest.skip(str(error))


@contextmanager
def image_of(docker: Engine, folder: Path, size: int) -> Iterator[str]:
    """An image of one file of ``size`` bytes, by its id: nothing is pulled for it."""
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as archive:
        entry = tarfile.TarInfo("hello")
        entry.size = size
        archive.addfile(entry, io.BytesIO(os.urandom(size)))
    (folder / "image.tar").write_bytes(data.getvalue())
    made = docker.output("import", str(folder / "image.tar"))
    yield made
    docker.output("image", "rm", "--force", made)


@pytest.fixture
def small(docker: Engine, tmp_path: Path) -> Iterator[str]:
    """An image of five bytes."""
    with image_of(docker, tmp_path, 5) as made:
        yield made


def spied(docker: Engine, folder: Path) -> Engine:
    """Return an engine that writes down every command line, environment and settings file before it does its work."""
    script = folder / "docker"
    script.write_text(
        f'#!/bin/sh\n{{ printf "%s\\n" "$@"; env; }} >> {shlex.quote(str(folder / "seen"))}\n'
        f'[ -z "$REGISTRY_AUTH_FILE" ] || echo "$DOCKER_CONFIG" >> {shlex.quote(str(folder / "configs"))}\n'
        f'exec {shlex.quote(docker.program)} "$@"\n'
    )
    script.chmod(0o755)
    return replace(docker, program=str(script))


def test_an_image_is_in_the_registry_under_the_digest_that_comes_back(docker, store, small):
    """The digest names the manifest in the registry; the same image pushed again has the same one."""
    repository = f"{store.address}/trapline-dev/crawler"
    digest = push(docker, small, repository=repository, tag="0.1.0-abc", login=LOGIN)
    assert store.status(f"trapline-dev/crawler/manifests/{digest}") == 200
    assert store.status("trapline-dev/crawler/manifests/0.1.0-abc") == 200
    assert push(docker, small, repository=repository, tag="0.1.0-abc", login=LOGIN) == digest


def test_a_pushed_image_can_be_taken_by_its_digest(docker, store, small, tmp_path):
    """A client that pulls `repository@digest`, as Lambda does, gets the very image."""
    repository = f"{store.address}/trapline-dev/crawler"
    digest = push(docker, small, repository=repository, tag="0.1.0-pull", login=LOGIN)
    assert store.status(f"trapline-dev/crawler/manifests/{digest}", login=None) == 401, "a login is asked for"
    docker.output("image", "rm", "--force", small)
    other = replace(docker, config=tmp_path)
    other.output("login", "--username", LOGIN.user, "--password-stdin", store.address, stdin=LOGIN.token)
    other.output("pull", "--quiet", f"{repository}@{digest}")
    pulled = docker.output("image", "inspect", "--format", "{{.Id}}", f"{repository}@{digest}")
    assert pulled.removeprefix("sha256:") == small.removeprefix("sha256:")  # Podman leaves the prefix out


def test_the_token_is_seen_nowhere(docker, store, small, tmp_path, monkeypatch):
    """It is in no argument and no environment, the folder of the login is gone, and a user's own settings untouched."""
    own = tmp_path / "own"
    own.mkdir()
    (own / "config.json").write_text("{}")
    monkeypatch.setenv("DOCKER_CONFIG", str(own))
    push(spied(docker, tmp_path), small, repository=f"{store.address}/x", tag="1", login=LOGIN)
    seen = (tmp_path / "seen").read_text()
    assert "--password-stdin" in seen
    assert LOGIN.token not in seen
    folders = set((tmp_path / "configs").read_text().split())
    assert len(folders) == 1
    assert not any(Path(folder).exists() for folder in folders)
    assert (own / "config.json").read_text() == "{}"
    assert LOGIN.token not in repr(LOGIN)


def test_a_refused_login_is_one_line(docker, store, small):
    """A token that the registry does not take ends the push, with the engine's error and without the token."""
    wrong = Login(user="AWS", token="another token")
    with pytest.raises(ToolError, match=r"(docker|podman) login failed") as refused:
        push(docker, small, repository=f"{store.address}/x", tag="2", login=wrong)
    assert wrong.token not in str(refused.value)
    assert store.status("x/manifests/2") == 404


def test_a_push_that_is_cut_off_leaves_no_login(docker, store, small, tmp_path):
    """When a push fails after the login, the login's folder is gone."""
    engine = spied(docker, tmp_path)
    script = Path(engine.program)
    script.write_text(script.read_text().replace("exec", 'case "$*" in "push "*|*" push "*) exit 1;; esac\nexec'))
    with pytest.raises(ToolError, match="docker push failed"):
        push(engine, small, repository=f"{store.address}/x", tag="3", login=LOGIN)
    folders = set((tmp_path / "configs").read_text().split())
    assert folders
    assert not any(Path(folder).exists() for folder in folders)
    assert store.status("x/manifests/3") == 404


_PUSHING = """
import sys
from tests.image.registry import LOGIN
from tools.deploy.container_engine import Engine
from tools.deploy.registry import push

program, host, image, repository = sys.argv[1:]
push(Engine(program=program, host=host or None), image, repository=repository, tag="4", login=LOGIN)
"""


def test_a_push_that_is_killed_is_finished_by_the_next(docker, store, tmp_path):
    """SIGKILL while a layer is on its way: the next push of the image works, and the token that was left is gone."""
    repository = f"{store.address}/killed"
    engine = spied(docker, tmp_path)
    script = Path(engine.program)
    killing = f"""case "$*" in "push "*|*" push "*) {shlex.quote(docker.program)} "$@" & sleep 0.3
        kill -9 $PPID $!; exit 1;; esac\nexec"""
    script.write_text(script.read_text().replace("exec", killing))
    with image_of(docker, tmp_path, 32_000_000) as image:
        pushing = [sys.executable, "-c", _PUSHING, str(script), docker.host or "", image, repository]
        assert subprocess.run(pushing, cwd=ROOT, check=False, timeout=60).returncode == -signal.SIGKILL
        (left,) = set((tmp_path / "configs").read_text().split())
        assert (
            LOGIN.user
            in b64decode(json.loads((Path(left) / "config.json").read_text())["auths"][store.address]["auth"]).decode()
        )
        assert store.status("killed/manifests/4") == 404, "it was killed in the middle"
        digest = push(docker, image, repository=repository, tag="4", login=LOGIN)
    assert store.status(f"killed/manifests/{digest}") == 200
    assert not Path(left).exists()


_BUILDING = """
import os, sys
from pathlib import Path
from tools.deploy.container_engine import Engine
from tools.deploy.image import build

program, host, base, context = sys.argv[1:]
engine = Engine(program=program, host=host or None)
build(engine, "trapline-killed", environ=os.environ, base=base, context=Path(context))
"""


def test_a_build_that_is_killed_is_finished_by_the_next(docker, tmp_path):
    """SIGKILL in the middle of a step: the next build is whole, and no container of the first goes on."""
    with socket.create_server(("127.0.0.1", 0)) as step:
        step.settimeout(120)
        (tmp_path / DOCKERFILE).parent.mkdir(parents=True)
        (tmp_path / DOCKERFILE).write_text(
            "ARG BASE_IMAGE\nFROM ${BASE_IMAGE}\nRUN touch /first\n"
            f"RUN bash -c 'exec 3<>/dev/tcp/127.0.0.1/{step.getsockname()[1]}; read -u 3; touch /second'\n"
        )
        base = base_image(docker, os.environ)
        building = [sys.executable, "-c", _BUILDING, docker.program, docker.host or "", base, str(tmp_path)]
        killed = subprocess.Popen(building, cwd=ROOT, start_new_session=True)
        with step.accept()[0] as first:
            os.killpg(killed.pid, signal.SIGKILL)
            killed.wait(60)
            assert first.recv(1) == b"", "the engine ends the step whose builder is gone"

        def answer() -> None:
            with step.accept()[0] as second:
                second.sendall(b"go on\n")
                second.recv(1)

        with ThreadPoolExecutor(1) as beside:
            answered = beside.submit(answer)
            image = build(docker, "trapline-killed", environ=os.environ, base=base, context=tmp_path)
            answered.result(60)
    try:
        assert docker.output("run", "--rm", image, "ls", "/first", "/second").split() == ["/first", "/second"]
    finally:
        docker.output("image", "rm", "--force", image)
