# SPDX-License-Identifier: Apache-2.0
"""A server that does what the original's description says and replays its example messages: it
proves the client before the client judges the agent."""

import json
from pathlib import Path

import websockets

ORIGINALS = Path(__file__).resolve().parents[2] / "proto" / "examples" / "original" / "agent"


def original(kind: str) -> str:
    """The original's example of that message, byte for byte."""
    return (ORIGINALS / f"{kind}.json").read_text(encoding="utf-8")


class StandIn:
    """Listens on loopback. `received` and `paths` are what came; `close_with` turns all away."""

    def __init__(self):
        self.received: list[dict] = []
        self.paths: list[str] = []
        self.close_with: int | None = None
        self.sockets = set()
        self._server = None
        self._port = 0

    async def __aenter__(self) -> "StandIn":
        await self.start()
        return self

    async def __aexit__(self, *_):
        await self.stop()

    async def start(self):
        self._server = await websockets.serve(self._serve, "127.0.0.1", self._port,
                                              compression=None)
        self._port = self._server.sockets[0].getsockname()[1]

    async def stop(self):
        self._server.close()
        await self._server.wait_closed()

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self._port}/ws"

    async def broadcast(self, text: str):
        for socket in list(self.sockets):
            await socket.send(text)

    async def _serve(self, socket, path: str):
        self.paths.append(path)
        if self.close_with is not None:
            await socket.close(self.close_with)
            return
        self.sockets.add(socket)
        try:
            await socket.send('{"type": "connection_status", "data": {"status": "connected"}}')
            async for text in socket:
                await self._answer(socket, text)
        finally:
            self.sockets.discard(socket)

    async def _answer(self, socket, text: str):
        try:
            message = json.loads(text)
        except ValueError:
            return
        self.received.append(message)
        if message["type"] == "ping":
            await socket.send(json.dumps({"type": "pong", "data": {
                "timestamp": message["timestamp"]}}))
        elif message["type"] == "subscribe":
            await socket.send(json.dumps({"type": "subscription_confirmed",
                                          "data": message["data"]}))
            for kind in message["data"]["events"]:
                if (ORIGINALS / f"{kind}.json").exists():
                    await socket.send(original(kind))
