# SPDX-License-Identifier: Apache-2.0
"""Somebody outside who keeps to no rule: nothing crashes, leaks or stalls, and who watches misses
nothing."""

import json
import os
import re
import resource
import socket
import statistics
import time

import pytest

from lab.agent import Agent
from lab.attacks import (ALIVE, EVIL, FRAMES, HANDSHAKES, HEALTH, HOST, MESSAGES, REQUESTS, UPGRADE,
                         Frames, Request, frame)
from lab.client import Client
from lab.console import SUBPROTOCOL, console_path
from lab.process import holdings, settled_holdings
from lab.raw_websocket import CLOSE, PING, PONG, TEXT, RawWebSocket
from lab.schema import check_message
from lab.strangers import Nuisance, counter, dial, latencies, read_to_end
from lab.tokens import token_for
from lab.wait import wait_until

pytestmark = pytest.mark.short

CONFIG = {"server": {"request_seconds": 2, "max_connections": 3000, "errors_per_minute": 1_000_000,
                     "messages_per_second": 10000, "bytes_per_second": 100_000_000},
          "metrics": {"public": True, "interval_seconds": 1}}
HALF_OPEN = 1000
LOG_LINE = re.compile(r"<[0-7]>[^\x00-\x1f\x7f]+")


@pytest.fixture(scope="module")
def target(module_agents) -> Agent:
    return module_agents(config=CONFIG)


@pytest.fixture
def guest(guests):
    made = guests("besieged").create()
    made.wait_booted()
    return made


def named(attacks):
    return pytest.mark.parametrize("attack", attacks, ids=[each.name for each in attacks])


# --- each by itself -------------------------------------------------------------------------------


def is_whole(answer: bytes) -> bool:
    head, end, body = answer.partition(b"\r\n\r\n")
    length = re.search(rb"content-length: (\d+)", head)
    return bool(end) and len(body) >= (int(length[1]) if length else 0)


def answers_to(agent: Agent, request: Request) -> bytes:
    """The first; with `alone`, everything up to the end of the connection."""
    received = b""
    with dial(agent) as peer:
        try:
            peer.sendall(request.wire)
            while request.alone or not is_whole(received):
                if not (data := peer.recv(65536)):
                    break
                received += data
        except (ConnectionResetError, BrokenPipeError):
            pass
    return received


@named(HANDSHAKES + REQUESTS)
def test_a_request_that_breaks_the_rules(target, attack):
    received = answers_to(target, attack)
    status = int(received.split(b" ", 2)[1]) if received.startswith(b"HTTP/") else None
    assert status in attack.statuses, received[:500]
    assert EVIL not in received
    if attack.alone:
        assert received.count(b"HTTP/1.") == 1


def ending(client: RawWebSocket) -> str | int | None:
    """How a connection goes on: a closing code, or ALIVE if a ping is still answered."""
    try:
        client.socket.sendall(frame(PING, b"still there?"))
    except OSError:
        pass
    try:
        while True:
            opcode, payload = client.receive()
            if opcode == CLOSE:
                return int.from_bytes(payload[:2], "big") if len(payload) > 1 else None
            if opcode == PONG and payload == b"still there?":
                return ALIVE
            if opcode == TEXT:
                check_message(json.loads(payload))
    except (EOFError, OSError):
        return None


def send(client: RawWebSocket, wire: bytes):
    try:
        client.socket.sendall(wire)
    except (BrokenPipeError, ConnectionResetError):
        pass


@named(FRAMES)
def test_frames_that_break_the_rules(target, attack):
    with RawWebSocket(target.port) as client:
        client.receive_until(TEXT)
        send(client, attack.wire)
        assert ending(client) in {attack.end, *attack.more_ends}


def test_messages_that_break_the_rules(target):
    with RawWebSocket(target.port) as client:
        client.receive_until(TEXT)
        for text, code in MESSAGES:
            client.send(TEXT, text)
            error = json.loads(client.receive_until(TEXT))
            check_message(error)
            assert (error["type"], error["data"]["code"]) == ("error", code), text[:100]
            assert EVIL.decode() not in json.dumps(error)
        assert ending(client) == ALIVE


def test_no_compression_is_agreed_on_whatever_is_offered(target):
    for offer in ("permessage-deflate", "permessage-deflate; client_max_window_bits=8",
                  "x-webkit-deflate-frame, permessage-bzip2", "permessage-deflate;" + " x=1;" * 20):
        with RawWebSocket(target.port,
                          headers=f"Sec-WebSocket-Extensions: {offer}\r\n") as client:
            assert client.status == 101 and b"extensions" not in client.answer.lower()
            client.receive_until(TEXT)
            send(client, frame(TEXT, b"\xaaV*\xa9,HU\xb2R*\xc8\xccKW\xaa\x05\0", reserved=0x40))
            assert ending(client) == 1002


# --- all at once ----------------------------------------------------------------------------------


class Siege:
    """All that an attacker has, on events and on a console."""

    def __init__(self, agent: Agent, guest):
        self._agent = agent
        token = f"Authorization: Bearer {token_for(agent, 'bad', role='operator')}\r\n"
        binary = f"{token}Sec-WebSocket-Protocol: {SUBPROTOCOL}\r\n"
        path = console_path(guest, tail=0)
        self._places = [("/ws/monitor", ""), (path, token), (path, binary), ("/ws/stats", "")]

    def round(self):
        for attack in HANDSHAKES + REQUESTS:
            self._request(attack)
        for path, headers in self._places:
            for attack in FRAMES:
                self._frames(path, headers, attack)
            self._messages(path, headers)

    def _request(self, attack: Request):
        with dial(self._agent) as peer:
            peer.settimeout(0.01)
            try:
                peer.sendall(attack.wire)
                assert not peer.recv(65536).startswith((b"HTTP/1.1 5", b"HTTP/1.0 5"))
            except OSError:
                pass

    def _frames(self, path: str, headers: str, attack: Frames):
        try:
            with RawWebSocket(self._agent.port, path, headers=headers) as client:
                client.socket.settimeout(0.05)
                send(client, attack.wire)
                ending(client)
        except (EOFError, OSError):
            pass

    def _messages(self, path: str, headers: str):
        try:
            with RawWebSocket(self._agent.port, path, headers=headers) as client:
                for text, _ in MESSAGES:
                    client.send(TEXT, text)
                client.socket.settimeout(0.5)
                ending(client)
        except (EOFError, OSError):
            pass


class HalfOpen:
    """Context manager: so many connections that have begun a request, in one way or another."""

    BEGINNINGS = [b"", b"G", HEALTH + HOST, b"GET /ws HTTP/1.1\r\n" + HOST + UPGRADE,
                  b"\x16\x03\x01\x02", HEALTH + HOST + b"X: " + b"y" * 500]

    def __init__(self, agent: Agent, count: int):
        self._peers = [dial(agent) for _ in range(count)]
        for i, peer in enumerate(self._peers):
            peer.sendall(self.BEGINNINGS[i % len(self.BEGINNINGS)])

    def __enter__(self) -> "HalfOpen":
        return self

    def __exit__(self, *_):
        for peer in self._peers:
            peer.close()

    def wait_ended(self):
        """The agent has ended them all."""
        for peer in self._peers:
            peer.settimeout(60)
            read_to_end(peer)


def resident_bytes(agent: Agent) -> int:
    with open(f"/proc/{agent.pid}/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * resource.getpagesize()


def sanitized() -> bool:
    """Freed memory is kept for a while then; that nothing leaks is said at the end."""
    return "san" in os.environ.get("ROLLO_BUILD", "")


def follow_transitions(client: Client, guest, rounds: int) -> list[float]:
    """Pauses and resumes the guest; every one is told in time. Returns how long pongs take."""
    taken = []
    for _ in range(rounds):
        guest.domain.suspend()
        client.expect("vm_status_changed", lambda m: m["data"]["new_status"] == "paused", 20)
        guest.domain.resume()
        client.expect("vm_status_changed", lambda m: m["data"]["new_status"] == "running", 20)
        taken += latencies(client, 4)
    return taken


def sequence(client: Client) -> list[int]:
    return [message["seq"] for message in client.messages() if "seq" in message]


def test_who_watches_misses_nothing_of_a_siege(agents, connect, watch, guest):
    agent = agents(config=CONFIG)
    client = connect(agent)
    client.subscribe()
    viewer = watch(agent, guest, "honest", tail=0)
    viewer.wait_status("connected")
    siege = Siege(agent, guest)
    siege.round()  # what is made once is there
    wait_until(lambda: counter(agent, "rollo_agent_connections") <= 3, 30, "they are gone")
    held = settled_holdings(agent.pid)
    resident = resident_bytes(agent)
    quiet = statistics.median(latencies(client))

    with HalfOpen(agent, HALF_OPEN) as half_open, Nuisance(siege.round) as attacks:
        busy = statistics.median(follow_transitions(client, guest, 10))
        half_open.wait_ended()
        rounds = attacks.rounds
        attacks.wait_rounds(rounds + 2)
        viewer.wait_told(lambda told: told.status["writer_user"] in (None, "honest"), 30, "lease")
    assert busy < max(20 * quiet, 0.2), f"{quiet:.4f} s, then {busy:.4f} s"

    numbers = sequence(client)
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    wait_until(lambda: counter(agent, "rollo_agent_connections") <= 3, 30, "they are gone")
    wait_until(lambda: holdings(agent.pid).within(held), 30, "it holds no more than before")
    if not sanitized():
        assert resident_bytes(agent) < resident + (16 << 20)
    viewer.wait_told(lambda told: told.status["writer_user"] in (None, "honest"), 30, "the lease")
    viewer.type("alive")
    viewer.wait_output("alive", 20)
    viewer.check_gapless()
    log = agent.log_path.read_bytes().decode()  # UTF-8, whatever came
    assert [line for line in log.splitlines() if not LOG_LINE.fullmatch(line)] == []
    assert EVIL.decode() not in log
