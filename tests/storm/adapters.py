"""The ports between the product and the cloud, as seen from inside a process: each call is a message to the storm."""

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.storm.points import FailPoints, Tell
from trapline_common.domain.errors import RefusedError, TransientError
from trapline_common.local.artifacts import DirectoryArtifacts
from trapline_notifier.message import AlertMessage, channel_texts


def teller(socket: Path, *, within: float) -> Tell:
    """Return what sends a message to the storm. Raises ``TimeoutError`` when no answer comes ``within`` seconds."""

    async def tell(message: dict[str, Any]) -> dict[str, Any]:
        async with asyncio.timeout(within):
            reader, writer = await asyncio.open_unix_connection(socket)
            try:
                writer.write(json.dumps(message).encode() + b"\n")
                answer: dict[str, Any] = json.loads(await reader.readline() or b"{}")
            finally:
                writer.close()
        return answer

    return tell


class StormInvoker:
    """The ``Invoker`` port."""

    def __init__(self, tell: Tell, points: FailPoints) -> None:
        self._tell = tell
        self._points = points

    async def invoke(self, message: Mapping[str, Any]) -> None:
        await self._points.at("before invoke")
        try:
            answer = await self._tell({"op": "invoke", "message": dict(message)})
        except TimeoutError as error:
            raise TransientError("Invoke: no answer") from error
        if answer["status"] != 202:
            raise TransientError(f"Invoke: {answer['status']}")
        await self._points.at("after invoke")


class StormNudger:
    """The ``Nudger`` port: a nudge may be lost."""

    def __init__(self, tell: Tell, points: FailPoints) -> None:
        self._tell = tell
        self._points = points

    async def nudge(self, service: str, message: Mapping[str, Any]) -> None:
        await self._points.at("before nudge")
        try:
            await self._tell({"op": "nudge", "service": service, "message": dict(message)})
        except TimeoutError:
            return  # as lost as any other


class StormPublisher:
    """The ``Publisher`` port to one channel, and the ``Operations`` port."""

    def __init__(self, tell: Tell, points: FailPoints, channel: str) -> None:
        self._tell = tell
        self._points = points
        self._channel = channel

    async def publish(self, message: AlertMessage) -> str:
        await self._points.at("before publish")
        texts = channel_texts(message)
        answer = await self._send({"op": "publish", "channel": self._channel, "message": texts["default"]})
        if answer["status"] == 400:
            raise RefusedError(f"{self._channel}: InvalidParameter")
        if answer["status"] != 200:
            raise TransientError(f"{self._channel}: {answer['status']}")
        await self._points.at("after publish")
        return str(answer["receipt"])

    async def report(self, *, subject: str, text: str) -> None:
        await self._send({"op": "report", "subject": subject, "text": text})

    async def _send(self, message: dict[str, Any]) -> dict[str, Any]:
        try:
            return await self._tell(message)
        except TimeoutError as error:
            raise TransientError(f"{self._channel}: no answer") from error


class StormArtifacts(DirectoryArtifacts):
    """The ``ArtifactStore`` port: the product's own folder, with fail-points. ``away``: it refuses everything."""

    def __init__(self, folder: Path, points: FailPoints, *, away: bool) -> None:
        super().__init__(folder)
        self._points = points
        self._away = away

    async def put(self, data: bytes, *, suffix: str) -> str:
        if self._away:
            raise TransientError("PutObject: KMS.DisabledException")
        await self._points.at("before upload")
        key = await super().put(data, suffix=suffix)
        await self._points.at("after upload")
        return key
