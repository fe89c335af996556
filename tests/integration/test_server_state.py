# SPDX-License-Identifier: Apache-2.0
"""The status of the host, as a client sees it: online, degraded, offline, maintenance."""

import threading

import libvirt
import pytest

# The daemon has 20 workers for calls that may wait for a monitor.
MANY_CALLS = 26


@pytest.fixture
def agent(agents):
    return agents(config={"metrics": {"interval_seconds": 1}})


def told(client, status: str, seconds: float = 30.0) -> tuple[str, str]:
    """How the server came to have that status: what it had before, and why."""
    data = client.expect_data("server_status_changed", seconds, new_status=status)
    return data["old_status"], data["reason"]


def shown(agent) -> tuple[str, str]:
    server = agent.get("/api/v1/server")[1]
    return server["status"], server["reason"]


def by_snapshot(agent, connect) -> tuple[str, str]:
    server = connect(agent, "/ws/server/self").expect("snapshot")["data"]["server"]
    return server["status"], server["reason"]


def test_a_host_whose_guest_hangs_is_degraded(agent, guests, connect):
    guest = guests("hangs").define().start()
    guest.wait_booted()
    client = connect(agent, "/ws/monitor?events=*")
    guest.freeze()
    assert told(client, "degraded") == ("online", "monitor_timeout")
    assert shown(agent) == by_snapshot(agent, connect) == ("degraded", "monitor_timeout")
    guest.thaw()
    assert told(client, "online") == ("degraded", "recovered")
    assert shown(agent) == by_snapshot(agent, connect) == ("online", "recovered")
    # Once each, whatever came and went meanwhile.
    assert len(client.messages("server_status_changed")) == 2


def test_a_host_whose_samples_do_not_come_is_degraded(agent, lab, guests, connect):
    guest = guests("asked").define().start()
    guest.wait_booted()
    client = connect(agent, "/ws/server/self")
    client.expect("server_metrics_update", seconds=10)

    def wait_for_monitor():
        try:
            lab.connect().lookupByUUIDString(guest.spec.uuid).memoryStats()
        except libvirt.libvirtError:
            pass

    guest.freeze()
    calls = [threading.Thread(target=wait_for_monitor) for _ in range(MANY_CALLS)]
    for call in calls:
        call.start()
    try:
        assert told(client, "degraded")[1] == "no_samples"
    finally:
        guest.thaw()
        for call in calls:
            call.join(60)
    assert told(client, "online") == ("degraded", "recovered")


@pytest.mark.short
def test_a_host_without_libvirt_is_offline(agent, lab, connect):
    client = connect(agent, "/ws/server/self")
    client.expect("snapshot")
    assert shown(agent) == ("online", "connected")
    lab.kill()
    assert told(client, "offline") == ("online", "eof")
    assert shown(agent)[0] == by_snapshot(agent, connect)[0] == "offline"
    lab.start()
    assert told(client, "online") == ("offline", "connected")
    assert shown(agent) == by_snapshot(agent, connect) == ("online", "connected")
    assert len(client.messages("server_registered")) == 0


def test_an_agent_that_is_stopped_says_so(agent, connect):
    client = connect(agent, "/ws/server/self")
    client.expect("snapshot")
    agent.stop()
    assert told(client, "maintenance") == ("online", "agent_stopping")
    assert client.expect("goodbye")["data"]["reason"] == "shutting_down"
    assert client.messages("server_removed") == []
