# SPDX-License-Identifier: Apache-2.0
"""The agent killed at the worst moment, and short of what it lives on: ids stay, trouble is told,
and it goes away by itself."""

import os
import random
import resource
import signal
import socket
import time
from pathlib import Path

import libvirt
import pytest

from lab.agent import ROOT, Agent
from lab.client import AsyncClient, Closed
from lab.raw_websocket import CLOSE, TEXT, RawWebSocket
from lab.small_disk import SmallDisk
from lab.tokens import token_for
from lab.wait import wait_until

VMS = "/ws?events=vm_status_changed,server_status_changed,alert"
ROUNDS = 12


# --- killed --------------------------------------------------------------------------------------


@pytest.mark.short
@pytest.mark.torture
def test_ids_that_were_told_are_the_same_after_a_kill(lab, guests, agents, session_loop, seed):
    """The agent is killed by a client at the very moment at which it hears of a new VM."""
    assert lab
    agent, dice, told = agents(start=False), random.Random(seed), {}
    for round_ in range(ROUNDS):
        agent.start()
        pid = agent.pid
        wanted = dice.randrange(1, 4)

        def on_message(message, pid=pid, fatal=wanted + len(told)):
            if message["type"] == "vm_created":
                vm = message["data"]["vm"]
                told[vm["uuid"]] = vm["id"]
                if len(told) == fatal:
                    os.kill(pid, signal.SIGKILL)

        client = AsyncClient(agent.ws_url + VMS, on_message=on_message)
        session_loop.run(client.connect())
        for i in range(wanted):
            guests(f"new-{round_}-{i}").define()
        with pytest.raises(Closed):
            session_loop.run(client.wait_for(lambda: False, 20, "end"))
        agent.kill()
    agent.start()
    known = {vm["uuid"]: vm["id"] for vm in agent.get("/api/v1/vms")[1]["vms"]}
    assert len(told) >= ROUNDS and {uuid: known[uuid] for uuid in told} == told


def test_an_id_is_told_to_nobody_before_it_is_on_a_slow_disk(guests, agents, connect):
    agent = agents(start=False, environment={
        "LD_PRELOAD": str(build() / "tests/fixtures/slow_fsync.so"), "SLOW_FSYNC_MS": "300"})
    agent.start()
    client = connect(agent, VMS)
    client.expect("snapshot")
    guest = guests("slowly").define()
    path = f"/api/v1/vms/{guest.spec.uuid}"
    wait_until(lambda: agent.get(path)[0] == 200, 5, "it is told over HTTP", step=0)
    os.kill(agent.pid, signal.SIGKILL)
    client.wait(lambda _: client.closed, 5)
    agent.kill()
    told = client.messages("vm_created")
    for i in range(20):  # any of which could get that id, were it still free
        guests(f"rival-{i}").define()
    agent.start()
    now = agent.get(path)[1]["id"]
    assert [m["data"]["vm"]["id"] for m in told] == [now]


def test_a_disk_that_hangs_holds_nobody_up_for_long(guests, agents, connect):
    agent = agents(environment={"LD_PRELOAD": str(build() / "tests/fixtures/slow_fsync.so"),
                                "SLOW_FSYNC_MS": "20000"}, start=False)
    agent.start()
    client = connect(agent, VMS)
    began = time.monotonic()
    client.expect("snapshot")
    guests("patient").define()
    client.expect("vm_created", seconds=5)
    assert time.monotonic() - began < 5
    agent.kill()


def build() -> Path:
    return Path(os.environ.get("ROLLO_BUILD", ROOT / "build"))


# --- no room on the disk -------------------------------------------------------------------------


@pytest.fixture
def small_disk(tmp_path):
    with SmallDisk(tmp_path / "small", "256k") as disk:
        yield disk


def test_a_full_disk_is_told_and_is_over_when_there_is_room(guests, agents, connect, small_disk):
    agent = agents(config={"agent": {"state_dir": str(small_disk.folder / "state")}})
    client = connect(agent, VMS)
    client.expect("snapshot")
    ballast = small_disk.fill()

    guest = guests("homeless").define()
    number = client.expect("vm_created", seconds=5)["data"]["vm"]["id"]
    fired = client.expect_data("alert", alert_type="agent_state_unsaved", state="firing")
    assert fired["entity_type"] == "server" and str(small_disk.folder) not in fired["message"]
    assert "No space left on device" in agent.log()
    assert agent.figure("rollo_agent_state_saved") == 0
    late = connect(agent, VMS).expect("snapshot")["data"]
    assert [alert["alert_type"] for alert in late["alerts"]] == ["agent_state_unsaved"]
    guest.domain.rename("still-homeless")  # life goes on
    client.expect("vm_updated", seconds=5)

    ballast.unlink()
    client.expect_data("alert", 15, alert_type="agent_state_unsaved", state="resolved")
    assert agent.figure("rollo_agent_state_saved") == 1
    agent.kill()
    agent.start()
    assert agent.get("/api/v1/vms/still-homeless")[1]["id"] == number


# --- no descriptors ------------------------------------------------------------------------------


def test_without_descriptors_strangers_are_refused_and_the_rest_goes_on(lab, guests, agents,
                                                                        connect):
    agent = agents(wrapper=["prlimit", "--nofile=300:300"])
    guest = guests("witnessed").define()
    client = connect(agent, VMS)
    client.expect("snapshot")
    crowd = []
    try:
        answers = [crowd_in(agent, crowd) for _ in range(400)]
        assert answers[0].startswith(b"HTTP/1.1 101") and not answers[-1].startswith(b"HTTP/1.1 101")
        assert any(answer.startswith(b"HTTP/1.1 503") for answer in answers)
        # What is there already is served, and libvirt can still be connected to anew.
        lab.restart()
        client.expect_data("server_status_changed", 20, new_status="offline")
        client.expect_data("server_status_changed", 20, new_status="online")
        guest.domain.rename("renamed")
        client.expect("vm_updated")
        assert cpu_share(agent) < 0.5
        assert agent.log().count("\n") < 700  # one line each for who was there, few for the others
    finally:
        for each in crowd:
            each.close()
    wait_until(lambda: connects(agent), 10, "there is room again")


def crowd_in(agent: Agent, crowd: list[socket.socket]) -> bytes:
    """Opens a connection that stays; what it was answered, or nothing if it was hung up on."""
    stranger = socket.create_connection(("127.0.0.1", agent.port), 5)
    crowd.append(stranger)
    try:
        stranger.sendall(b"GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
                         b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                         b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
        return stranger.recv(1024)
    except ConnectionError:
        return b""


def connects(agent: Agent) -> bool:
    crowd = []
    try:
        return crowd_in(agent, crowd).startswith(b"HTTP/1.1 101")
    finally:
        for each in crowd:
            each.close()


def cpu_share(agent: Agent, seconds: float = 1.0) -> float:
    """Of one core, over that time."""
    def used() -> float:
        with open(f"/proc/{agent.pid}/stat", encoding="ascii") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    before, began = used(), time.monotonic()
    time.sleep(seconds)  # the measurement itself
    return (used() - before) / (time.monotonic() - began)


# --- no memory -----------------------------------------------------------------------------------

TITLE_BYTES = 100_000
BIG_GUESTS = 60  # more than the kernel takes for one connection


@pytest.fixture
def big(lab, guests):
    """VMs whose snapshot is 6 MB."""
    for i in range(BIG_GUESTS):
        guests(f"big-{i}", title=f"{i} " + "x" * TITLE_BYTES).define()
    return lab


@pytest.mark.short
def test_who_asks_again_and_again_and_does_not_read_costs_one_snapshot(big, agents, connect):
    assert big
    agent = agents()
    other = connect(agent, VMS)
    other.expect("snapshot")
    before = resident_bytes(agent)
    with RawWebSocket(agent.port, receive_buffer=4096) as deaf:
        deaf.socket.settimeout(1)
        ask = (b'{"type":"subscribe","data":{"events":["vm_status_changed"]}}', b'{"type":"unsubscribe"}')
        asked = 0
        try:
            for asked in range(2000):
                for message in ask:
                    deaf.send(TEXT, message)
        except TimeoutError:  # its own socket is full
            pass
        assert asked > 100
        other.send({"type": "ping"})
        other.expect("pong")
        waiting = agent.figure("rollo_agent_waiting_bytes")
        assert 0 < waiting < 3 * BIG_GUESTS * TITLE_BYTES
        if not sanitized():
            assert resident_bytes(agent) - before < 8 * BIG_GUESTS * TITLE_BYTES
        # And when it reads again, it has all that it asked for, and the connection lives.
        deaf.socket.settimeout(20)
        for _ in range(3):
            while b'"type":"subscription_confirmed"' not in deaf.receive()[1]:
                pass


def test_all_queues_together_are_bounded(big, agents, connect):
    assert big
    limit = 32 << 20
    agent = agents(config={"server": {"total_queue_bytes": limit}})
    other = connect(agent, VMS)
    server = other.expect("connection_status")["data"]["server_id"]
    other.expect("snapshot")
    before = resident_bytes(agent)
    # Each asks for something else, so that no two share a snapshot.
    deaf = [RawWebSocket(agent.port, f"{VMS}&server_ids={server},{1000 + number}",
                         receive_buffer=4096) for number in range(25)]
    try:
        wait_until(lambda: agent.figure("rollo_agent_shed_clients_total") > 0, 20, "some are shed")
        assert agent.figure("rollo_agent_frame_bytes") <= limit
        if not sanitized():
            assert resident_bytes(agent) - before < 2 * limit
        assert "one for which" in agent.log()
        other.send({"type": "ping"})
        other.expect("pong")
        # Whoever was dropped is told, and comes back.
        shed = sum(is_told_too_slow(each) for each in deaf)
        assert shed == agent.figure("rollo_agent_shed_clients_total")
        stats = connect(agent, "/ws/stats", token=token_for(agent, role="admin"))
        assert stats.expect("websocket_stats")["data"]["shed_clients"] == shed
        again = connect(agent, VMS)
        again.expect("snapshot")
    finally:
        for each in deaf:
            each.socket.close()


def is_told_too_slow(client: RawWebSocket) -> bool:
    """Reads all that is there: a client that lives is answered at last."""
    client.socket.settimeout(20)
    try:
        client.send(TEXT, b'{"type":"ping"}')
        while True:
            kind, payload = client.receive()
            if kind == CLOSE:
                return payload[:2] == (4013).to_bytes(2, "big")
            if b'"type":"pong"' in payload:
                return False
    except (EOFError, ConnectionError):
        return False


def resident_bytes(agent: Agent) -> int:
    with open(f"/proc/{agent.pid}/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * resource.getpagesize()



def sanitized() -> bool:
    return "san" in os.environ.get("ROLLO_BUILD", "")


