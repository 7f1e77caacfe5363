"""The image, built once, and a stage around a container of it: ledger, site, Runtime API and AWS.

The container reaches each of them over real HTTP or TCP.
"""

import asyncio
import json
import os
import shutil
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AbstractContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from support.hostile import HostileSite, hostile_site
from support.ledger import LANE, open_run
from tests.image.aws_calls import AwsCalls
from tests.image.container import Container, running
from tests.image.runtime_api import Answer, RuntimeApi
from tools.ci.base_image import base_image
from tools.ci.docker_daemon import engine, layers_folder
from tools.deploy.container_engine import Engine, EngineMissingError
from tools.deploy.image import build
from tools.shell import ROOT
from trapline_common.config.models import CrawlConfig, LaneConfig
from trapline_common.domain.messages import Crawl
from trapline_common.ledger import lanes
from trapline_common.ledger.connection import Database
from trapline_crawler.sessions.seal import Seal

TAG = "trapline-crawler:test"
FIGURES = pytest.StashKey[dict[str, Any]]()
_SHARE = 30


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """What a container works with."""

    database: Database
    """The test's own connection to the ledger."""
    site: HostileSite
    """Whose pages are crawled."""
    api: RuntimeApi
    """Hands events to the container."""
    aws: AwsCalls
    """The AWS that it calls."""
    start: Callable[..., AbstractContextManager[Container]]
    """Starts a container; takes further environment variables."""

    async def due(self, name: str, paths: list[str], **crawl: Any) -> dict[str, Any]:
        """Open a run of these pages and return the event of the one invocation that it needs."""
        urls = tuple(self.site.origin + path for path in paths)
        lane = LaneConfig(tasks_per_invocation=_SHARE, pages_in_flight=3)
        config = CrawlConfig.model_validate({"name": name, "urls": urls, "retries": 0, "timeout": 20} | crawl)
        await open_run(self.database, urls, lane=lane, crawl=config)
        (invocation,) = (await lanes.plan(self.database, LANE)).created
        return Crawl(invocation_id=invocation, lane=LANE).event()

    async def invoke(self, event: Mapping[str, Any]) -> Answer:
        """Have the container handle the event."""
        return await asyncio.to_thread(self.api.invoke, event)

    async def crawl(self, name: str, paths: list[str], **crawl: Any) -> Answer:
        """Open a run of these pages and have the container work on it."""
        return await self.invoke(await self.due(name, paths, **crawl))

    async def idle(self) -> None:
        """Wait until the runtime asks for the next event: everything of the last one is over."""
        assert await asyncio.to_thread(self.api.asked.wait, 30)


@asynccontextmanager
async def over_tcp(dsn: str) -> AsyncIterator[str]:
    """Yield a DSN that reaches the embedded server, which listens on a socket file only, over loopback's TCP."""
    parts = urlsplit(dsn)
    socket = Path(parse_qs(parts.query)["host"][0]) / ".s.PGSQL.5432"

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        writer.close()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_unix_connection(socket)
        await asyncio.gather(pump(reader, inner_writer), pump(inner_reader, writer), return_exceptions=True)

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    async with server:
        yield f"postgresql://postgres@127.0.0.1:{server.sockets[0].getsockname()[1]}{parts.path}"


@pytest.fixture
async def stage(docker: Engine, image: str, dsn: str, database: Database) -> AsyncIterator[Stage]:
    """Everything around a container, with a ledger of this test alone."""
    async with over_tcp(dsn) as ledger, hostile_site() as site:
        with RuntimeApi() as api, AwsCalls({"session-key": Seal.new_key().decode()}) as aws:
            environment = {
                "AWS_LAMBDA_RUNTIME_API": api.address, "AWS_LAMBDA_FUNCTION_NAME": "crawler",
                "AWS_LAMBDA_FUNCTION_VERSION": "1", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "2048",
                "AWS_LAMBDA_LOG_STREAM_NAME": "test/[1]0", "AWS_REGION": "eu-west-1",
                "AWS_DEFAULT_REGION": "eu-west-1", "AWS_ENDPOINT_URL": aws.url,
                "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "DATABASE_URL": ledger,
                "TRAPLINE_ARTIFACTS": "s3://artifacts/crawler", "TRAPLINE_DISPATCHER_FUNCTION": "dispatcher",
                "TRAPLINE_NOTIFIER_FUNCTION": "notifier", "TRAPLINE_SESSION_KEY_PARAMETER": "session-key",
                "TRAPLINE_ALLOW_PRIVATE": "127.0.0.0/8",
            }  # fmt: skip
            yield Stage(
                database=database, site=site, api=api, aws=aws,
                start=lambda **more: running(docker, image, environment | more),
            )  # fmt: skip


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
