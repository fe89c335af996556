# SPDX-License-Identifier: Apache-2.0
"""Users of all sorts who come and go at once, until they are told to stop."""

import asyncio
import base64
import json
import os
import random
import struct
import threading
from collections import Counter

import websockets

from lab.agent import Agent
from lab.console import SUBPROTOCOL
from lab.tokens import token_for

SECONDS = 30.0  # for what takes a moment; an agent that is stuck takes longer


class CrowdOfUsers:
    """Context manager: so many users at once, each of whom does one thing after the other, drawn
    by the seed. `failures` are what went wrong, `deeds` counts what did not."""

    def __init__(self, agent: Agent, vms: list[str], users: int, seed: int):
        self.deeds: Counter[str] = Counter()
        self.failures: list[str] = []
        self._agent = agent
        self._vms = vms
        self._users = users
        self._seed = seed
        self._stop = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)
        self._sorts = [self.watches, self.watches_one, self.types, self.reads_a_console,
                       self.renews, self.asks, self.publishes, self.is_nobody, self.is_broken]

    def __enter__(self) -> "CrowdOfUsers":
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join(4 * SECONDS)
        assert not self._thread.is_alive(), "a user hangs"

    async def _run(self):
        await asyncio.gather(*(self._user(number) for number in range(self._users)))

    async def _user(self, number: int):
        dice = random.Random(f"{self._seed} {number}")
        while not self._stop.is_set():
            sort = dice.choice(self._sorts)
            try:
                async with asyncio.timeout(SECONDS):
                    await sort(dice, f"user-{number}")
                self.deeds[sort.__name__] += 1
            except (OSError, EOFError, AssertionError, websockets.WebSocketException,
                    TimeoutError) as error:
                self.failures.append(f"{sort.__name__}: {error!r}")

    # --- what one does ------------------------------------------------------------------------

    async def watches(self, dice: random.Random, user: str):
        async with self._opened(dice, "/ws/monitor", user, "viewer") as client:
            await self._say(client, "subscribe", {"events": ["*"], "history": dice.random() < 0.2})
            await self._hear(client, "snapshot")

    async def watches_one(self, dice: random.Random, user: str):
        path = f"/ws/vm/{dice.choice(self._vms)}"
        async with self._opened(dice, path, user, "viewer") as client:
            await self._hear(client, "snapshot")

    async def types(self, dice: random.Random, user: str):
        path = f"/ws/console/{dice.choice(self._vms)}"
        async with self._opened(dice, path, user, "operator", [SUBPROTOCOL]) as client:
            await self._hear(client, "console_attached")
            await client.send(b"abc")  # whoever types at present: it is echoed, or refused
            await self._hear(client, "console_status")

    async def reads_a_console(self, dice: random.Random, user: str):
        path = f"/ws/console/{dice.choice(self._vms)}?mode=ro"
        async with self._opened(dice, path, user, "operator") as client:
            await self._hear(client, "console_attached")

    async def renews(self, dice: random.Random, user: str):
        async with self._opened(dice, "/ws?events=*", user, "viewer") as client:
            await self._hear(client, "snapshot")
            for role in ("operator", "viewer"):
                await self._say(client, "auth", {"token": self._token(user, role)})
                await self._hear(client, "connection_status")

    async def asks(self, dice: random.Random, user: str):
        reader, writer = await asyncio.open_connection("127.0.0.1", self._agent.port)
        try:
            for _ in range(dice.randrange(1, 6)):
                path = dice.choice(["/api/v1/vms", "/api/v1/server", "/metrics", "/healthz",
                                    "/api/v1/alerts", "/api/v1/operations", "/nowhere",
                                    f"/api/v1/vms/{dice.choice(self._vms)}/history",
                                    f"/api/v1/vms/{dice.choice(self._vms)}/console/log"])
                status = await self._request(reader, writer, f"GET {path}", user)
                assert status in (200, 404), (path, status)
        finally:
            self._leave(dice, writer)

    async def publishes(self, dice: random.Random, user: str):
        reader, writer = await asyncio.open_connection("127.0.0.1", self._agent.port)
        data = {"operation_id": f"soak-{user}", "operation_type": "soak", "message": "Soaking",
                "status": dice.choice(["in_progress", "completed"]), "progress_percent": 50}
        body = json.dumps({"type": "progress", "data": data}).encode()
        try:
            status = await self._request(reader, writer, "POST /api/v1/events", user, body)
            assert status in (202, 409, 429), status
        finally:
            self._leave(dice, writer)

    async def is_nobody(self, dice: random.Random, user: str):
        """A token that is not valid, or none."""
        query = "?token=" + self._token(user, "admin")[:-3] if dice.random() < 0.5 else ""
        async with self._opened(dice, f"/ws{query}", None, "") as client:
            await self._hear(client, "goodbye")

    async def is_broken(self, dice: random.Random, user: str):
        """Leaves in the middle of a request, a handshake or a frame."""
        _, writer = await asyncio.open_connection("127.0.0.1", self._agent.port)
        key = base64.b64encode(os.urandom(16)).decode()
        request = (f"GET /ws?events=*&token={self._token(user, 'viewer')} HTTP/1.1\r\n"
                   f"Host: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                   f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n").encode()
        frame = b"\x81\xfe" + struct.pack("!H", 1000) + os.urandom(200)
        whole = request + frame
        writer.write(whole[:dice.randrange(len(whole))])
        await writer.drain()
        self._leave(dice, writer)

    # --- how ----------------------------------------------------------------------------------

    def _token(self, user: str, role: str) -> str:
        return token_for(self._agent, user, role=role)

    def _opened(self, dice: random.Random, path: str, user: str | None, role: str,
                subprotocols: list[str] | None = None):
        headers = {"Authorization": f"Bearer {self._token(user, role)}"} if user else {}
        return Visit(dice, websockets.connect(
            self._agent.ws_url + path, extra_headers=headers, subprotocols=subprotocols,
            max_size=None, ping_interval=None, compression=None, close_timeout=SECONDS))

    @staticmethod
    async def _say(client, kind: str, data: dict):
        await client.send(json.dumps({"type": kind, "data": data}))

    @staticmethod
    async def _hear(client, kind: str):
        while True:
            message = await client.recv()
            if isinstance(message, str) and json.loads(message)["type"] == kind:
                return

    async def _request(self, reader, writer, line: str, user: str, body: bytes = b"") -> int:
        length = "" if not body else \
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        writer.write(f"{line} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer "
                     f"{self._token(user, 'admin')}\r\n{length}\r\n".encode() + body)
        head = await reader.readuntil(b"\r\n\r\n")
        size = [line.split(b":")[1] for line in head.lower().split(b"\r\n")
                if line.startswith(b"content-length:")]
        await reader.readexactly(int(size[0]) if size else 0)
        return int(head.split()[1])

    @staticmethod
    def _leave(dice: random.Random, writer: asyncio.StreamWriter):
        writer.transport.abort() if dice.random() < 0.5 else writer.close()


class Visit:
    """Asynchronous context manager: a WebSocket that is left as one likes: politely, or by cutting
    the line."""

    def __init__(self, dice: random.Random, connecting):
        self._dice = dice
        self._connecting = connecting

    async def __aenter__(self):
        self._client = await self._connecting
        return self._client

    async def __aexit__(self, *_):
        if self._dice.random() < 0.5:
            self._client.transport.abort()
        else:
            await self._client.close()
