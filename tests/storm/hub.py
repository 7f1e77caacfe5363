"""Where the processes' messages to the cloud arrive: a Unix socket, one line of JSON each way."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from tests.storm.alarm_clock import AlarmClock
from tests.storm.cloud import ACCEPTED, Cloud
from tests.storm.durable import Durable
from tests.storm.faults import Fault, FaultLog
from tests.storm.machine import Machine
from tests.storm.proxy import Proxy
from tests.storm.topic import Topic
from tests.storm.weather import Act


class Hub:
    """Gives each message to whom it is for."""

    def __init__(
        self,
        cloud: Cloud,
        topic: Topic,
        proxy: Proxy,
        faults: FaultLog,
        *,
        machine: Machine,
        durable: Durable,
        clock: AlarmClock,
    ) -> None:
        self._machine = machine
        self._durable = durable
        self._clock = clock
        self._cloud = cloud
        self._topic = topic
        self._proxy = proxy
        self._faults = faults

    @asynccontextmanager
    async def listen(self, socket: Path) -> AsyncIterator[None]:
        """Take messages for as long as the block lasts."""
        server = await asyncio.start_unix_server(self._serve, socket)
        try:
            yield
        finally:
            server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            line = await reader.readline()
            answer = await self._answer(json.loads(line)) if line else None
            if answer is None:
                await reader.read()  # no answer: the connection stays open until the other side gives up
            else:
                writer.write(json.dumps(answer).encode() + b"\n")
                await writer.drain()
        writer.close()

    async def _answer(self, message: dict[str, Any]) -> dict[str, Any] | None:
        match message["op"]:
            case "invoke":
                invoke = self._durable.invoke if message["once"] else self._cloud.invoke
                return await invoke(message["message"])
            case "step":
                return self._durable.note(message)
            case "start wave":
                return await self._machine.start(message)
            case "send task":
                return self._machine.send_task(message)
            case "announce":
                return self._machine.announce(message)
            case "nudge":
                return self._cloud.nudge(message)
            case "tick":
                return self._clock.switch(message)
            case "publish":
                return self._topic.publish(message)
            case "report":
                return self._topic.report(message)
            case _:
                return self._struck(message)

    def _struck(self, message: dict[str, Any]) -> dict[str, Any]:
        crawler = message["role"] == "crawler"
        fault = Fault(
            kind=f"{message['act']}: {message['role']}",
            where=f"{message['role']} {message['point']}",
            worth=int(message["role"] != "notifier"),
            invocation=message["invocation"] if crawler else None,
            process_name=f"process {message['pid']}",
        )
        if message["act"] == Act.CUT:
            for port in message["ports"]:
                self._proxy.freeze(port)
                # The network heals when the process is long dead for the ledger: what it sent last arrives then.
                asyncio.get_running_loop().call_later(self._cloud.asleep, self._proxy.thaw, port)
        self._faults.add(fault)
        return ACCEPTED
