"""Everything around a container of the image: ledger, site, Runtime API and AWS, each over real HTTP or TCP."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urljoin, urlsplit

from tests.image.aws_calls import AwsCalls
from tests.image.container import MEMORY, Container, running
from tests.image.runtime_api import Answer, RuntimeApi
from tests.support.hostile import HostileSite, hostile_site
from tests.support.ledger import LANE, open_run
from tools.deploy.container_engine import Engine
from trapline_common.config.models import CrawlConfig, LaneConfig
from trapline_common.domain.messages import Crawl
from trapline_common.ledger import lanes
from trapline_common.ledger.connection import Database
from trapline_crawler.sessions.seal import Seal

_SHARE = 30


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

    async def due(self, name: str, paths: Sequence[str], **crawl: Any) -> dict[str, Any]:
        """Open a run of these pages, paths or URLs; return the event of the one invocation that it needs."""
        urls = tuple(urljoin(self.site.origin, path) for path in paths)
        lane = LaneConfig(tasks_per_invocation=max(_SHARE, len(urls)), pages_in_flight=3)
        config = CrawlConfig.model_validate({"name": name, "urls": urls, "retries": 0, "timeout": 20} | crawl)
        await open_run(self.database, urls, lane=lane, crawl=config)
        (invocation,) = (await lanes.plan(self.database, LANE)).created
        return Crawl(invocation_id=invocation, lane=LANE).event()

    async def invoke(self, event: Mapping[str, Any]) -> Answer:
        """Have the container handle the event."""
        return await asyncio.to_thread(self.api.invoke, event)

    async def crawl(self, name: str, paths: Sequence[str], **crawl: Any) -> Answer:
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


@asynccontextmanager
async def stage_around(
    docker: Engine, image: str, dsn: str, database: Database, *, memory: int = MEMORY, held: bool = False
) -> AsyncIterator[Stage]:
    """Yield everything around containers of ``image``, with one ledger; ``memory`` and ``held``: see ``running``."""
    async with over_tcp(dsn) as ledger, hostile_site() as site:
        with RuntimeApi() as api, AwsCalls({"session-key": Seal.new_key().decode()}) as aws:
            environment = {
                "AWS_LAMBDA_RUNTIME_API": api.address, "AWS_LAMBDA_FUNCTION_NAME": "crawler",
                "AWS_LAMBDA_FUNCTION_VERSION": "1", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(memory),
                "AWS_LAMBDA_LOG_STREAM_NAME": "test/[1]0", "AWS_REGION": "eu-west-1",
                "AWS_DEFAULT_REGION": "eu-west-1", "AWS_ENDPOINT_URL": aws.url,
                "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "DATABASE_URL": ledger,
                "TRAPLINE_ARTIFACTS": "s3://artifacts/crawler", "TRAPLINE_DISPATCHER_FUNCTION": "dispatcher",
                "TRAPLINE_NOTIFIER_FUNCTION": "notifier", "TRAPLINE_SESSION_KEY_PARAMETER": "session-key",
                "TRAPLINE_ALLOW_PRIVATE": "127.0.0.0/8",
            }  # fmt: skip
            yield Stage(
                database=database, site=site, api=api, aws=aws,
                start=lambda **more: running(docker, image, environment | more, memory=memory, held=held),
            )  # fmt: skip
