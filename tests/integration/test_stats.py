# SPDX-License-Identifier: Apache-2.0
"""`/ws/stats` against what the test itself has sent, received and opened."""

import json
import os
import time
from datetime import datetime
from pathlib import Path

import pytest

from lab.agent import Agent
from lab.raw_websocket import CLOSE, PING, PONG, TEXT, RawWebSocket
from lab.schema import check_message
from lab.tokens import token_for
from lab.wait import wait_until


class Counted:
    """A WebSocket that counts its messages and their bytes, as the agent says that it does."""

    def __init__(self, agent: Agent, path: str, **options):
        self.wire = RawWebSocket(agent.port, path, **options)
        assert self.wire.status == 101
        self.sent: list[bytes] = []
        self.received: list[bytes] = []

    def __enter__(self) -> "Counted":
        return self

    def __exit__(self, *_):
        self.wire.socket.close()

    def send(self, *pieces: bytes):
        """One message, in as many frames."""
        for i, piece in enumerate(pieces):
            self.wire.send(TEXT if i == 0 else 0, piece, final=i == len(pieces) - 1)
        self.sent.append(b"".join(pieces))

    def next(self, kind: str) -> dict:
        """The next message of that type; others are counted as well."""
        while True:
            opcode, payload = self.wire.receive()
            assert opcode != CLOSE, payload
            if opcode != TEXT:
                continue
            self.received.append(payload)
            message = json.loads(payload)
            if message["type"] == kind:
                check_message(message)
                return message


def stats_path(agent: Agent) -> str:
    return "/ws/stats?token=" + token_for(agent, "watcher", role="admin")


def figures(agent: Agent) -> dict:
    """As they are now."""
    with Counted(agent, stats_path(agent)) as watcher:
        return watcher.next("websocket_stats")["data"]


def seconds(message: dict) -> float:
    return datetime.fromisoformat(message["timestamp"]).timestamp()


def traffic(data: dict) -> tuple[int, int, int, int]:
    return tuple(data[f"{what}_{way}"] for what in ("messages", "bytes")
                 for way in ("sent", "received"))


def counted(*clients: Counted) -> tuple[int, int, int, int]:
    def total(way: str, measure) -> int:
        return sum(measure(message) for client in clients for message in getattr(client, way))
    return (total("received", lambda _: 1), total("sent", lambda _: 1),
            total("received", len), total("sent", len))


@pytest.mark.short
def test_messages_bytes_and_rates_are_those_that_the_clients_count(agents):
    agent = agents()
    with Counted(agent, stats_path(agent)) as watcher, Counted(agent, "/ws/monitor") as other:
        other.next("connection_status")
        first = watcher.next("websocket_stats")
        assert json.loads(watcher.received[0])["type"] == "connection_status"
        # It was taken before anything had left, but perhaps for the other's greeting.
        assert first["data"]["messages_sent"] <= 1
        second = watcher.next("websocket_stats")  # begins an interval
        for i in range(50):
            other.send(json.dumps({"type": "ping", "data": "ä" * i}, ensure_ascii=False).encode())
            other.next("pong")
        other.send(b'{"type":', b'"pi', b'ng"}')
        other.next("pong")
        other.send(b"x" * 300)
        other.next("error")
        other.wire.send(PING, b"not a message")
        assert other.wire.receive_until(PONG) == b"not a message"
        expected = counted(other, watcher)
        third = watcher.next("websocket_stats")
        assert traffic(third["data"]) == expected
        assert seconds(third) - seconds(second) == pytest.approx(5, abs=1)
        passed = seconds(third) - seconds(second)
        for what in ("messages", "bytes"):
            rate = (third["data"][f"{what}_sent"] - second["data"][f"{what}_sent"]) / passed
            assert third["data"][f"{what}_per_second"] == pytest.approx(rate, rel=0.01)
        assert third["data"]["messages_per_second"] > 10
        watcher.send(b'{"type":"ping"}')
        watcher.next("pong")


def rooms(agent: Agent) -> tuple[dict, dict, int]:
    data = figures(agent)
    return data["room_stats"], data["connections_by_endpoint"], data["active_connections"]


@pytest.mark.short
def test_rooms_fill_and_empty_as_clients_come_and_go(agents, guests):
    agent = agents()
    guest = guests("roomy", vm_id=77).define()
    wait_until(lambda: agent.get("/api/v1/vms/77")[0] == 200, what="it is known")
    alone = ({"stats": 1}, {"/ws/stats": 1}, 1)
    assert rooms(agent) == alone
    watching = "?token=" + token_for(agent, role="operator")
    paths = ["/ws/monitor", "/ws", f"/ws/vm/{guest.spec.uuid}", "/ws/vm/77", "/ws/server/self",
             "/ws/console/roomy" + watching, "/ws/monitor?auth=message"]
    clients = [Counted(agent, path) for path in paths]
    try:
        for client in clients[:-1]:
            client.next("connection_status")
        assert rooms(agent) == (
            {"monitor": 2, "vm:77": 2, "server:1": 1, "console:77": 1, "stats": 1},
            {"/ws/monitor": 3, "/ws/vm/{vm}": 2, "/ws/server/{server}": 1,
             "/ws/console/{vm}": 1, "/ws/stats": 1}, 8)
        token = token_for(agent, role="viewer")
        clients[-1].send(json.dumps({"type": "auth", "data": {"token": token}}).encode())
        clients[-1].next("connection_status")
        assert rooms(agent)[0]["monitor"] == 3
        assert figures(agent)["consoles"]["viewers"] == 1
    finally:
        for client in clients:
            client.wire.socket.close()
    wait_until(lambda: rooms(agent) == alone, what="nobody else is there")


def test_errors_are_counted_by_their_code(agents, guests, watch):
    agent = agents(config={"auth": {"anonymous": False}})
    guest = guests("typed", vm_id=78).define()
    assert figures(agent)["errors_by_code"] == {}
    with Counted(agent, "/ws?token=" + token_for(agent, role="viewer")) as client:
        for message in (b"{", b"[]", b'{"type":"nothing"}', b'{"type":"subscribe","data":7}',
                        b'{"type":"console_input","data":"ls"}',
                        b'{"type":"auth","data":{"token":"a.b.c"}}'):
            client.send(message)
            client.next("error")
    viewer = watch(agent, guest, mode="ro")
    viewer.send({"type": "console_input", "data": "ls"})
    viewer.expect("error")
    data = figures(agent)
    assert data["errors_by_code"] == {"invalid_json": 1, "invalid_message": 2, "unknown_type": 1,
                                      "unsupported": 1, "invalid_token": 1,
                                      "permission_denied": 1}
    # The token that did not renew is the only failure so far.
    assert (data["auth_failures"], data["refused_by_reason"]) == (1, {"token": 1})


def test_failures_to_say_who_it_is(agents):
    agent = agents(config={"auth": {"anonymous": False}})
    for path in ("/ws?token=a.b.c", "/ws", "/ws/stats"):
        with RawWebSocket(agent.port, path) as client:
            assert client.receive_until(CLOSE)[:2] == (4001).to_bytes(2, "big")
    assert agent.get("/api/v1/vms")[0] == 401
    assert agent.get("/api/v1/vms", "a.b.c")[0] == 401
    with RawWebSocket(agent.port, "/ws?auth=message") as client:
        client.send(TEXT, b'{"type":"ping"}')  # not what has to come first
        assert client.receive_until(CLOSE)[:2] == (4001).to_bytes(2, "big")
    data = figures(agent)
    assert (data["auth_failures"], data["refused_by_reason"]) == (6, {"token": 6})
    assert data["closed_by_code"] == {"4001": 4}


def test_who_may_see_the_figures(agents):
    agent = agents()
    for claims in (None, {"role": "viewer"}, {"role": "operator"},
                   {"role": "admin", "vms": ["web"]}, {"permissions": ["vm:view"]}):
        query = "?token=" + token_for(agent, **claims) if claims else ""
        with RawWebSocket(agent.port, "/ws/stats" + query) as client:
            assert client.receive_until(CLOSE)[:2] == (4003).to_bytes(2, "big"), claims
    assert figures(agent)["room_stats"] == {"stats": 1}
    with Counted(agent, "/ws/stats?token=" + token_for(agent, permissions=["stats:view"])) as one:
        one.next("websocket_stats")
        one.send(b'{"type":"subscribe","data":{}}')
        error = one.next("error")["data"]
        assert (error["code"], error["request_type"]) == ("unsupported", "subscribe")
        fresh = token_for(agent, role="admin")
        one.send(json.dumps({"type": "auth", "data": {"token": fresh}}).encode())
        assert one.next("connection_status")["data"]["role"] == "admin"
        less = token_for(agent, role="viewer")
        one.send(json.dumps({"type": "auth", "data": {"token": less}}).encode())
        assert one.wire.receive_until(CLOSE)[:2] == (4003).to_bytes(2, "big")


def test_who_reads_slowly_gets_the_latest_figures_alone(agents):
    agent = agents(config={"server": {"messages_per_second": 1_000_000,
                                      "bytes_per_second": 1_000_000_000,
                                      "queue_bytes": 2 << 20}})
    with (Counted(agent, stats_path(agent)) as watcher,
          Counted(agent, stats_path(agent), receive_buffer=4096) as slow):
        slow.next("websocket_stats")
        fill(agent, slow, 100_000)
        assert figures(agent)["queue_bytes"] > 50_000
        full = time.time()
        next_after(watcher, full)
        missed = watcher.received[-1]
        watcher.next("websocket_stats")
        next_after(slow, full)
        assert missed not in slow.received
        if slow.received[-1] not in watcher.received:
            watcher.next("websocket_stats")  # it has just come
        assert slow.received[-1] in watcher.received
        assert figures(agent)["conflated"] >= 1
        fill(agent, slow, 3 << 20)
        assert figures(agent)["closed_by_code"]["4013"] == 1
        assert figures(agent)["slow_disconnects"] == 1
    conflated = figures(agent)["conflated"]
    wait_until(lambda: figures(agent)["active_connections"] == 1, what="both are gone")
    assert figures(agent)["conflated"] == conflated


def next_after(client: Counted, moment: float):
    """The next figures that were taken after that moment."""
    while seconds(client.next("websocket_stats")) <= moment:
        pass


def fill(agent: Agent, client: Counted, waiting: int):
    """Makes so much wait for it, or ends it: pings that it does not read the answers of."""
    pings = (b"\x81\x8f\0\0\0\0" + b'{"type":"ping"}') * 5000
    for _ in range(100):
        before = figures(agent)
        if before["queue_bytes"] > waiting or "4013" in before["closed_by_code"]:
            return
        client.wire.socket.sendall(pings)
        wait_until(lambda: (data := figures(agent))["messages_received"]
                   >= before["messages_received"] + 5000 or "4013" in data["closed_by_code"],
                   what="they are read")
    raise TimeoutError("its socket takes everything")


def test_libvirt_and_the_process(agents, session_lab):
    agent = agents()
    wait_until(lambda: figures(agent)["libvirt"]["last_sample_ms"] is not None, what="a sample")
    with Counted(agent, stats_path(agent)) as watcher:
        watcher.next("websocket_stats")
        opened = os.listdir(f"/proc/{agent.pid}/fd")
        data = watcher.next("websocket_stats")["data"]
        process, libvirt = data["process"], data["libvirt"]
        assert (libvirt["connected"], libvirt["reconnects"], libvirt["stale_vms"]) == (True, 0, 0)
        assert process["open_fds"] == pytest.approx(len(opened), abs=2)
        pages = int(Path(f"/proc/{agent.pid}/statm").read_text().split()[1])
        assert process["resident_bytes"] == pytest.approx(pages * os.sysconf("SC_PAGESIZE"),
                                                          rel=0.2)
        user, system = map(int, Path(f"/proc/{agent.pid}/stat").read_text()
                           .rsplit(")", 1)[1].split()[11:13])
        used = (user + system) / os.sysconf("SC_CLK_TCK")
        assert used - 1 <= process["cpu_seconds"] <= used + 0.02
        assert 0.5 < process["uptime_seconds"] < 60
        assert data["events"]["ordered"] > 0 and data["loop"]["longest_turn_ms"] > 0
