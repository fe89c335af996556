# SPDX-License-Identifier: Apache-2.0
"""A client of the original Rollo back end, as its description has it and with nothing beyond it.

It knows the original's messages, addresses and defaults alone. It must never learn anything that
the original client did not know: what works with it works with the clients that are out there.
"""

import asyncio
import json
from collections import deque
from dataclasses import dataclass
from datetime import datetime, timezone
from enum import Enum
from typing import Callable

import websockets

NUMBER = (int, float)
# The fields that the original reads, and what they are there.
ORIGINAL_FIELDS = {
    "vm_status_changed": {"vm_id": int, "vm_name": str, "old_status": str, "new_status": str,
                          "timestamp": str},
    "vm_metrics_update": {"vm_id": int, "vm_name": str, "metrics": dict, "timestamp": str},
    "progress": {"operation_id": str, "operation_type": str, "progress_percent": NUMBER,
                 "status": str, "message": str, "timestamp": str},
    "alert": {"alert_id": str, "alert_type": str, "severity": str, "title": str, "message": str,
              "entity_type": str, "entity_id": int, "timestamp": str},
}
ORIGINAL_METRICS = {"cpu_usage_percent": NUMBER, "memory_usage_percent": NUMBER,
                    "memory_used_mb": NUMBER, "network_rx_bytes": int, "network_tx_bytes": int}
KNOWN_TYPES = {*ORIGINAL_FIELDS, "connection_status", "subscription_confirmed", "pong", "error"}


class ConnectionStatus(Enum):
    """What the original shows its users."""

    DISCONNECTED = "disconnected"
    CONNECTING = "connecting"
    CONNECTED = "connected"
    RECONNECTING = "reconnecting"


@dataclass
class OriginalConfig:
    """The original's configuration with its defaults; tests make the times shorter."""

    url: str = "ws://127.0.0.1:8780/ws"
    reconnect_interval: float = 3000  # ms
    max_reconnect_attempts: int = 15
    heartbeat_interval: float = 30000  # ms
    message_queue_size: int = 200
    offline_queue_enabled: bool = True


def now() -> str:
    """As JavaScript's toISOString writes it."""
    return datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def understood(kind: str, data: dict) -> bool:
    """Whether the original could read this event: its fields are there, with their types."""
    for field, expected in ORIGINAL_FIELDS.get(kind, {}).items():
        value = data.get(field)
        if isinstance(value, bool) or not isinstance(value, expected):
            return False
    return True


class OriginalClient:
    """Connects, subscribes, keeps the connection alive and comes back by itself."""

    def __init__(self, config: OriginalConfig):
        self.config = config
        self.status = ConnectionStatus.DISCONNECTED
        self.events: list[dict] = []     # understood, in their order
        self.malformed: list[str] = []   # known types that it could not read
        self.ignored: list[str] = []     # types that it does not know
        self.close_codes: list[int] = []
        self.connections = 0
        self.attempt = 0
        self.delays: list[float] = []    # seconds that it waited before coming back
        self._queue: deque[dict] = deque(maxlen=config.message_queue_size)
        self._subscriptions: dict | None = None
        self._socket = None
        self._task: asyncio.Task | None = None
        self._changed = asyncio.Condition()

    # --- what an application calls ---------------------------------------------------------

    def connect(self, token: str | None = None, subscriptions: dict | None = None,
                path: str = ""):
        """Begins to connect and goes on until `disconnect`. `path` is `/vm/1` and the like."""
        self._subscriptions = subscriptions
        address = self.config.url + path + (f"?token={token}" if token else "")
        self._task = asyncio.create_task(self._run(address))

    async def disconnect(self):
        self._task.cancel()
        try:
            await self._task
        except asyncio.CancelledError:
            pass
        await self._become(ConnectionStatus.DISCONNECTED)

    async def subscribe(self, **filters):
        await self.send({"type": "subscribe", "data": filters})

    async def unsubscribe(self, **filters):
        await self.send({"type": "unsubscribe", "data": filters})

    async def ping(self):
        await self.send({"type": "ping", "timestamp": now()})

    async def send(self, message: dict):
        """Sends now, or keeps the message until the connection is there."""
        if self.status is ConnectionStatus.CONNECTED:
            try:
                await self._socket.send(json.dumps(message))
                return
            except websockets.ConnectionClosed:
                pass
        if self.config.offline_queue_enabled:
            self._queue.append(message)

    async def send_text(self, text: str):
        """Something that need not be a message."""
        await self._socket.send(text)

    def queue_status(self) -> dict:
        return {"size": len(self._queue), "enabled": self.config.offline_queue_enabled}

    def of_type(self, kind: str) -> list[dict]:
        return [event for event in self.events if event["type"] == kind]

    async def wait_for(self, condition: Callable[[], object], seconds: float = 10.0):
        """Waits until the condition holds, and answers what it gave. It is looked at after each
        message and each change of the connection."""
        async with self._changed:
            await asyncio.wait_for(self._changed.wait_for(condition), seconds)
            return condition()

    async def wait_for_event(self, kind: str, seconds: float = 10.0, **fields) -> dict:
        """The data of the first event of that type with these fields."""
        def found():
            for event in self.of_type(kind):
                data = event.get("data") or {}
                if all(data.get(name) == value for name, value in fields.items()):
                    return data
            return None
        return await self.wait_for(found, seconds)

    # --- the connection ---------------------------------------------------------------------

    async def _run(self, address: str):
        while True:
            await self._become(ConnectionStatus.CONNECTING if self.connections == 0
                               else ConnectionStatus.RECONNECTING)
            try:
                async with websockets.connect(address, ping_interval=None,
                                              compression=None) as socket:
                    await self._serve(socket)
            except (OSError, websockets.InvalidHandshake):
                pass
            if self.attempt >= self.config.max_reconnect_attempts:
                await self._become(ConnectionStatus.DISCONNECTED)
                return
            await self._back_off()

    async def _serve(self, socket):
        self._socket = socket
        self.connections += 1
        await self._become(ConnectionStatus.CONNECTED)
        heartbeat = asyncio.create_task(self._heartbeat())
        try:
            await self._greet()
            async for text in socket:
                self.attempt = 0
                await self._receive(text)
        except websockets.ConnectionClosed:
            pass
        finally:
            heartbeat.cancel()
            if socket.close_code is not None:
                self.close_codes.append(socket.close_code)
            await self._become(ConnectionStatus.RECONNECTING)

    async def _greet(self):
        if self._subscriptions is not None:
            await self.subscribe(**self._subscriptions)
        waiting, size = list(self._queue), len(self._queue)
        self._queue.clear()
        for message in waiting[:size]:
            await self.send(message)

    async def _heartbeat(self):
        while True:
            await asyncio.sleep(self.config.heartbeat_interval / 1000)
            await self.ping()

    async def _back_off(self):
        delay = self.config.reconnect_interval * 2 ** self.attempt / 1000
        self.attempt += 1
        self.delays.append(delay)
        await asyncio.sleep(delay)

    async def _receive(self, text: str | bytes):
        try:
            message = json.loads(text)
            kind = message["type"]
        except (ValueError, KeyError, TypeError):
            self.malformed.append("no message")
        else:
            if kind not in KNOWN_TYPES:
                self.ignored.append(kind)
            elif understood(kind, message.get("data") or {}):
                self.events.append(message)
            else:
                self.malformed.append(kind)
        await self._tell()

    async def _become(self, status: ConnectionStatus):
        self.status = status
        await self._tell()

    async def _tell(self):
        async with self._changed:
            self._changed.notify_all()
