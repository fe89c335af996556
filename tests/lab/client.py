# SPDX-License-Identifier: Apache-2.0
"""A WebSocket client that shares no code with the agent: python3-websockets, asyncio inside, a
synchronous face for tests. It keeps every message and checks each against the schema."""

import asyncio
import json
import threading
import time
from concurrent.futures import Future
from typing import Any, Callable

import websockets

from .schema import SchemaError, check_message

Message = dict[str, Any]


class Closed(Exception):
    """The connection ended while something was waited for."""

    def __init__(self, code: int | None, reason: str):
        super().__init__(f"closed with {code} {reason!r}")
        self.code = code
        self.reason = reason


class AsyncClient:
    """One connection. Lives in one event loop; `received` grows by itself while connected."""

    def __init__(self, url: str, *, token: str | None = None, check: bool = True,
                 on_message: Callable[[Message | bytes], None] | None = None, **options):
        self._url = url
        self._check = check
        self._on_message = on_message
        self._options = {"max_size": None, "ping_interval": None, "compression": None,
                         "open_timeout": 10, "close_timeout": 5, **options}
        if token:
            self._options["extra_headers"] = {"Authorization": f"Bearer {token}",
                                              **self._options.get("extra_headers", {})}
        self._socket: websockets.WebSocketClientProtocol | None = None
        self._reader: asyncio.Task | None = None
        self.changed = asyncio.Condition()
        self.received: list[Message | bytes] = []
        self.arrived: list[float] = []
        self.schema_errors: list[SchemaError] = []
        self.closed = False

    async def connect(self) -> "AsyncClient":
        """Raises websockets.InvalidStatusCode when the agent refuses the upgrade."""
        self._socket = await websockets.connect(self._url, **self._options)
        self._reader = asyncio.create_task(self._read())
        return self

    async def send(self, message: Message | str | bytes):
        await self._socket.send(json.dumps(message) if isinstance(message, dict) else message)

    async def close(self, code: int = 1000):
        if self._socket:
            await self._socket.close(code)
        if self._reader:
            await self._reader

    @property
    def close_code(self) -> int | None:
        return self._socket.close_code if self._socket else None

    @property
    def close_reason(self) -> str:
        return (self._socket.close_reason or "") if self._socket else ""

    async def wait_for(self, found: Callable[[], Any], seconds: float, what: str) -> Any:
        """Returns what `found()` returns as soon as that is true; it is asked again after each
        message. Raises TimeoutError, or Closed when nothing more can come."""
        async with self.changed:
            try:
                async with asyncio.timeout(seconds):
                    while not (result := found()):
                        if self.closed:
                            raise Closed(self.close_code, self.close_reason)
                        await self.changed.wait()
                    return result
            except TimeoutError:
                raise TimeoutError(f"after {seconds:g} s no {what}; last messages: "
                                   + self._tail()) from None

    async def _read(self):
        try:
            async for data in self._socket:
                message = data if isinstance(data, bytes) else self._decode(data)
                if self._on_message:
                    self._on_message(message)
                async with self.changed:
                    self.received.append(message)
                    self.arrived.append(time.monotonic())
                    self.changed.notify_all()
        except websockets.ConnectionClosed:
            pass
        finally:
            async with self.changed:
                self.closed = True
                self.changed.notify_all()

    def _decode(self, text: str) -> Message:
        message = json.loads(text)
        if self._check:
            try:
                check_message(message)
            except SchemaError as error:
                self.schema_errors.append(error)
        return message

    def _tail(self) -> str:
        lines = [repr(m) if isinstance(m, bytes) else json.dumps(m) for m in self.received[-12:]]
        return "\n  " + "\n  ".join(line[:400] for line in lines) if lines else "none"


class Loop:
    """An asyncio loop in a thread, for clients that are used from plain code."""

    def __init__(self):
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def submit(self, coroutine) -> Future:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop)

    def run(self, coroutine, seconds: float = 60.0):
        return self.submit(coroutine).result(seconds)

    def close(self):
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


class Client:
    """Context manager: an AsyncClient for plain code. Leaving it closes the connection and raises
    the first schema error, if there was one."""

    def __init__(self, loop: Loop, url: str, **options):
        self._loop = loop
        self._url = url
        self._options = options
        self._client: AsyncClient | None = None
        self._cursor = 0

    def __enter__(self) -> "Client":
        return self.connect()

    def __exit__(self, kind, *_):
        self.close()
        if kind is None:
            self.check()

    def connect(self) -> "Client":
        async def make():
            return await AsyncClient(self._url, **self._options).connect()
        self._client = self._loop.run(make())
        return self

    def close(self, code: int = 1000):
        if self._client:
            self._loop.run(self._client.close(code))

    def check(self):
        """Raises the first schema error among the messages so far."""
        if self._client and self._client.schema_errors:
            raise self._client.schema_errors[0]

    # Sending

    def send(self, message: Message | str | bytes):
        """A dict goes as JSON; text and bytes go as they are."""
        self._loop.run(self._client.send(message))

    def subscribe(self, events: list[str] | None = None, seconds: float = 10.0,
                  **data) -> Message:
        """Subscribes and returns the confirmation."""
        if events is not None:
            data["events"] = events
        self.send({"type": "subscribe", "data": data})
        return self.expect("subscription_confirmed", seconds=seconds)

    # Receiving

    @property
    def received(self) -> list[Message | bytes]:
        """Every message so far, in order; a copy."""
        return list(self._client.received)

    @property
    def arrived(self) -> list[float]:
        """When each of `received` came, by time.monotonic()."""
        return list(self._client.arrived)

    def messages(self, *types: str) -> list[Message]:
        """All JSON messages so far of these types (all types when none are given)."""
        return [m for m in self.received
                if isinstance(m, dict) and (not types or m.get("type") in types)]

    def expect(self, kind: str, predicate: Callable[[Message], bool] | None = None,
               seconds: float = 10.0) -> Message:
        """The next message of type `kind` for which `predicate` holds, after the one that the
        last `expect` returned. Others in between are left out (but stay in `received`)."""
        found = []

        def look():
            received = self._client.received
            while self._cursor < len(received):
                message = received[self._cursor]
                self._cursor += 1
                if (isinstance(message, dict) and message.get("type") == kind
                        and (predicate is None or predicate(message))):
                    found.append(message)
                    return True
            return False

        self._wait(look, seconds, f"{kind} that fits")
        self.check()
        return found[0]

    def expect_data(self, kind: str, seconds: float = 10.0, **fields) -> Message:
        """`expect` a message whose `data` has these fields; returns its `data`."""
        message = self.expect(kind, lambda m: all(m["data"].get(k) == v
                                                  for k, v in fields.items()), seconds)
        return message["data"]

    def wait(self, found: Callable[[list[Message | bytes]], Any], seconds: float = 10.0,
             what: str = "such messages") -> Any:
        """Waits until `found`, called with every message so far, returns something true."""
        return self._wait(lambda: found(self._client.received), seconds, what)

    def rewind(self):
        """Lets `expect` look at every message again, from the first."""
        self._cursor = 0

    def wait_closed(self, seconds: float = 10.0) -> tuple[int | None, str]:
        """Waits for the other side to close; returns code and reason."""
        self._wait(lambda: self._client.closed, seconds, "close")
        return self._client.close_code, self._client.close_reason

    @property
    def closed(self) -> bool:
        return self._client.closed

    def _wait(self, found, seconds: float, what: str):
        return self._loop.run(self._client.wait_for(found, seconds, what), seconds + 30)
