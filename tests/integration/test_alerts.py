# SPDX-License-Identifier: Apache-2.0
"""Alerts by their real causes: what makes each fire and what ends it, what one VM has of its own,
and who is told."""

import json
import os
import re
import tomllib

import libvirt
import pytest

from lab import guests as commands
from lab.agent import ROOT, run_agent
from lab.alerts import AT_ONCE, RULES, above, expect_alert, firing, only
from lab.client import Client
from lab.guests import METADATA_NAMESPACE, Guest
from lab.small_disk import SmallDisk
from lab.tokens import token_for
from lab.wait import wait_until

MONITOR = "/ws/monitor?events=alert,vm_status_changed,vm_metrics_update"


def same(alert: dict, earlier: dict) -> bool:
    """It tells of the same trouble."""
    keys = ("alert_id", "alert_type", "first_seen", "entity_type", "entity_id")
    return all(alert[key] == earlier[key] for key in keys)


def id_of(agent, guest: Guest) -> int:
    return agent.get(f"/api/v1/vms/{guest.spec.uuid}")[1]["id"]


def set_metadata(guest: Guest, element: str, flags: int = libvirt.VIR_DOMAIN_AFFECT_CONFIG):
    """What `virsh metadata --set` does."""
    guest.domain.setMetadata(libvirt.VIR_DOMAIN_METADATA_ELEMENT, element, "rollo",
                             METADATA_NAMESPACE, flags)


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


# --- one VM's own --------------------------------------------------------------------------------


def test_silenced_beside_loud(agents, guests, connect):
    """By the configuration, by name and UUID, and by metadata; by what VMs are all the same."""
    by_name, by_uuid, by_metadata, loud = made = [
        guests(name) for name in ("by-name", "by-uuid", "by-metadata", "loud")]
    for guest in made:
        guest.define()
    set_metadata(by_metadata, '<vm alerts="off"/>')
    agent = agents(config={
        **only(vm_crashed=AT_ONCE),
        'alerts.vms."by-name".vm_crashed': {"enabled": False},
        f'alerts.vms."{by_uuid.spec.uuid}"': {"enabled": False},
        'alerts.vms."loud".vm_crashed': {"severity": "info"}})
    client = connect(agent, MONITOR)
    for guest in made:
        guest.start()
        guest.kill()
        client.expect_data("vm_status_changed", vm_uuid=guest.spec.uuid, new_status="stopped")
    client.rewind()
    assert expect_alert(client, "vm_crashed", entity_id=id_of(agent, loud))["severity"] == "info"
    assert [alert["entity_id"] for alert in firing(agent)] == [id_of(agent, loud)]
    assert len(client.messages("alert")) == 1


@pytest.mark.short
def test_metadata_holds_at_once(agents, guests, connect):
    guest = guests("changing").define().start()
    agent = agents(config=only(vm_crashed=AT_ONCE))
    client = connect(agent, MONITOR)
    guest.kill()
    fired = expect_alert(client, "vm_crashed", severity="error")
    set_metadata(guest, '<vm><alert rule="vm_crashed" enabled="false"/></vm>')
    assert same(expect_alert(client, "vm_crashed", "resolved"), fired)
    set_metadata(guest, '<vm><alert rule="vm_crashed" severity="critical"/></vm>')
    assert expect_alert(client, "vm_crashed")["severity"] == "critical"


def test_bad_metadata_is_told_once_and_the_rest_holds(agents, guests, connect):
    guest = guests("careless").define().start()
    agent = agents(config=only(vm_crashed=AT_ONCE))
    client = connect(agent, MONITOR)
    set_metadata(guest, '<vm><alert rule="vm_cpu" for_seconds="soon"/>'
                        '<alert rule="vm_crashed" severity="info"/></vm>',
                 libvirt.VIR_DOMAIN_AFFECT_LIVE | libvirt.VIR_DOMAIN_AFFECT_CONFIG)
    told = ("the metadata of careless: alert vm_cpu: for_seconds: must be an integer from 0 to "
            "86400")
    wait_until(lambda: told in agent.log(), 10, "it is logged")
    guest.domain.setMetadata(libvirt.VIR_DOMAIN_METADATA_TITLE, "Titled", None, None,
                             libvirt.VIR_DOMAIN_AFFECT_LIVE | libvirt.VIR_DOMAIN_AFFECT_CONFIG)
    wait_until(lambda: agent.get(f"/api/v1/vms/{guest.spec.uuid}")[1]["title"] == "Titled", 10,
               "it was described again")
    guest.kill()
    assert expect_alert(client, "vm_crashed")["severity"] == "info"
    assert agent.log().count(told) == 1


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


@pytest.mark.short
def test_a_bad_rule_changes_nothing(agents, guests, connect):
    guest = guests("steady").define().start()
    agent = agents(config=only(vm_crashed=AT_ONCE))
    client = connect(agent, MONITOR)
    agent.config["alerts.vm_crashed"] = {"enabled": False, "for_seconds": -1}
    agent.config['alerts.vms."steady".vm_cpu'] = above(80, 90)
    agent.reload()
    lines = agent.config_path.read_text().splitlines()
    first = lines.index("for_seconds = -1") + 1
    second = next(i for i, line in enumerate(lines) if "clear = 90" in line)
    wait_until(lambda: "the configuration stays as it was" in agent.log(), 10, "it was read")
    assert (f"{agent.config_path}:{first}: alerts.vm_crashed.for_seconds: must be an integer from "
            "0 to 86400") in agent.log()
    assert (f'{agent.config_path}:{second + 1}: alerts.vms."steady".vm_cpu.thresholds: '
            "warning.clear: must be from 0 to what `raise` is") in agent.log()
    guest.kill()
    expect_alert(client, "vm_crashed")


# --- the page ------------------------------------------------------------------------------------


PAGE = ROOT / "docs/alerts.md"


def test_the_page_has_every_rule_with_its_default():
    printed = tomllib.loads(run_agent("--print-default-config").stdout)["alerts"]
    assert set(printed) == set(RULES)
    sections = re.split(r"^### `(\w+)`$", PAGE.read_text(encoding="utf-8"), flags=re.M)[1:]
    explained = dict(zip(sections[::2], sections[1::2]))
    assert list(explained) == list(RULES)
    for rule, text in explained.items():
        default = re.search(r"^Default: (.*)\.$", text, re.M)[1]
        told = tomllib.loads("\n".join(re.findall(r"`([^`]+)`", default)))
        assert {"enabled": True, **told} == printed[rule], rule


def test_the_examples_on_the_page_are_good(tmp_path):
    examples = re.findall(r"^```toml\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.M | re.S)
    assert len(examples) == 2
    for number, example in enumerate(examples):
        path = tmp_path / f"{number}.toml"
        path.write_text(example)
        checked = run_agent("--config", str(path), "--check-config")
        assert checked.returncode == 0, checked.stderr
