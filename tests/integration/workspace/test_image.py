import itertools
import subprocess
import sys

import pytest

from support import base_image
from tools.ci.docker_daemon import engine
from tools.deploy import image
from tools.deploy.container_engine import Engine, EngineMissingError, container_engine
from tools.shell import ROOT, ToolError
from tools.workspace.packages import PACKAGES


def program(folder, name, script):
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def test_no_engine_is_one_line(tmp_path, monkeypatch):
    """Where no engine answers and we are not root, one line says so and what helps; nothing is installed."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    with pytest.raises(EngineMissingError) as raised, engine(tmp_path / "layers"):
        pass
    assert "\n" not in str(raised.value)
    assert "start Docker, or run as root" in str(raised.value)
    assert not (tmp_path / "layers").exists()


def test_an_engine_that_answers_is_used(tmp_path, monkeypatch):
    """An engine that answers is taken as it is: none of our own is started, for root or another user."""
    found = program(tmp_path, "docker", '[ "$1" = info ]')
    monkeypatch.setenv("PATH", str(tmp_path))
    with engine(tmp_path / "layers") as used:
        assert used == Engine(program=str(found), host=None)
    assert not (tmp_path / "layers").exists()


def test_a_deploy_starts_no_engine(tmp_path, monkeypatch):
    """A deploy takes Docker, or Podman where Docker does not answer, and refuses in one line where neither does."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EngineMissingError, match=r"^no container engine answers: start Docker or install Podman$"):
        container_engine()
    podman = program(tmp_path, "podman", "exit 0")
    docker = program(tmp_path, "docker", "exit 1")
    assert container_engine() == Engine(program=str(podman))
    program(tmp_path, "docker", "exit 0")
    assert container_engine() == Engine(program=str(docker))


def test_daemon_that_does_not_start_is_one_line(tmp_path, monkeypatch):
    """A daemon that ends at once is reported with the last line it wrote, and its process is gone."""
    program(tmp_path, "docker", "exit 1")
    program(tmp_path, "podman", "exit 1")
    program(tmp_path, "dockerd", "echo first; echo no overlay here; exit 1")
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr("os.geteuid", lambda: 0)
    last = r"dockerd did not start here: no overlay here$"
    with pytest.raises(EngineMissingError, match=last), engine(tmp_path / "layers"):
        pass


@pytest.mark.parametrize("ours", [True, False], ids=["a daemon of ours", "a stranger"])
def test_forgotten_daemon_is_ended_and_a_stranger_is_not(ours, tmp_path, monkeypatch):
    """A daemon on our folder whose caller was killed is ended by its id; a stranger with that id is spared."""
    program(tmp_path, "docker", "exit 1")
    program(tmp_path, "podman", "exit 1")
    program(tmp_path, "dockerd", "exit 1")
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr("os.geteuid", lambda: 0)
    layers = tmp_path / "layers"
    layers.mkdir()
    data = layers / "data" if ours else tmp_path
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)", "--data-root", str(data)])
    try:
        (layers / "dockerd.pid").write_text(str(process.pid))
        with pytest.raises(EngineMissingError), engine(layers):
            pass
        assert (process.poll() is not None) is ours
    finally:
        process.kill()
        process.wait()


def test_docker_failure_shows_its_last_words(tmp_path):
    """A docker command that fails is an error with its status and the end of its output."""
    docker = program(tmp_path, "docker", "echo one >&2; echo two >&2; exit 3")
    with pytest.raises(ToolError, match=r"docker build failed \(exit 3\): one \| two"):
        Engine(program=str(docker)).output("build")


def test_build_command_passes_proxies_without_keeping_them():
    """The build gets this machine's proxies by name only, and a base and a version when there are any."""
    environ = {"HTTPS_PROXY": "http://user:password@proxy:1", "NO_PROXY": ""}
    command = image.build_command("t:1", base="b", version="1.2.3", environ=environ, context=ROOT)
    assert command[-1] == str(ROOT)
    pairs = list(itertools.pairwise(command))
    assert ("--build-arg", "HTTPS_PROXY") in pairs
    assert ("--build-arg", "BASE_IMAGE=b") in pairs
    assert ("--label", "org.opencontainers.image.version=1.2.3") in pairs
    assert "password" not in " ".join(command)
    assert "NO_PROXY" not in command


def test_an_image_never_lacks_the_certificates_that_were_named(monkeypatch):
    """An image for AWS is never built without RDS's certificates by an oversight."""
    monkeypatch.setenv("TRAPLINE_RDS_CA", "/nowhere.pem")
    with pytest.raises(ToolError, match="there is no such file"):
        image.main([])


def test_certificates_of_an_earlier_build_do_not_stay(tmp_path):
    """Certificates reach the build's context, and a build without them finds none of an earlier one."""
    given, target = tmp_path / "given.pem", tmp_path / "build/image/rds-ca.pem"
    given.write_text("certificates")
    image._put_ca(target, given)
    assert target.read_text() == "certificates"
    image._put_ca(target, None)
    assert not target.exists()


def test_base_takes_only_what_another_machine_reaches():
    """Pip's settings go into the base without the folders of this machine; its trust store's path is Debian's."""
    settings = {
        "index-url": "https://a.example/simple",
        "extra-index-url": "file:///opt/x https://b.example",
        "cert": "/x",
    }
    text = base_image.pip_file(settings | {"find-links": "/opt/wheels"}, trusted=True)
    assert text.splitlines() == [
        "[global]",
        "index-url = https://a.example/simple",
        "extra-index-url = https://b.example",
        "cert = /etc/ssl/certs/ca-certificates.crt",
    ]
    assert base_image.pip_file({"find-links": "/opt/wheels"}, trusted=False) == ""


def test_context_is_what_the_images_are_made_of():
    """The context excludes all but what a Dockerfile copies: nothing else can get into an image, or rebuild it.

    Each package stands by its name: a builder without BuildKit looks into no folder that a pattern names.
    """
    lines = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]
    assert lines[0] == "*"
    taken = {line.removeprefix("!") for line in lines[1:] if line.startswith("!")}
    crawler, machine = copied(image.DOCKERFILE), copied("Dockerfile")
    packages = {f"{one.folder}/{part}" for one in PACKAGES for part in ("src", "pyproject.toml", "README.md")}
    assert taken == crawler | packages | (machine - {"libs", "services"})


def copied(dockerfile):
    """What a Dockerfile takes from the context."""
    lines = [line for line in (ROOT / dockerfile).read_text().splitlines() if line.startswith("COPY")]
    return {word.rstrip("*") for line in lines if "--from" not in line for word in line.split()[1:-1]}


def test_both_images_share_their_largest_layer():
    """What Debian provides is installed by the same words: an engine that has one image has it for the other."""
    first, second = ((ROOT / file).read_text() for file in (image.DOCKERFILE, "Dockerfile"))
    systems = [text.split("AS system\n", 1)[1].split("\n\n", 1)[0].split("RUN ", 1)[1] for text in (first, second)]
    assert systems[0] == systems[1]
