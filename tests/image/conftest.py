"""The image, built once, and a stage around a container of it."""

import json
import os
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.image.stage import Stage, stage_around
from tools.ci.base_image import base_image
from tools.ci.docker_daemon import engine, layers_folder
from tools.deploy.container_engine import Engine, EngineMissingError
from tools.deploy.image import build
from tools.shell import ROOT
from trapline_common.ledger.connection import Database

TAG = "trapline-crawler:test"
FIGURES = pytest.StashKey[dict[str, Any]]()


@pytest.fixture(scope="session")
def docker() -> Iterator[Engine]:
    """A container engine; where none can be had, one line says so and the tests are skipped."""
    try:
        with engine(layers_folder(os.environ)) as found:
            yield found
    except EngineMissingError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def image(docker: Engine, figures: dict[str, Any]) -> str:
    """The image of this working tree."""
    found = build(docker, TAG, environ=os.environ, base=base_image(docker, os.environ))
    size = int(docker.output("image", "inspect", "--format", "{{.Size}}", found))
    figures["image size, MB"] = round(size / 1e6)
    return found


@pytest.fixture(scope="session")
def figures(request: pytest.FixtureRequest) -> dict[str, Any]:
    """The figures measured on the way; printed at the end and written to build/image.json."""
    return request.config.stash.setdefault(FIGURES, {})


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print the figures."""
    found = config.stash.get(FIGURES, {})
    for name, value in found.items():
        terminalreporter.write_line(f"{name}: {value}")
    if found:
        target = ROOT / "build/image.json"
        target.parent.mkdir(exist_ok=True)
        target.write_text(json.dumps(found, indent=2) + "\n")


@pytest.fixture
async def stage(docker: Engine, image: str, dsn: str, database: Database) -> AsyncIterator[Stage]:
    """Everything around a container, with a ledger of this test alone."""
    async with stage_around(docker, image, dsn, database) as found:
        yield found


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of what the image is made of, to change."""
    for path in (".dockerignore", "requirements/crawler-image.txt", "services/crawler/Dockerfile"):
        target = tmp_path / path
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / path, target)
    for path in ("libs/common/src", "services/crawler/src"):
        shutil.copytree(ROOT / path, tmp_path / path, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path
