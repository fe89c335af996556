# SPDX-License-Identifier: Apache-2.0
"""Business as usual: honest clients that must not notice anything of what a test does."""

import itertools
import json
import ssl
import threading
from collections.abc import Callable

from .agent import Agent
from .client import Client, Loop
from .console import Console
from .guests import Guest
from .publishing import Publisher, progress
from .raw_websocket import CLOSE, TEXT, RawWebSocket
from .wait import wait_until

NO_LIMITS = {"publish": {"events_per_second": 100000}}


class Business:
    """Context manager: one client watches all events, one the statistics, one a guest's console if
    there is one. Meanwhile a program publishes event after event, and clients come, subscribe and
    go. `token` gives the one that who comes now has; `tls` is the port and context of those who
    come by TLS, and of the watchers. Needs an agent with the configuration NO_LIMITS.

    Leaving it, without an exception, raises AssertionError where anybody was refused or
    disconnected, or missed an event."""

    def __init__(self, agent: Agent, loop: Loop, token: Callable[[], str],
                 guest: Guest | None = None, tls: tuple[int, ssl.SSLContext] | None = None):
        self._agent = agent
        self._loop = loop
        self._guest = guest
        self.token = token
        self.tls = tls
        self._published: list[int] = []
        self._came = 0
        self._trouble: list[BaseException] = []
        self._over = threading.Event()
        self._watchers: list[Client] = []
        self._threads = [threading.Thread(target=self._again_and_again, args=(act,))
                         for act in (self._publish, self._come_and_go)]

    def __enter__(self) -> "Business":
        self.events = self._watch("/ws?events=*&snapshot=0")
        self.events.expect("subscription_confirmed")
        self.statistics = self._watch("/ws/stats")
        self.console = None
        if self._guest:
            self.console = Console(self._loop, self._agent, self._guest, token=self.token(), tail=0)
            self._watchers.append(self.console.connect())
            self.console.wait_status("connected")
        for thread in self._threads:
            thread.start()
        self.go_on()
        return self

    def __exit__(self, kind, *_):
        if kind is None and not self._trouble:
            self.go_on()
        self._over.set()
        for thread in self._threads:
            thread.join()
        try:
            if kind is None:
                self._check()
        finally:
            for watcher in self._watchers:
                watcher.close()

    def go_on(self, rounds: int = 5):
        """Returns after some more events and some more clients, each of whom came after this was
        called."""
        published, came = len(self._published) + rounds, self._came + rounds
        wait_until(lambda: self._trouble or (len(self._published) > published
                                             and self._came > came), 60, "business goes on")
        if self._trouble:
            raise AssertionError("an honest client met trouble") from self._trouble[0]

    # What they do

    def _watch(self, path: str) -> Client:
        if self.tls:
            watcher = Client(self._loop, f"wss://localhost:{self.tls[0]}{path}",
                             token=self.token(), ssl=self.tls[1])
        else:
            watcher = Client(self._loop, self._agent.ws_url + path, token=self.token())
        self._watchers.append(watcher)
        return watcher.connect()

    def _again_and_again(self, act: Callable[[int], None]):
        for number in itertools.count():
            if self._over.is_set():
                return
            try:
                act(number)
            except BaseException as error:  # pylint: disable=broad-exception-caught
                self._trouble.append(error)
                return

    def _publish(self, number: int):
        status, answer = Publisher(self._agent, self.token())(
            progress(f"o{number}", 100, "completed"))
        assert status == 202, answer
        self._published.append(answer["seq"])

    def _come_and_go(self, _: int):
        port, context = self.tls or (self._agent.port, None)
        with RawWebSocket(port, "/ws", tls=context,
                          headers=f"Authorization: Bearer {self.token()}\r\n") as client:
            assert client.status == 101, client.answer
            client.send(TEXT, b'{"type":"subscribe","data":{"events":["*"]}}')
            told = []
            while "subscription_confirmed" not in told:
                opcode, payload = client.receive()
                assert opcode != CLOSE, payload
                if opcode == TEXT:
                    told.append(json.loads(payload)["type"])
        self._came += 1

    # What became of it

    def _check(self):
        assert not self._trouble, repr(self._trouble[0])
        last = self._published[-1]
        self.events.wait(lambda seen: any(m.get("seq") == last for m in seen), 20, "the last event")
        heard = [m["seq"] for m in self.events.messages("progress")]
        assert heard == self._published
        if self.console:
            self.console.type("still there\r")
            self.console.wait_output("still there")
        for watcher in self._watchers:
            assert not watcher.closed
            watcher.send({"type": "ping"})
            watcher.expect("pong")
            watcher.check()
