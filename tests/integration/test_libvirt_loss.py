# SPDX-License-Identifier: Apache-2.0
"""libvirtd stopped, killed, frozen, away from the start; the agent stopped and started: what
changed meanwhile is told as ordinary events, and nothing is told twice."""

import os
import signal

import libvirt
import pytest

from lab import guests as commands
from lab.agent import Agent
from lab.client import Client
from lab.guests import Guest
from lab.story import VM_EVENTS, line, uuid_of
from lab.wait import wait_until

SERVER = "/ws/server/self"
VMS = "/ws?events=vm_status_changed,server_status_changed"


def server_change(client: Client, new: str, seconds: float = 20.0) -> dict:
    return client.expect_data("server_status_changed", seconds, new_status=new)


def lines(client: Client, guest: Guest) -> list[str]:
    return [line(m) for m in client.messages(*VM_EVENTS) if uuid_of(m) == guest.spec.uuid]


def vm(agent: Agent, guest: Guest) -> dict:
    return agent.get(f"/api/v1/vms/{guest.spec.uuid}")[1]


def vms(agent: Agent) -> dict[str, dict]:
    return {each["uuid"]: each for each in agent.get("/api/v1/vms")[1]["vms"]}


def know(agent: Agent, guests: list[Guest]):
    """Waits until the agent has each of them as libvirt has it."""
    words = {libvirt.VIR_DOMAIN_RUNNING: "running", libvirt.VIR_DOMAIN_PAUSED: "paused",
             libvirt.VIR_DOMAIN_SHUTOFF: "stopped"}
    for guest in guests:
        wait_until(lambda g=guest: vm(agent, g).get("status") == words[g.state()], 15,
                   f"{guest.name} is known")


@pytest.mark.parametrize("way", [pytest.param("stop", marks=pytest.mark.short), "kill"])
def test_what_changed_while_libvirtd_was_away(lab, guests, agent, connect, way):
    killed, lives, ends, paused, stopped, transient = cast = [
        guests(name) for name in ("killed", "lives", "ends", "paused", "stopped", "transient")]
    for guest in cast[:-1]:
        guest.define()
    for guest in (killed, lives, ends, paused):
        guest.start()
    transient.create()
    for guest in cast[:-2] + [transient]:
        guest.wait_booted()
    paused.domain.suspend()
    know(agent, cast)
    client = connect(agent, VMS)
    before = {each["uuid"]: each for each in client.expect("snapshot")["data"]["vms"]}

    getattr(lab, way)()
    lost = server_change(client, "offline")
    assert lost["old_status"] == "online" and lost["reason"] in ("eof", "error")
    assert agent.get("/readyz")[0] == 503 and agent.get("/healthz")[0] == 200
    meanwhile = connect(agent, VMS).expect("snapshot")["data"]
    assert meanwhile["server"]["status"] == "offline"
    assert not meanwhile["server"]["libvirt"]["connected"]
    assert all(each["stale"] for each in meanwhile["vms"])
    assert {each["uuid"]: each["status"] for each in meanwhile["vms"]} == \
        {uuid: each["status"] for uuid, each in before.items()}
    killed.kill()
    transient.kill()
    ends.send(commands.POWER_OFF)
    # The process of the one that powered off stays until libvirt has seen it.
    wait_until(lambda: len(lab.guest_pids()) == 3, what="two have ended")

    lab.start()
    back = server_change(client, "online")
    assert (back["old_status"], back["reason"]) == ("offline", "connected")
    wait_until(lambda: vm(agent, ends)["status"] == "stopped", what="all is told")
    assert lines(client, killed) == ["running->stopped crashed"]
    assert lines(client, transient) == ["running->stopped unknown", "deleted transient_ended"]
    assert lines(client, ends) in (["running->stopped shutdown"],
                                   ["running->stopping user", "stopping->stopped shutdown"],
                                   ["running->stopping shutdown", "stopping->stopped shutdown"])
    assert lines(client, lives) == lines(client, paused) == lines(client, stopped) == []
    after = vms(agent)
    for guest in (lives, paused):
        assert after[guest.spec.uuid]["boot_id"] == before[guest.spec.uuid]["boot_id"] is not None
        assert after[guest.spec.uuid]["stale"] is False
    assert after[killed.spec.uuid]["id"] == before[killed.spec.uuid]["id"]
    # And from here on everything is as before.
    killed.start()
    client.expect_data("vm_status_changed", vm_name="killed", new_status="running")


def test_a_frozen_libvirtd_is_noticed_and_comes_back(lab, guests, agent, connect):
    guest = guests("unfrozen").define()
    know(agent, [guest])
    client = connect(agent, VMS)
    client.expect("snapshot")
    lab.freeze()
    assert server_change(client, "offline", 15)["reason"] == "keepalive"
    assert agent.get("/readyz")[0] == 503
    lab.thaw()
    server_change(client, "online", 30)
    guest.domain.rename("thawed")
    client.expect("vm_updated", lambda m: m["data"]["vm"]["name"] == "thawed")
    assert agent.get("/readyz")[0] == 200


def test_another_process_under_the_same_name(lab, guests, agent, connect):
    guest = guests("twin").define().start()
    know(agent, [guest])
    client = connect(agent, VMS)
    boot = client.expect("snapshot")["data"]["vms"][0]["boot_id"]
    # The agent sees nothing of all this: neither libvirtd's end nor the guest's.
    os.kill(agent.pid, signal.SIGSTOP)
    try:
        lab.restart()
        guest.domain.blockStats("vda")  # waits until libvirtd has its monitor again
        guest.domain.destroy()
        guest.start()
    finally:
        os.kill(agent.pid, signal.SIGCONT)
    server_change(client, "online")
    assert lines(client, guest) == ["running->stopped unknown", "stopped->running booted"]
    ended, begun = (m["data"] for m in client.messages("vm_status_changed"))
    assert ended["boot_id"] == boot and begun["boot_id"] not in (boot, None)


def test_what_libvirt_does_not_report_is_told_when_it_is_read_again(lab, guests, agent, connect):
    guest = guests("quiet", max_vcpus=2).define()
    know(agent, [guest])
    client = connect(agent, VMS)
    client.expect("snapshot")
    guest.domain.setAutostart(1)
    lab.restart()
    server_change(client, "online")
    assert lines(client, guest) == ["updated autostart"]
    assert client.messages("vm_updated")[0]["data"]["vm"]["autostart"] is True


def test_a_vm_undefined_and_defined_again_while_nobody_looked(lab, guests, agent, connect):
    gone, again = guests("gone").define(), guests("again").define()
    know(agent, [gone, again])
    before = vms(agent)
    client = connect(agent, VMS)
    client.expect("snapshot")
    os.kill(agent.pid, signal.SIGSTOP)
    try:
        lab.restart()
        gone.domain.undefine()
        again.domain.undefine()
        again.define()
    finally:
        os.kill(agent.pid, signal.SIGCONT)
    server_change(client, "online")
    assert lines(client, gone) == ["deleted vanished"] and lines(client, again) == []
    assert vm(agent, again)["id"] == before[again.spec.uuid]["id"]


def test_a_vm_undefined_and_defined_again_keeps_its_id(guests, agent, connect):
    guest = guests("returning").define()
    know(agent, [guest])
    number = vm(agent, guest)["id"]
    client = connect(agent, VMS)
    client.expect("snapshot")
    guest.domain.undefine()
    assert client.expect("vm_deleted")["data"]["vm_id"] == number
    guest.define()
    assert client.expect("vm_created")["data"]["vm"]["id"] == number
    guest.domain.undefine()
    stranger = guests("returning").define()  # the same name, another UUID
    created = client.expect("vm_created",
                            lambda m: m["data"]["vm"]["uuid"] == stranger.spec.uuid)
    assert created["data"]["vm"]["id"] > number


@pytest.mark.short
def test_an_agent_that_is_there_before_libvirtd(lab, guests, agents, connect):
    guest = guests("waiting").define()
    lab.stop()
    agent = agents(start=False)
    agent.start(ready=False)
    wait_until(lambda: answers(agent), what="the agent answers")
    assert agent.get("/readyz")[0] == 503
    client = connect(agent, "/ws?events=*")
    snapshot = client.expect("snapshot")["data"]
    assert snapshot["vms"] == []
    server = agent.get("/api/v1/server")[1]
    assert server["status"] == "offline" and server["libvirt"]["connected"] is False
    lab.start()
    registered = client.expect("server_registered", seconds=20)["data"]["server"]
    assert registered["id"] == 1 and registered["uuid"] == lab.host_uuid
    assert client.expect("vm_created")["data"]["vm"]["uuid"] == guest.spec.uuid
    assert server_change(client, "online")["old_status"] == "offline"
    assert agent.get("/readyz")[0] == 200


def answers(agent: Agent) -> bool:
    try:
        return agent.get("/healthz")[0] == 200
    except OSError:
        return False


@pytest.mark.short
def test_ids_and_boots_outlive_the_agent(guests, agents):
    running, stopped, numbered = (guests("r").define().start(), guests("s").define(),
                                  guests("n", vm_id=77).define())
    agent = agents()
    know(agent, [running, stopped, numbered])
    before = vms(agent)
    agent.restart()
    after = vms(agent)
    assert {u: (v["id"], v["boot_id"]) for u, v in after.items()} == \
        {u: (v["id"], v["boot_id"]) for u, v in before.items()}
    agent.stop()
    running.domain.destroy()
    running.start()
    agent.start()
    again = vms(agent)[running.spec.uuid]
    assert again["id"] == before[running.spec.uuid]["id"]
    assert again["boot_id"] not in (None, before[running.spec.uuid]["boot_id"])


def test_without_its_configuration_the_server_id_is_derived_and_stays(lab, agents):
    assert lab.pid
    agent = agents(start=False)
    del agent.config["agent"]["server_id"]
    agent.start()
    number = agent.get("/api/v1/server")[1]["id"]
    assert 1 <= number < 1 << 31
    agent.restart()
    assert agent.get("/api/v1/server")[1]["id"] == number


@pytest.mark.parametrize("damage", [pytest.param("a line", marks=pytest.mark.short), "the end",
                                    "everything"])
def test_a_damaged_state_file_is_set_aside(guests, agents, damage):
    made = [guests(f"kept-{i}").define() for i in range(4)]
    agent = agents()
    know(agent, made)
    before = {u: v["id"] for u, v in vms(agent).items()}
    agent.stop()
    path = agent.state_file()
    good = path.read_bytes()
    rows = good.splitlines(keepends=True)
    place = next(i for i, row in enumerate(rows) if made[1].spec.uuid.encode() in row)
    bad = {"a line": b"".join(rows[:place] + [b"\xff" + rows[place][1:]] + rows[place + 1:]),
           "the end": good[:-len(rows[-1]) // 2], "everything": b"\0" * len(good)}[damage]
    path.write_bytes(bad)
    agent.start()
    assert "is damaged" in agent.log()
    aside = [p for p in path.parent.iterdir() if "damaged" in p.name]
    assert [p.read_bytes() for p in aside] == [bad]
    after = {u: v["id"] for u, v in vms(agent).items()}
    recovered = {u for u in before if before[u] == after[u]}
    assert len(set(after.values())) == 4 == len(after)
    for uuid in before.keys() - recovered:  # a new one, which nobody had before
        assert after[uuid] not in before.values()
    assert len(recovered) >= {"a line": 3, "the end": 3, "everything": 0}[damage]
    agent.restart()
    assert {u: v["id"] for u, v in vms(agent).items()} == after
    assert len([p for p in path.parent.iterdir() if "damaged" in p.name]) == 1
