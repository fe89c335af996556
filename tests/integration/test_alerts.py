# SPDX-License-Identifier: Apache-2.0
"""Alerts by their real causes: what makes each fire and what ends it, how long it lives, and who
is told."""

import json
import os

import libvirt
import pytest

from lab import guests as commands
from lab.alerts import AT_ONCE, above, expect_alert, firing, id_of, only, same
from lab.client import Client
from lab.guests import Guest
from lab.small_disk import SmallDisk
from lab.tokens import token_for
from lab.wait import wait_until

MONITOR = "/ws/monitor?events=alert,vm_status_changed,vm_metrics_update"


def pin(guest: Guest, processor: int):
    for task in os.listdir(f"/proc/{guest.pid()}/task"):
        os.sched_setaffinity(int(task), {processor})


# --- figures of a VM -----------------------------------------------------------------------------


def cpu_figures(client: Client) -> list[float]:
    return [m["data"]["metrics"]["cpu_usage_percent"] or 0.0
            for m in client.messages("vm_metrics_update")]


@pytest.mark.short
def test_a_busy_guest(agents, guests, connect):
    """It fires once the figure has held for its time, and ends below `clear`, not below `raise`."""
    guest = guests("busy").define().start()
    guest.wait_booted()
    agent = agents(config=only(vm_cpu=above(10, 0, seconds=3)))
    client = connect(agent, MONITOR)
    guest.send(commands.BUSY)
    fired = expect_alert(client, "vm_cpu")
    figures = cpu_figures(client)
    assert len([figure for figure in figures if figure >= 10]) >= 3, figures
    assert fired["severity"] == "warning" and fired["threshold"] == 10 and fired["value"] >= 10
    assert fired["entity_type"] == "vm" and fired["entity_id"] == id_of(agent, guest)
    assert [alert["alert_id"] for alert in firing(agent)] == [fired["alert_id"]]

    guest.send(commands.IDLE)
    seen = len(cpu_figures(client))
    client.wait(lambda _: [f < 10 for f in cpu_figures(client)[seen:]].count(True) >= 2, 30,
                "it is idle")
    assert [alert["alert_id"] for alert in firing(agent)] == [fired["alert_id"]]
    agent.config["alerts.vm_cpu"] = above(10, 9.5)
    agent.reload()
    ended = expect_alert(client, "vm_cpu", "resolved")
    assert same(ended, fired) and ended["value"] < 9.5
    assert firing(agent) == []
    assert len(client.messages("alert")) == 2


def test_a_guest_that_waits_for_a_processor(agents, guests, connect):
    """Two that are busy on one processor take it from each other."""
    both = [guests(name).define().start() for name in ("one", "two")]
    agent = agents(config=only(vm_cpu_steal=above(15, 10)))
    client = connect(agent, MONITOR)
    processor = min(os.sched_getaffinity(0))
    for guest in both:
        guest.wait_booted()
        guest.send(commands.BUSY)
        pin(guest, processor)
    fired = expect_alert(client, "vm_cpu_steal")
    assert fired["value"] >= 15
    for guest in both:
        guest.domain.destroy()
    ended = expect_alert(client, "vm_cpu_steal", "resolved", entity_id=fired["entity_id"])
    assert same(ended, fired)


def test_slow_disks(agents, guests, connect):
    """A disk that may do one request a second keeps others waiting."""
    guest = guests("slow", data_disk=1 << 20).define().start()
    guest.wait_booted()
    agent = agents(config=only(vm_disk_latency=above(100, 50)))
    client = connect(agent, MONITOR)
    guest.domain.setBlockIoTune("vdb", {"write_iops_sec": 1}, libvirt.VIR_DOMAIN_AFFECT_LIVE)
    for _ in range(5):
        guest.send(commands.WRITE, 30)
    fired = expect_alert(client, "vm_disk_latency")
    assert fired["value"] >= 100
    assert same(expect_alert(client, "vm_disk_latency", "resolved"), fired)


def test_a_guest_that_fills_its_memory(agents, linux_guests, connect):
    guest = linux_guests("eater").define().start()
    agent = agents(config=only(vm_memory=above(60, 55, "error")))
    client = connect(agent, MONITOR)
    guest.wait_booted(120)
    guest.run("mkdir -p /full && mount -t tmpfs -o size=120m none /full && "
              "dd if=/dev/zero of=/full/x bs=1M count=80", 60)
    fired = expect_alert(client, "vm_memory", seconds=60)
    assert fired["severity"] == "error" and fired["value"] >= 60
    guest.run("rm /full/x", 30)
    assert same(expect_alert(client, "vm_memory", "resolved", 60), fired)


# --- what happens to a VM ------------------------------------------------------------------------


@pytest.mark.short
def test_a_killed_guest(agents, guests, connect):
    guest = guests("killed").define().start()
    agent = agents(config=only(vm_crashed=AT_ONCE))
    client = connect(agent, MONITOR)
    guest.kill()
    fired = expect_alert(client, "vm_crashed")
    assert fired["severity"] == "error" and fired["entity_id"] == id_of(agent, guest)
    assert fired["value"] is None and fired["threshold"] is None
    guest.start()
    assert same(expect_alert(client, "vm_crashed", "resolved"), fired)


def test_a_panic_and_a_watchdog(agents, guests, connect):
    panicked = guests("panicked", pvpanic=True).define().start()
    watched = guests("watched", watchdog="pause").define().start()
    agent = agents(config=only(vm_panicked=AT_ONCE, vm_watchdog=AT_ONCE, vm_crashed=AT_ONCE))
    client = connect(agent, MONITOR)
    for guest in (panicked, watched):
        guest.wait_booted()
    watched.send(commands.WATCHDOG)
    panicked.send(commands.PANIC)
    fired = {"vm_panicked": expect_alert(client, "vm_panicked")}
    client.rewind()
    fired["vm_watchdog"] = expect_alert(client, "vm_watchdog")
    assert fired["vm_panicked"]["entity_id"] == id_of(agent, panicked)
    assert fired["vm_watchdog"]["entity_id"] == id_of(agent, watched)
    panicked.wait_state(libvirt.VIR_DOMAIN_SHUTOFF)
    panicked.start()
    assert same(expect_alert(client, "vm_panicked", "resolved"), fired["vm_panicked"])
    watched.domain.destroy()
    watched.start()
    client.rewind()
    assert same(expect_alert(client, "vm_watchdog", "resolved"), fired["vm_watchdog"])
    assert len(client.messages("alert")) == 4  # a panic is not told as a crash as well


def test_a_disk_without_room(lab, agents, guests, connect):
    """It ends when there is room, somebody has let the guest go on, and a minute has passed."""
    with SmallDisk(lab.directory / "images/small", "16k") as small:
        image = lab.own(small.folder) / "disk.img"
        with open(image, "wb") as file:
            file.truncate(1 << 20)
        lab.own(image)
        guest = guests("full", extra=(
            "<disk type='file'><driver name='qemu' type='raw'/>"
            f"<source file='{image}'/><target dev='vdb' bus='virtio'/>"
            "<boot order='2'/></disk>")).define().start()
        try:
            guest.wait_booted()
            agent = agents(config=only(vm_io_error=AT_ONCE))
            client = connect(agent, MONITOR)
            guest.send(commands.WRITE)
            fired = expect_alert(client, "vm_io_error")
            assert fired["severity"] == "critical"
            assert fired["entity_id"] == id_of(agent, guest)
            small.resize("2m")
            guest.domain.resume()
            assert same(expect_alert(client, "vm_io_error", "resolved", 80), fired)
        finally:
            guest.remove()


def test_a_frozen_guest(agents, guests, connect):
    guest = guests("frozen").define().start()
    agent = agents(config=only(vm_unresponsive=AT_ONCE))
    client = connect(agent, MONITOR)
    guest.freeze()
    fired = expect_alert(client, "vm_unresponsive")
    guest.thaw()
    assert same(expect_alert(client, "vm_unresponsive", "resolved"), fired)


# --- the host ------------------------------------------------------------------------------------


def test_figures_of_the_host(lab, agents, connect):
    """This host exceeds what next to nothing exceeds; then the rules are made milder, or are switched off."""
    rules = ("server_cpu", "server_memory", "server_load", "server_disk")
    agent = agents(config={
        **only(**{rule: above(0.001) for rule in rules}),
        "metrics": {"interval_seconds": 1, "disk_path": str(lab.directory)}})
    client = connect(agent)
    wait_until(lambda: {alert["alert_type"] for alert in firing(agent)} == set(rules), 20,
               "all fire")
    fired = {alert["alert_type"]: alert for alert in firing(agent)}
    for alert in fired.values():
        assert alert["entity_type"] == "server" and alert["entity_id"] == 1
        assert alert["value"] >= 0.001
    agent.config["alerts.server_cpu"] = {"enabled": False}  # it may be busy to the last percent
    agent.config["alerts.server_load"] = above(1000)
    for rule in ("server_memory", "server_disk"):
        agent.config[f"alerts.{rule}"] = above(100)
    agent.reload()
    for rule in rules:
        client.rewind()
        assert same(expect_alert(client, rule, "resolved"), fired[rule])
    assert firing(agent) == []


def test_a_pool_that_fills_up(lab, agents, connect):
    with SmallDisk(lab.directory / "images/pool", "4m") as small:
        pool = lab.connection.storagePoolCreateXML(
            f"<pool type='dir'><name>full</name><target><path>{small.folder}</path></target>"
            "</pool>")
        try:
            agent = agents(config=only(server_pool=above(80, 70, "critical")))
            client = connect(agent)
            ballast = small.fill()
            fired = expect_alert(client, "server_pool")
            assert fired["severity"] == "critical" and "full" in fired["message"]
            ballast.unlink()
            assert same(expect_alert(client, "server_pool", "resolved"), fired)
        finally:
            pool.destroy()


def test_libvirt_lost(lab, agents, connect):
    agent = agents(config=only(libvirt_lost={"for_seconds": 1}))
    client = connect(agent)
    lab.stop()
    try:
        fired = expect_alert(client, "libvirt_lost")
        assert fired["severity"] == "critical" and fired["entity_type"] == "server"
    finally:
        lab.start()
    assert same(expect_alert(client, "libvirt_lost", "resolved"), fired)


# --- how long an alert lives, and who hears of it --------------------------------------------------


def test_an_undefined_guest_has_no_alert(agents, guests, connect):
    guest = guests("leaving").define().start()
    agent = agents(config=only(vm_crashed=AT_ONCE))
    client = connect(agent, MONITOR)
    guest.kill()
    fired = expect_alert(client, "vm_crashed")
    guest.wait_state(libvirt.VIR_DOMAIN_SHUTOFF)
    guest.domain.undefine()
    assert same(expect_alert(client, "vm_crashed", "resolved"), fired)
    assert firing(agent) == []


def test_an_alert_outlives_the_agent(lab, agents, guests, connect):
    """It is there before libvirt is, and is not told again."""
    guest = guests("lasting").define().start()
    agent = agents(config=only(vm_crashed=AT_ONCE))
    client = connect(agent, MONITOR)
    guest.kill()
    fired = expect_alert(client, "vm_crashed")
    guest.wait_state(libvirt.VIR_DOMAIN_SHUTOFF)
    agent.stop()
    lab.freeze()
    try:
        agent.start(ready=False)
        wait_until(lambda: answers(agent), 10, "it listens")
        again = connect(agent, MONITOR)
        assert all(same(alert, fired) for alert in firing(agent)) and len(firing(agent)) == 1
    finally:
        lab.thaw()
    wait_until(agent.ready, 20, "it is connected")
    guest.start()
    ended = expect_alert(again, "vm_crashed", "resolved")
    assert same(ended, fired)
    assert len(again.messages("alert")) == 1


def answers(agent) -> bool:
    try:
        return agent.get("/healthz")[0] == 200
    except OSError:
        return False


def test_whoever_may_not_see_a_vm_hears_nothing_of_it(agents, guests, connect):
    secret, own = (guests(name).define().start() for name in ("secret", "own"))
    agent = agents(config=only(vm_crashed=AT_ONCE, server_memory=above(0.001)))
    token = token_for(agent, role="viewer", vms=["own"])
    everybody, bound = connect(agent, MONITOR), connect(agent, MONITOR, token=token)
    secret.kill()
    expect_alert(everybody, "vm_crashed", entity_id=id_of(agent, secret))
    own.kill()
    expect_alert(bound, "vm_crashed", entity_id=id_of(agent, own))
    assert {m["data"]["entity_id"] for m in bound.messages("alert")} == {id_of(agent, own)}
    assert [alert["entity_id"] for alert in firing(agent, token)] == [id_of(agent, own)]
    assert len(firing(agent)) == 3
    assert secret.spec.uuid not in json.dumps(bound.messages())
