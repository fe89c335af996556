# SPDX-License-Identifier: Apache-2.0
"""What `./dev console` does with a connection to the agent, and with the next one."""

import asyncio
import json
import random
from urllib.parse import urlencode

import websockets

from .terminal import Terminal, without_answers

SUBPROTOCOL = "rollo.console.v1"
ACK_SECONDS = 0.1
LONGEST_DELAY = 10.0
LARGEST_INPUT = 16384

# Close codes after which it makes no sense to come back.
FINAL = {
    1003: "the agent does not take binary messages",
    1007: "the agent did not understand",
    1009: "the agent did not take so large a message",
    4001: "the token is not valid, or not any more",
    4003: "this token may not see this console",
    4004: "there is no such VM or console, or this token may not see it",
    4009: "the guest has migrated to another host",
}
MARKERS = {"started": "here the VM started", "reboot": "here the VM rebooted",
           "stopped": "here the VM stopped"}


class Over(Exception):
    """There will be no more of this console; says why."""


class ConsoleSession:
    """One console, over as many connections as it takes, so that nothing is shown twice and what
    cannot be shown is named."""

    def __init__(self, url: str, token: str, query: dict[str, str], terminal: Terminal):
        self._url = url
        self._query = query
        self._terminal = terminal
        self._options = {"subprotocols": [SUBPROTOCOL], "max_size": None, "compression": None,
                         # While the guest takes no input the agent does not read: no pongs.
                         "ping_interval": None, "close_timeout": 1,
                         "extra_headers": {"Authorization": f"Bearer {token}"}}
        self._socket = None
        self._closed = False
        self._epoch: str | None = None
        self._offset: int | None = None  # of what is shown, in that epoch
        self._acked = 0
        self._marks: set[tuple] = set()  # that are shown
        self._replay_to: int | None = None
        self._live = False  # all that was kept is shown
        self._status: dict = {}
        self._may_write = False
        self._user: str | None = None
        self._goodbye = ""
        self._retry_seconds = 0.0
        self._typed = bytearray()
        self._to_send = asyncio.Event()
        self._last_notice = ""

    async def run(self):
        """Until it is closed. Raises Over when there is no use in going on."""
        failures = 0
        while not self._closed:
            try:
                async with websockets.connect(self._address(), **self._options) as socket:
                    await self._converse(socket)
            except websockets.InvalidStatusCode as error:
                if error.status_code not in (429, 503):
                    raise Over(f"the agent refuses: HTTP {error.status_code}") from None
            except (OSError, asyncio.TimeoutError, websockets.WebSocketException) as error:
                if self._epoch is None:
                    raise Over(f"no agent answers at {self._url}: {error}") from None
            if self._closed:
                return
            failures = 0 if self._live else failures + 1
            self._notice("the connection is lost; it is tried again")
            delay = min(LONGEST_DELAY, 0.5 * 2 ** failures) * random.uniform(0.5, 1)
            await asyncio.sleep(max(delay, self._retry_seconds))

    def type(self, keys: bytes):
        """What was typed. While somebody else may type, or nobody has yet, what the terminal says
        by itself is no reason to take that right."""
        if not self._status.get("writer"):
            keys = without_answers(keys)
        if not keys:
            return
        if self._socket is None:
            return self._notice("not connected; what is typed is discarded")
        if not self._may_write:
            return self._notice("this is for reading only; what is typed is discarded")
        self._typed += keys
        self._to_send.set()

    async def close(self):
        self._closed = True  # the clients' library may swallow that a task is cancelled
        if self._socket:
            await self._socket.close()

    # One connection

    def _address(self) -> str:
        resume = {"from": self._offset, "epoch": self._epoch} if self._offset is not None else {}
        return f"{self._url}?{urlencode({**self._query, **resume})}"

    async def _converse(self, socket):
        self._socket = socket
        self._live = False
        self._replay_to = None
        self._goodbye = ""
        self._retry_seconds = 0.0
        sender = asyncio.create_task(self._send(socket))
        try:
            async for message in socket:
                if isinstance(message, bytes):
                    self._show(message)
                else:
                    self._take(json.loads(message))
        except websockets.ConnectionClosed:
            pass
        finally:
            self._socket = None
            sender.cancel()
            if self._typed:
                self._notice(f"{len(self._typed)} bytes that were typed were not sent")
                self._typed.clear()
        if self._goodbye == "consoles_disabled":
            raise Over("consoles are not enabled on this host")
        if socket.close_code in FINAL:
            raise Over(FINAL[socket.close_code])

    async def _send(self, socket):
        while True:
            await self._to_send.wait()
            self._to_send.clear()
            while self._typed:
                piece = bytes(self._typed[:LARGEST_INPUT])
                del self._typed[:LARGEST_INPUT]
                await socket.send(piece)
            if self._offset not in (None, self._acked):
                self._acked = self._offset
                await socket.send(json.dumps({"type": "console_ack",
                                              "data": {"offset": self._acked}}))

    def _take(self, message: dict):
        handler = getattr(self, f"_on_{message['type']}", None)
        if handler:
            handler(message.get("data") or {})

    # What it shows

    def _show(self, output: bytes):
        self._terminal.show(output)
        self._reached(self._offset + len(output))

    def _reached(self, offset: int):
        self._offset = offset
        asyncio.get_running_loop().call_later(ACK_SECONDS, self._to_send.set)
        if not self._live and offset >= self._replay_to:
            self._live = True
            self._tell_status({})

    def _mark(self, mark: tuple, text: str):
        """A note that belongs to a place: it comes again when one comes back to that place."""
        if mark not in self._marks:
            self._marks.add(mark)
            self._terminal.note(text)

    def _notice(self, text: str):
        """A note that may come with every key: once is enough."""
        if text != self._last_notice:
            self._terminal.note(text)
        self._last_notice = text

    # One method for each message; others are of no use to people.

    def _on_connection_status(self, data: dict):
        if self._epoch not in (None, data["epoch"]):
            self._terminal.note("the agent was started anew: all that it has of this console "
                                "follows, some of it for the second time")
            self._offset = None
            self._marks.clear()
        self._epoch = data["epoch"]
        self._user = data["user"]
        self._may_write = ("console:write" in data["permissions"]
                           and self._query.get("mode") != "ro")

    def _on_console_attached(self, data: dict):
        self._replay_to = data["next_offset"]
        self._acked = data["replay_from"]
        self._reached(data["replay_from"])

    def _on_console_gap(self, data: dict):
        start, end = data["from"], data["to"]
        self._mark((start, end), f"{end - start} bytes are missing here" if end > start
                   else "something may be missing here")
        self._reached(end)

    def _on_console_marker(self, data: dict):
        self._mark((data["kind"], data["offset"], data["boot_id"]),
                   MARKERS.get(data["kind"], data["kind"]))

    def _on_console_status(self, data: dict):
        before, self._status = self._status, data
        if self._live:
            self._tell_status(before)
        if dropped := data.get("input_dropped"):
            self._terminal.note(f"{dropped} bytes that were typed did not arrive")

    def _on_error(self, data: dict):
        self._notice(f"{self._writer()}: what was typed was discarded"
                     if data["code"] == "console_busy" else data["message"])

    def _on_token_expiring(self, data: dict):
        self._terminal.note(f"the token is good until {data['expires_at']}")

    def _on_goodbye(self, data: dict):
        self._goodbye = data["reason"]
        self._retry_seconds = (data.get("retry_after_ms") or 0) / 1000

    def _tell_status(self, before: dict):
        """What is new of it; in the beginning all."""
        now = self._status
        words = []
        if any(before.get(key) != now.get(key) for key in ("status", "message", "device")):
            words.append(f"{now['device']}: {now['message']}")
        if any(before.get(key) != now.get(key) for key in ("writer", "writer_user")):
            words.append(self._writer())
        if not before:
            if not self._may_write:
                words.append("for reading only")
            if self._terminal.has_keys:
                words.append("Ctrl-] ends")
        if words:
            self._last_notice = ""
            self._terminal.note("; ".join(words))

    def _writer(self) -> str:
        user = self._status.get("writer_user")
        if self._status.get("writer"):
            return "you are typing, and nobody else may"
        if user is None:
            return "nobody is typing"
        return f"{user} is typing" + (" elsewhere" if user == self._user else "")
