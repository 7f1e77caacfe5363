import itertools
import os
import re
import subprocess
import sys

import pytest

from tools.ci import base_image
from tools.ci.docker_daemon import engine
from tools.deploy import image
from tools.deploy.build import build_image
from tools.deploy.container_engine import Engine, EngineMissingError, container_engine
from tools.deploy.image import refuse_base
from tools.deploy.releases import Release
from tools.deploy.settings import Settings
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
    with pytest.raises(EngineMissingError, match=r"^no container engine answers; start Docker, or install Podman$"):
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


def recorded(tmp_path, *, architecture="amd64", label=""):
    """A Docker that writes down what it is asked, builds for ``architecture``, and knows every image by ``label``."""
    script = f"""echo "$@" >> {tmp_path}/asked
case "$*" in
  --version) echo Docker version 27 ;;
  *Server.Arch*) echo {architecture} ;;
  *Labels*) echo "{label}" ;;
  *) echo sha256:{"a" * 64} ;;
esac"""
    return Engine(program=str(program(tmp_path, "docker", script)))


def settings(architecture):
    return Settings(
        environment="dev", region="eu-central-1", account_id=None, architecture=architecture, disposable=True,
        local_aws=False, protected=False,
    )  # fmt: skip


@pytest.mark.parametrize(("engines", "lambdas"), [("amd64", "x86_64"), ("arm64", "arm64")])
def test_the_platform_is_that_of_the_architecture(tmp_path, engines, lambdas):
    """The image is built for the processor that its function has; an engine says itself what it builds for."""
    engine = recorded(tmp_path, architecture=engines)
    assert engine.architecture == lambdas
    made = build_image(engine, Release(version="0.1.0", source="x"), settings(lambdas), ca=None, environ={})
    assert made.image == f"sha256:{'a' * 64}"
    assert f"--platform linux/{engines}" in (tmp_path / "asked").read_text()


def test_podman_says_its_processor_in_its_own_words(tmp_path):
    """Podman has no server, so the machine that it runs on is asked; a processor without a Lambda is refused."""
    script = 'case "$*" in --version) echo podman version 5 ;; *Host.Arch*) echo arm64 ;; *) exit 1 ;; esac'
    assert Engine(program=str(program(tmp_path, "podman", script))).architecture == "arm64"
    with pytest.raises(ToolError, match="builds for riscv64, and Lambda runs x86_64 and arm64"):
        _ = recorded(tmp_path, architecture="riscv64").architecture


@pytest.mark.parametrize(
    ("environ", "engine", "reason"),
    [
        ({}, {"architecture": "arm64"}, "images built here are for arm64, and architecture is x86_64"),
        ({"BASE_IMAGE": "trapline-base:x"}, {"label": "ci"}, "is built on a base for tests"),
    ],
)
def test_a_wrong_build_is_refused_before_it_starts(tmp_path, environ, engine, reason):
    """A cross build, and a base that holds a machine's own trust and settings: no minute of work is spent on them."""
    release = Release(version="0.1.0", source="x")
    with pytest.raises(ToolError, match=reason):
        build_image(recorded(tmp_path, **engine), release, settings("x86_64"), ca=None, environ=environ)
    assert "build --network" not in (tmp_path / "asked").read_text()


def test_what_is_built_on_a_base_for_tests_is_refused(tmp_path):
    """A base that the engine pulls only for the build is known by the label that the image inherits."""
    with pytest.raises(ToolError, match="never pushed"):
        refuse_base(recorded(tmp_path, label="ci"), "sha256:x")
    refuse_base(recorded(tmp_path), "sha256:x")
    refuse_base(recorded(tmp_path, label="<no value>"), "sha256:x")


def test_the_images_are_built_on_debian_by_its_digest():
    """Who sets no base gets Debian's own slim image, one and the same wherever and whenever it is pulled."""
    bases = {
        line.removeprefix("ARG BASE_IMAGE=")
        for file in (image.DOCKERFILE, "Dockerfile")
        for line in (ROOT / file).read_text().splitlines()
        if line.startswith("ARG BASE_IMAGE=")
    }
    (base,) = bases
    assert re.fullmatch(r"debian:trixie-slim@sha256:[0-9a-f]{64}", base)


def test_a_base_with_this_machines_settings_is_labelled(tmp_path, monkeypatch):
    """What makes such a base writes the label into it, and a deploy imports nothing of what makes it."""
    program(tmp_path, "debootstrap", 'mkdir -p "$3/etc/apt"; touch "$3/etc/apt/sources.list"')
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    script = f'echo "$@" >> {tmp_path}/asked; [ "$1" != images ] || exit 0'
    base_image._make(Engine(program=str(program(tmp_path, "docker", script))))
    assert f"import --change LABEL {image.NEVER_PUSHED}=ci" in (tmp_path / "asked").read_text()


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
