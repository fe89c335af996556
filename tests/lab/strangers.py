# SPDX-License-Identifier: Apache-2.0
"""Peers that mean no good, and what the agent counts of them."""

import json
import re
import socket
import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from .agent import Agent
from .client import Client
from .wait import wait_until


class Answer:
    """What a peer was answered, taken apart; `status` is None where it was nothing."""

    def __init__(self, wire: bytes):
        head, _, self.body = wire.partition(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        self.status = int(lines[0].split()[1]) if lines[0] else None
        self.headers = {name.lower(): value.strip() for name, _, value in
                        (line.partition(":") for line in lines[1:])}

    def json(self) -> dict:
        return json.loads(self.body)


def dial(agent: Agent, source: str = "127.0.0.1", seconds: float = 10.0) -> socket.socket:
    """A TCP connection to the agent that comes from `source`."""
    return socket.create_connection(("127.0.0.1", agent.port), seconds, (source, 0))


def read_to_end(peer: socket.socket) -> bytes:
    """Everything up to the end of the connection, whichever end that is."""
    received = b""
    try:
        while data := peer.recv(65536):
            received += data
    except ConnectionResetError:
        pass
    return received


def ask(agent: Agent, source: str = "127.0.0.1", request: bytes | None = None) -> Answer:
    """One request (`GET /healthz`) on a connection of its own."""
    with dial(agent, source) as peer:
        peer.sendall(request or b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n"
                                b"Connection: close\r\n\r\n")
        return Answer(read_to_end(peer))


def counter(agent: Agent, name: str, **labels: str) -> int:
    """A counter of /metrics; 0 where it has no sample yet. Needs a public page."""
    status, page = agent.get("/metrics")
    assert status == 200, page
    wanted = ",".join(f'{key}="{value}"' for key, value in labels.items())
    found = re.search(rf"^{re.escape(name + ('{' + wanted + '}' if wanted else ''))} (\d+)$",
                      page, re.MULTILINE)
    return int(found[1]) if found else 0


def refused(agent: Agent, reason: str) -> int:
    return counter(agent, "rollo_agent_refused_total", reason=reason)


@contextmanager
def held_open(agent: Agent, count: int, source: str) -> Iterator[list[socket.socket]]:
    """Connections that send nothing."""
    peers = [dial(agent, source) for _ in range(count)]
    try:
        yield peers
    finally:
        for peer in peers:
            peer.close()


def latencies(client: Client, rounds: int = 40) -> list[float]:
    """How long pongs take, one after the other."""
    taken = []
    for _ in range(rounds):
        begin = time.monotonic()
        client.send({"type": "ping"})
        client.expect("pong")
        taken.append(time.monotonic() - begin)
    return taken


class Nuisance:
    """Context manager: does something again and again in a thread."""

    def __init__(self, act):
        self._act = act
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.rounds = 0

    def __enter__(self):
        self._thread.start()
        self.wait_rounds(6)
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()

    def wait_rounds(self, count: int):
        """Until it has been done so many times in all."""
        wait_until(lambda: self.rounds >= count, 60, f"{count} rounds")

    def _run(self):
        while not self._stop.is_set():
            try:
                self._act()
            except OSError:
                pass
            self.rounds += 1


def keeps_its_latency(client: Client, act):
    """While `act` goes on beside it, an honest client is answered about as fast as before. The
    bounds are wide: a machine that is busy must not fail, an agent that stalls must. However long a
    round of `act` takes, the client sends 40 messages in it, and never as many as it may not."""
    quiet = statistics.median(latencies(client))
    with Nuisance(act) as nuisance:
        taken = []
        for _ in range(4):
            before = nuisance.rounds
            taken += latencies(client)
            nuisance.wait_rounds(before + 1)
        busy = statistics.median(taken)
    assert busy < max(20 * quiet, 0.2), f"{quiet:.4f} s, then {busy:.4f} s"
