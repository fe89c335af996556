# SPDX-License-Identifier: Apache-2.0
"""The last minutes of a VM and of the host, beside the figures that a client received itself."""

from datetime import datetime, timedelta

import pytest

from lab import guests as commands
from lab.tokens import token_for
from lab.wait import wait_until

COLUMNS = ("cpu_usage_percent", "memory_used_mb", "disk_read_bytes_per_second",
           "disk_write_bytes_per_second", "network_rx_bytes_per_second",
           "network_tx_bytes_per_second")
# A time is told in whole milliseconds twice: when it begins, and how much later.
SAME_MOMENT = timedelta(milliseconds=3)


@pytest.fixture
def agent(agents):
    return agents(config={"metrics": {"interval_seconds": 1}})


@pytest.fixture
def guest(guests, agent):
    guest = guests("remembered", data_disk=1 << 20).define()
    wait_until(lambda: agent.get(f"/api/v1/vms/{guest.spec.uuid}")[0] == 200, what="it is known")
    return guest


def moments(history: dict) -> list[datetime]:
    if history["from"] is None:
        return []
    begin = datetime.fromisoformat(history["from"])
    return [begin + timedelta(milliseconds=offset) for offset in history["offsets_ms"]]


def column(history: dict, entity: dict, name: str) -> list[float | None]:
    """One figure for each moment."""
    known = [None] * entity["first"] + entity[name]
    return known + [None] * (len(history["offsets_ms"]) - len(known))


def history_of(agent, guest) -> dict:
    status, body = agent.get(f"/api/v1/vms/{guest.spec.uuid}/history")[:2]
    assert status == 200
    return body


def memory(agent, guest) -> list[float | None]:
    history = history_of(agent, guest)
    return column(history, history["vms"][0], "memory_used_mb") if history["vms"] else []


def spacings(history: dict) -> list[int]:
    offsets = history["offsets_ms"]
    return [b - a for a, b in zip(offsets, offsets[1:])]


def rounded(value: float | None) -> object:
    return None if value is None else pytest.approx(value, rel=1e-4, abs=0.006)


@pytest.mark.short
def test_a_history_is_what_a_client_was_told(agent, guest, connect):
    client = connect(agent, f"/ws/vm/{guest.spec.uuid}?events=vm_metrics_update")
    guest.start().wait_booted()
    guest.send(commands.WRITE * 3 + commands.BUSY)
    wait_until(lambda: len([m for m in memory(agent, guest) if m is not None]) >= 3, 30,
               "three moments are kept", step=0.2)
    history = history_of(agent, guest)
    told = {datetime.fromisoformat(m["timestamp"]): m["data"]["metrics"]
            for m in client.messages("vm_metrics_update")}
    assert history["step_ms"] == 5000
    assert len(told) > 2 * len(history["offsets_ms"])  # one in five is kept
    kept = 0
    vm = history["vms"][0]
    for number, moment in enumerate(moments(history)):
        metrics = [m for when, m in told.items() if abs(when - moment) <= SAME_MOMENT]
        values = {name: column(history, vm, name)[number] for name in COLUMNS}
        if not metrics:
            assert set(values.values()) == {None}  # before it was started
            continue
        kept += 1
        assert values == {name: rounded(metrics[0][name]) for name in COLUMNS}
    assert kept >= 3
    assert max(filter(None, column(history, vm, "cpu_usage_percent"))) > 10
    assert all(4400 <= spacing <= 5600 for spacing in spacings(history)[1:])


def test_a_snapshot_brings_the_history_to_whoever_asks(agent, guest, connect):
    guest.start()
    wait_until(lambda: memory(agent, guest), 20, "something is kept", step=0.2)
    asks = connect(agent, "/ws/monitor?events=*&history=1").expect("snapshot")["data"]
    does_not = connect(agent, "/ws/monitor?events=*").expect("snapshot")["data"]
    assert "history" not in does_not
    history = asks["history"]
    assert [vm["id"] for vm in history["vms"]] == [vm["id"] for vm in asks["vms"]]
    assert history["vms"][0]["memory_used_mb"][0] > 1
    assert history["server"]["memory_used_gb"][-1] > 0.1
    client = connect(agent, "/ws/monitor")
    client.send({"type": "subscribe", "data": {"history": True}})
    assert client.expect("snapshot")["data"]["history"]["vms"][0]["first"] >= 0
    status, server = agent.get("/api/v1/server/history")[:2]
    assert status == 200 and server["server"]["cpu_usage_percent"]
    assert len(moments(server)) >= len(moments(history))


def test_a_guest_that_stops_and_libvirt_that_is_lost_leave_holes(agent, guest, lab):
    guest.start()
    wait_until(lambda: memory(agent, guest), 20, "it runs", step=0.2)
    guest.domain.destroy()
    wait_until(lambda: memory(agent, guest)[-1] is None, 20, "a moment without it", step=0.2)
    guest.start()
    wait_until(lambda: memory(agent, guest)[-1] is not None, 20, "it is back", step=0.2)
    assert [m is None for m in memory(agent, guest)].count(True) >= 1
    before = len(memory(agent, guest))
    lab.kill()
    wait_until(lambda: len(memory(agent, guest)) > before, what="a moment of which nobody knows")
    assert memory(agent, guest)[before] is None
    lab.start()
    wait_until(lambda: memory(agent, guest)[-1] is not None, 30, "libvirt is back", step=0.2)
    server = agent.get("/api/v1/server/history")[1]
    assert column(server, server["server"], "memory_used_gb")[before] is None


def test_times_are_right_when_the_interval_changes(agent, guest):
    guest.start()
    wait_until(lambda: len(spacings(history_of(agent, guest))) >= 1, 20, "two moments", step=0.2)
    agent.config["metrics"]["interval_seconds"] = 7
    agent.reload()
    # The first slow one may follow a fast one that was left out.
    wait_until(lambda: min(spacings(history_of(agent, guest))[-2:]) > 6000, 30, "two slow ones",
               step=0.2)
    assert spacings(history_of(agent, guest))[-1] == pytest.approx(7000, abs=600)
    assert None not in memory(agent, guest)[1:]


def test_a_history_is_for_whoever_may_see_the_vm(agent, guests, connect):
    mine, other = (guests(name).define().start() for name in ("mine", "other"))
    path = f"/api/v1/vms/{other.spec.uuid}/history"
    wait_until(lambda: agent.get(path)[1].get("vms"), 20, "something is kept", step=0.2)
    scoped = token_for(agent, role="viewer", vms=[mine.spec.uuid])
    assert agent.get(path, scoped)[0] == 404
    assert agent.get("/api/v1/server/history", scoped)[0] == 403
    snapshot = connect(agent, f"/ws/monitor?events=*&history=1&token={scoped}").expect("snapshot")
    assert [vm["id"] for vm in snapshot["data"]["history"]["vms"]] == [
        vm["id"] for vm in snapshot["data"]["vms"]]
    assert snapshot["data"]["history"]["server"] is None
