"""The ports between the product and the cloud, as seen from inside a process: each call is a message to the storm."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

from tests.storm.points import FailPoints, Tell
from trapline_common.domain.errors import RefusedError, TransientError
from trapline_common.domain.messages import Asleep, WaveItem
from trapline_common.domain.run_ended import RunEnded
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
    """The ``Invoker`` port. ``once``: of a durable function, whose execution has the invocation's name."""

    def __init__(self, tell: Tell, points: FailPoints, *, once: bool = False) -> None:
        self._tell = tell
        self._points = points
        self._once = once

    async def invoke(self, message: Mapping[str, Any]) -> None:
        await self._points.at("before invoke")
        try:
            answer = await self._tell({"op": "invoke", "message": dict(message), "once": self._once})
        except TimeoutError as error:
            raise TransientError("Invoke: no answer") from error
        if answer["status"] != 202:
            raise TransientError(f"Invoke: {answer['status']}")
        await self._points.at("after invoke")


class StormWaves:
    """The ``Waves`` port."""

    def __init__(self, tell: Tell, points: FailPoints) -> None:
        self._tell = tell
        self._points = points

    async def start(self, wave: UUID, items: Sequence[WaveItem]) -> None:
        await self._points.at("before start wave")
        lines = [item.event() for item in items]
        try:
            answer = await self._tell({"op": "start wave", "wave": str(wave), "items": lines})
        except TimeoutError as error:
            raise TransientError("StartExecution: no answer") from error
        if answer["status"] == 400:
            raise RefusedError("StartExecution: StateMachineDoesNotExist")
        if answer["status"] != 202:
            raise TransientError(f"StartExecution: {answer['status']}")
        await self._points.at("after start wave")


class StormWaiters:
    """The ``Waiters`` port."""

    def __init__(self, tell: Tell, points: FailPoints) -> None:
        self._tell = tell
        self._points = points

    async def answer(self, token: str, output: Mapping[str, Any], *, error: str | None = None) -> None:
        await self._points.at("before answer")
        await self._send({"token": token, "output": dict(output), "error": error, "beat": False})
        await self._points.at("after answer")

    async def heartbeat(self, token: str) -> None:
        await self._send({"token": token, "beat": True})

    async def _send(self, message: dict[str, Any]) -> None:
        try:
            answer = await self._tell({"op": "send task", **message})
        except TimeoutError as failed:
            raise TransientError("SendTask: no answer") from failed
        if answer["status"] != 202:
            raise TransientError(f"SendTask: {answer['status']}")


class StormAnnouncer:
    """The ``Announcer`` port."""

    def __init__(self, tell: Tell, points: FailPoints) -> None:
        self._tell = tell
        self._points = points

    async def run_ended(self, ended: Sequence[RunEnded]) -> None:
        await self._points.at("before announce")
        try:
            answer = await self._tell({"op": "announce", "ended": [one.body() for one in ended]})
        except TimeoutError as failed:
            raise TransientError("PutEvents: no answer") from failed
        if answer["status"] != 202:
            raise TransientError(f"PutEvents: {answer['status']}")
        await self._points.at("after announce")


class StormTick:
    """The ``TickSchedule`` port."""

    def __init__(self, tell: Tell, points: FailPoints) -> None:
        self._tell = tell
        self._points = points

    async def every_minute(self) -> None:
        await self._switch("every_minute", None)

    async def every_hour(self, asleep: Asleep) -> None:
        await self._switch("every_hour", asleep.model_dump(mode="json"))

    async def _switch(self, name: str, asleep: dict[str, Any] | None) -> None:
        await self._points.at(f"before {name}")
        try:
            await self._tell({"op": "tick", "asleep": asleep})
        except TimeoutError as error:
            raise TransientError("UpdateSchedule: no answer") from error
        await self._points.at(f"after {name}")


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
