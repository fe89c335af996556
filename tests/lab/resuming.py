# SPDX-License-Identifier: Apache-2.0
"""A client that loses its connection again and again and resumes, as the protocol tells clients to
do it, and what its history has to be beside that of a client that never lost anything."""

import asyncio
import json
import random
from dataclasses import dataclass, field
from typing import Callable

import websockets

from .client import Message
from .history import replay, state_of


@dataclass
class Chapter:
    """What follows one complete snapshot without a gap."""

    snapshot: list[Message]  # its parts
    events: list[Message] = field(default_factory=list)

    @property
    def first(self) -> int:
        return self.snapshot[0]["data"]["seq"]


class ResumingClient:
    """Connects, listens, drops the connection at a random moment (without a closing handshake),
    comes back where it was."""

    def __init__(self, url: str, seed: str, wants: Callable[[Message], bool] = lambda _: True,
                 sees: Callable[[dict], bool] = lambda _: True, forgetful: bool = False):
        """`wants` and `sees`: which events and VMs its filter lets through. `forgetful`: comes
        back every other time with an epoch that never was, so that there has to be a gap."""
        self._url = url
        self._dice = random.Random(seed)
        self._forgetful = forgetful
        self.wants = wants
        self.sees = sees
        self.chapters: list[Chapter] = []
        self.position: tuple[str, int] | None = None
        self._over = False
        self._socket = None
        self.drops = 0
        self.gaps = 0  # that it asked for
        self.torn_snapshots = 0
        self._parts: list[Message] = []

    async def storm(self):
        """Until `end` is called."""
        while not self._over:
            few = self._dice.random() < 0.5
            await self._visit(self._dice.randrange(1, 7 if few else 200))
            await asyncio.sleep(self._dice.random() / 2)  # its back-off

    def end(self):
        """Ends the storm. No task is cancelled for it: the clients' library may swallow that."""
        self._over = True
        if self._socket:
            self._socket.transport.abort()

    async def catch_up(self, upto: int):
        """Comes back once more, and stays until it has everything up to that seq."""
        self._over = False
        await self._visit(1 << 60, upto)

    async def _visit(self, messages: int, upto: int | None = None):
        resume = ""
        asked = self.position
        if asked:
            if self._forgetful and self.drops % 2 and upto is None:
                self.gaps += 1
                asked = ("0123456789abcdef", asked[1])
            resume = f"&resume={asked[0]}:{asked[1]}"
        self._parts = []
        replayed = 0
        socket = await websockets.connect(self._url + resume, max_size=None, ping_interval=None,
                                          compression=None, open_timeout=60, max_queue=None)
        self._socket = socket
        try:
            while messages > 0 and not self._over:
                message = json.loads(await socket.recv())
                messages -= 1
                kind, data = message["type"], message["data"]
                if kind == "resumed":
                    assert asked and asked == (data["epoch"], data["from_seq"]), message
                    assert replayed == data["count"], f"{replayed} replayed: {message}"
                    self.position = (data["epoch"], max(self.position[1], data["to_seq"]))
                self._take(message)
                replayed += "seq" in message
                if upto is not None and self.position and self.position[1] >= upto:
                    return
            self.drops += 1
            self.torn_snapshots += bool(self._parts)
        except websockets.ConnectionClosed:
            if not self._over:
                raise
        finally:
            self._socket = None
            socket.transport.abort()  # no word of farewell

    def _take(self, message: Message):
        kind, data = message["type"], message["data"]
        if kind == "snapshot":
            self._parts.append(message)
            assert data["part"] == len(self._parts)
            if data["part"] == data["parts"]:
                self.chapters.append(Chapter(self._parts))
                self.position = (data["epoch"], data["seq"])
                self._parts = []
        elif "seq" in message:
            assert not self._parts, "an event between the parts of a snapshot"
            self.chapters[-1].events.append(message)
            self.position = (self.position[0], message["seq"])

    def check(self, witness_snapshot: list[Message], witness_events: list[Message], upto: int):
        """Every event exactly once, or an explicit gap with a snapshot that says what is now."""
        assert 1 <= len(self.chapters) <= 1 + self.gaps, "a gap that nobody asked for"
        for chapter in self.chapters:
            last = chapter is self.chapters[-1]
            heard = [m for m in chapter.events if m["seq"] <= upto]
            until = upto if last else max([chapter.first, *(m["seq"] for m in heard)])
            assert heard == [m for m in witness_events
                             if chapter.first < m["seq"] <= until and self.wants(m)]
            before = [m for m in witness_events if m["seq"] <= chapter.first]
            then = replay(witness_snapshot, before)
            assert state_of(chapter.snapshot) == {uuid: vm for uuid, vm in then.items()
                                                  if self.sees(vm)}
