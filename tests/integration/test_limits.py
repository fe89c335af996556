# SPDX-License-Identifier: Apache-2.0
"""Limits: what is over one is refused clearly and counted, and the others keep what they have."""

import asyncio
import os
import select
import socket
import time

import libvirt
import pytest
import websockets

from lab.client import AsyncClient
from lab.raw_websocket import CLOSE, PING, PONG, RawWebSocket
from lab.strangers import (Answer, ask, counter, dial, held_open, keeps_its_latency, read_to_end,
                           refused)
from lab.wait import wait_until

STRANGER = "127.0.0.2"
"""An address that is not the one from which the tests' own questions come."""


def limited(agents, **server):
    """An agent with these limits, which holds loopback addresses to them, too."""
    return agents(config={"server": {"exempt_networks": [], **server},
                          "metrics": {"public": True, "interval_seconds": 1}})


# --- connections ----------------------------------------------------------------------------------


@pytest.mark.short
def test_one_address_has_its_share_and_the_others_theirs(agents, connect):
    agent = limited(agents, max_connections_per_address=5, new_connections_per_second=1000)
    with held_open(agent, 5, STRANGER) as peers:
        answer = ask(agent, STRANGER)
        assert answer.status == 429 and int(answer.headers["retry-after"]) > 0
        assert answer.json()["code"] == "too_many_requests"
        assert connect(agent).expect("connection_status")
        assert ask(agent, "127.0.0.3").status == 200
        assert refused(agent, "connections_per_address") == 1
        peers.pop().close()
        wait_until(lambda: ask(agent, STRANGER).status == 200, what="there is room again")


@pytest.mark.short
def test_one_address_may_not_connect_ever_faster(agents, connect):
    agent = limited(agents, new_connections_per_second=5)
    honest = connect(agent)
    answers = [ask(agent, STRANGER) for _ in range(40)]
    refusals = [answer for answer in answers if answer.status == 429]
    assert {answer.status for answer in answers} == {200, 429}
    assert all(answer.headers["retry-after"] == "1" for answer in refusals)
    assert refused(agent, "connection_rate") == len(refusals)
    keeps_its_latency(honest, lambda: ask(agent, STRANGER))
    wait_until(lambda: ask(agent, STRANGER).status == 200, step=0.5, what="it may again")


@pytest.mark.short
def test_more_than_all_are_refused_with_503(agents):
    agent = limited(agents, max_connections=10, max_connections_per_address=8)
    with held_open(agent, 7, STRANGER), held_open(agent, 3, "127.0.0.3"):
        answer = ask(agent, "127.0.0.4")
        assert answer.status == 503 and int(answer.headers["retry-after"]) > 0
        assert answer.json()["code"] == "unavailable"
    wait_until(lambda: ask(agent).status == 200, what="there is room again")
    assert refused(agent, "connections") >= 1


def test_a_refusal_can_be_read_although_the_request_comes_late(agents):
    """The connection is not reset under the client's hands."""
    agent = limited(agents, max_connections_per_address=1, new_connections_per_second=1000)
    with held_open(agent, 1, STRANGER):
        for _ in range(20):
            with dial(agent, STRANGER) as late:
                wait_until(lambda: b"429" in late.recv(12, 2), what="the answer")  # 2: MSG_PEEK
                for _ in range(8):
                    late.sendall(b"GET / HTTP/1.1\r\nX: " + b"x" * 1000)
                answer = b""
                while data := late.recv(65536):
                    answer += data
                assert Answer(answer).json()["message"]


def test_who_is_refused_is_let_go_though_it_stays(agents):
    agent = limited(agents, max_connections_per_address=4, new_connections_per_second=1000)
    with held_open(agent, 4, STRANGER), held_open(agent, 100, STRANGER) as stubborn:
        for peer in stubborn:
            assert Answer(read_to_end(peer)).status == 429
        assert refused(agent, "connections_per_address") == 100
        wait_until(lambda: open_sockets(agent) <= 8, what="its descriptors are free again")


def open_sockets(agent) -> int:
    """TCP connections that the agent has open, whether it counts them or not."""
    inodes = set()
    for entry in os.scandir(f"/proc/{agent.pid}/fd"):
        try:
            link = os.readlink(entry.path)
        except FileNotFoundError:  # closed meanwhile
            continue
        if link.startswith("socket:["):
            inodes.add(link[8:-1])
    with open("/proc/net/tcp", encoding="ascii") as table:
        return sum(line.split()[9] in inodes for line in list(table)[1:])


@pytest.mark.short
def test_by_default_many_may_come_from_loopback(agents, session_loop):
    agent = agents(config={"metrics": {"public": True}})

    async def open_all() -> list[AsyncClient]:
        clients = [AsyncClient(agent.ws_url + "/ws") for _ in range(400)]
        return await asyncio.gather(*(client.connect() for client in clients))

    async def close_all(clients: list[AsyncClient]):
        await asyncio.gather(*(client.close() for client in clients))

    session_loop.run(close_all(session_loop.run(open_all())))
    assert counter(agent, "rollo_agent_accepted_connections_total") > 400
    assert refused(agent, "connections_per_address") == refused(agent, "connection_rate") == 0


def test_unix_sockets_share_no_address(agents, tmp_path):
    path = str(tmp_path / "agent.sock")
    agent = agents(start=False, config={"server": {
        "exempt_networks": [], "max_connections_per_address": 5,
        "new_connections_per_second": 5}})
    agent.config["server"]["listen"].append(f"unix:{path}")
    agent.start(ready=False)
    wait_until(lambda: "runs on" in agent.log(), what="it runs")
    clients = [RawWebSocket(path) for _ in range(30)]
    assert all(client.status == 101 for client in clients)
    for client in clients:
        client.socket.close()


def test_limits_change_with_a_reload_and_leave_alone_who_is_there(agents, connect):
    agent = limited(agents)
    client = connect(agent)
    agent.config["server"]["max_connections_per_address"] = 1
    agent.reload()
    wait_until(lambda: "read again" in agent.log(), what="it has been read again")
    with pytest.raises(websockets.InvalidStatusCode):
        connect(agent)
    client.send({"type": "ping"})
    assert client.expect("pong")


def drain(peer: socket.socket):
    """Reads what is there."""
    while select.select([peer], [], [], 0)[0] and peer.recv(1 << 20):
        pass


@pytest.mark.short
@pytest.mark.parametrize("size", [0, 125])
@pytest.mark.parametrize("reads", [True, False])
def test_pings_without_end_are_ended_by_unix_socket_too(agents, tmp_path, connect, size, reads):
    """The kernel does not count what comes by one, and libwebsockets does not tell of pings."""
    path = str(tmp_path / "agent.sock")
    agent = agents(start=False, config={"metrics": {"public": True, "interval_seconds": 1}})
    agent.config["server"]["listen"].append(f"unix:{path}")
    agent.start()
    honest = connect(agent)
    pings = (bytes([0x80 | PING, 0x80 | size]) + os.urandom(4 + size)) * 500
    with RawWebSocket(path, seconds=30) as flood:
        ends = time.monotonic() + 60
        pong = 0.0
        with pytest.raises((BrokenPipeError, ConnectionResetError)):
            while time.monotonic() < ends:
                flood.socket.sendall(pings)
                if reads:
                    drain(flood.socket)
                if time.monotonic() > pong + 5:  # so that the agent's own ping is answered
                    flood.send(PONG)
                    pong = time.monotonic()
    assert refused(agent, "byte_rate") == 1
    honest.send({"type": "ping"})
    assert honest.expect("pong")


def test_pings_by_unix_socket_are_answered_as_long_as_they_are_few(agents, tmp_path):
    path = str(tmp_path / "agent.sock")
    agent = agents(start=False, config={"server": {"messages_per_second": 20}})
    agent.config["server"]["listen"].append(f"unix:{path}")
    agent.start()
    with RawWebSocket(path) as client:
        for i in range(150):
            client.send(PING, str(i).encode())
            assert client.receive_until(PONG) == str(i).encode()


@pytest.mark.short
def test_pings_by_unix_socket_that_are_answered_count_as_messages(agents, tmp_path):
    path = str(tmp_path / "agent.sock")
    agent = agents(start=False, config={"server": {"messages_per_second": 1}})
    agent.config["server"]["listen"].append(f"unix:{path}")
    agent.start()
    with RawWebSocket(path) as client:
        answered = 0
        with pytest.raises((EOFError, BrokenPipeError, ConnectionResetError)):
            while answered < 1000:
                client.send(PING)
                kind, _ = client.receive()
                while kind not in (PONG, CLOSE):
                    kind, _ = client.receive()
                if kind == CLOSE:
                    raise EOFError
                answered += 1
    assert 10 <= answered < 100


def test_a_slow_reader_by_unix_socket_is_not_taken_for_one_that_pings(agents, connect, tmp_path,
                                                                      guests):
    guest = guests("chatty").define()
    path = str(tmp_path / "agent.sock")
    agent = agents(start=False, config={"server": {"messages_per_second": 1,
                                                   "queue_bytes": 64 << 20}})
    agent.config["server"]["listen"].append(f"unix:{path}")
    agent.start()
    events = "/ws?events=vm_status_changed&snapshot=0"
    quick = connect(agent, events)
    quick.expect("subscription_confirmed")
    with RawWebSocket(path, events) as slow:
        for i in range(60):
            title = f"{i} " + "x" * 200_000
            guest.domain.setMetadata(libvirt.VIR_DOMAIN_METADATA_TITLE, title, None, None,
                                     libvirt.VIR_DOMAIN_AFFECT_CONFIG)
            quick.expect("vm_updated", lambda m, t=title: m["data"]["vm"]["title"] == t)
        received = b""
        while b'"59 xxx' not in received:
            received = received[-20:] + slow.socket.recv(8192)
        slow.send(PING, b"still there")
        end = b"\x8a\x0bstill there"
        while end not in received:
            received = received[-20:] + slow.socket.recv(8192)
    wait_until(lambda: "of anonymous from unix to /ws ended" in agent.log(), what="its end is told")
    assert "the connection was lost" in agent.log() and "rate_limited" not in agent.log()
