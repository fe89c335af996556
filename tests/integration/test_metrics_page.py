# SPDX-License-Identifier: Apache-2.0
"""`/metrics` against what libvirt, the kernel and Prometheus' own tool say.

A counter must lie between two readings of our own, one before and one after its sample."""

import os
import re
import subprocess
import time
from pathlib import Path

import pytest

from lab import guests as commands
from lab.agent import ROOT
from lab.guests import Guest, GuestSpec
from lab.metrics_page import Page, scrape
from lab.wait import wait_until

PROMTOOL = ROOT / "build/promtool/promtool"
EVIL = 'evil "quoted\\" {x="1"} 1, ünï\tcode\\n'

# What `virsh domstats` calls it, by how much it is multiplied, and what is measured of it.
COUNTERS = {
    "libvirt_domain_info_cpu_time_seconds_total": ("cpu.time", 1e-9, {}),
    "rollo_vm_cpu_user_seconds_total": ("cpu.user", 1e-9, {}),
    "rollo_vm_cpu_system_seconds_total": ("cpu.system", 1e-9, {}),
    "libvirt_domain_vcpu_time_seconds_total": ("vcpu.0.time", 1e-9, {"vcpu": "0"}),
    "libvirt_domain_vcpu_delay_seconds_total": ("vcpu.0.delay", 1e-9, {"vcpu": "0"}),
    "libvirt_domain_block_stats_read_bytes_total": ("block.0.rd.bytes", 1, {"device": "vda"}),
    "libvirt_domain_block_stats_read_requests_total": ("block.0.rd.reqs", 1, {"device": "vda"}),
    "libvirt_domain_block_stats_read_time_seconds_total":
        ("block.0.rd.times", 1e-9, {"device": "vda"}),
    "libvirt_domain_block_stats_write_bytes_total": ("block.1.wr.bytes", 1, {"device": "vdb"}),
    "libvirt_domain_block_stats_write_requests_total": ("block.1.wr.reqs", 1, {"device": "vdb"}),
    "libvirt_domain_block_stats_write_time_seconds_total":
        ("block.1.wr.times", 1e-9, {"device": "vdb"}),
}
GAUGES = {
    "libvirt_domain_info_maximum_memory_bytes": ("balloon.maximum", 1024, {}),
    "libvirt_domain_memory_stats_actual_balloon_bytes": ("balloon.current", 1024, {}),
    "libvirt_domain_block_stats_capacity_bytes": ("block.1.capacity", 1, {"device": "vdb"}),
    "libvirt_domain_block_stats_physicalsize_bytes": ("block.1.physical", 1, {"device": "vdb"}),
    "rollo_vm_block_allocation_bytes": ("block.1.allocation", 1, {"device": "vdb"}),
}


@pytest.fixture(scope="module")
def agent(module_agents, tmp_path_factory):
    disk = tmp_path_factory.mktemp("disk-path")
    return module_agents(config={"metrics": {"interval_seconds": 1, "public": True,
                                             "disk_path": str(disk)}})


@pytest.fixture(scope="module")
def busy(session_lab):
    """A guest that runs, reads and writes."""
    guest = Guest(session_lab, GuestSpec("busy", data_disk=1 << 20, network=True)).define()
    guest.start().wait_booted()
    guest.send(commands.WRITE * 3 + commands.READ)
    yield guest
    guest.remove()


def domstats(guest: Guest) -> dict:
    """What `virsh domstats` prints."""
    return guest.lab.connection.domainListGetStats([guest.domain])[0][1]


def page_of_later(agent, guest: Guest, name: str = "rollo_vm_sample_age_seconds") -> Page:
    """A page whose sample of that guest, or of the host, was begun from now on."""
    began = time.monotonic()
    labels = {"uuid": guest.spec.uuid} if "_vm_" in name else {}

    def later() -> Page | None:
        asked = time.monotonic()
        page = scrape(agent)
        age = page.value(name, **labels)
        # A sample has its time when it is there: never one that was under way.
        return page if age is not None and asked - age > began + 0.15 else None
    return wait_until(later, 20, "a later sample", step=0.1)


# --- Prometheus ----------------------------------------------------------------------------------


def checked_by_promtool(page: Page) -> str:
    done = subprocess.run([str(PROMTOOL), "check", "metrics"], input=page.text.encode(),
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=30,
                          check=False)
    return f"{done.returncode} {done.stdout.decode()}"


@pytest.mark.short
def test_promtool_has_nothing_to_say(agent, session_lab, busy):
    evil = Guest(session_lab, GuestSpec(EVIL)).create()
    try:
        page = page_of_later(agent, evil)
        assert page.value("rollo_vm_info", uuid=evil.spec.uuid, name=EVIL) == 1
        assert page.value("libvirt_domain_info_cpu_time_seconds_total", uuid=evil.spec.uuid) > 0
        assert page.value("libvirt_domain_info_vstate", uuid=busy.spec.uuid) == 1
        assert checked_by_promtool(page) == "0 "
    finally:
        evil.remove()


def test_every_figure_is_explained(agent, busy):
    families = re.findall(r"^# TYPE (\S+) ", page_of_later(agent, busy).text, re.MULTILINE)
    assert len(families) == len(set(families)) > 80
    explained = (ROOT / "docs/metrics.md").read_text()
    assert [name for name in families if f"`{name}`" not in explained] == []


def test_promtool_would_say_something():
    assert checked_by_promtool(Page("# TYPE a counter\na 1\n")).startswith("3 ")


# --- VMs -----------------------------------------------------------------------------------------


@pytest.mark.short
def test_counters_lie_between_two_domstats(agent, busy):
    before = domstats(busy)
    page = page_of_later(agent, busy)
    after = domstats(busy)
    uuid = busy.spec.uuid
    for name, (key, factor, labels) in COUNTERS.items():
        value = page.value(name, uuid=uuid, **labels)
        assert before[key] * factor * (1 - 1e-12) <= value <= after[key] * factor * (1 + 1e-12), name
    for name, (key, factor, labels) in GAUGES.items():
        assert page.value(name, uuid=uuid, **labels) == after[key] * factor, name
    assert before["block.1.wr.bytes"] >= 3 * 32768 and before["block.0.rd.bytes"] > 0
    rss = page.value("libvirt_domain_memory_stats_rss_bytes", uuid=uuid)
    assert rss == pytest.approx(after["balloon.rss"] * 1024, rel=0.05)
    assert page.value("libvirt_domain_info_virtual_cpus", uuid=uuid) == 1
    assert page.value("rollo_vm_stale", uuid=uuid) == 0
    # Of a `user` network, libvirt has no figures: then there are none here.
    assert "net.0.rx.bytes" not in after
    assert not any("interface" in name for name in page.names(uuid=uuid))


def test_the_name_follows_a_rename_and_nothing_follows_a_deletion(agent, session_lab):
    guest = Guest(session_lab, GuestSpec("first")).define()
    uuid = guest.spec.uuid
    try:
        wait_until(lambda: scrape(agent).value("rollo_vm_info", uuid=uuid, name="first"),
                   what="it is known")
        guest.domain.rename("second")
        page = wait_until(lambda: (page := scrape(agent)).value("rollo_vm_info", uuid=uuid,
                                                                name="second") and page,
                          what="its new name")
        assert len(list(page.values("rollo_vm_info", uuid=uuid))) == 1
        assert page.value("rollo_vm_status", uuid=uuid, status="stopped") == 1
        guest.domain.create()
        page = page_of_later(agent, guest)
        assert page.value("libvirt_domain_info_cpu_time_seconds_total", uuid=uuid) > 0
        assert page.value("rollo_vm_status", uuid=uuid) == 1
        vms = sum(page.values("rollo_vms"))
        assert vms == len(session_lab.connection.listAllDomains())
        guest.domain.destroy()
        page = wait_until(lambda: (page := scrape(agent)).value(
            "rollo_vm_status", uuid=uuid, status="stopped") and page, what="it has stopped")
        assert page.value("libvirt_domain_info_cpu_time_seconds_total", uuid=uuid) is None
    finally:
        guest.remove()
    page = wait_until(lambda: uuid not in (page := scrape(agent)).text and page, what="it is gone")
    assert sum(page.values("rollo_vms")) == vms - 1


def test_a_scrape_does_not_ask_libvirt(agent, session_lab, busy):
    uuid = busy.spec.uuid
    session_lab.freeze()
    try:
        def old() -> Page | None:
            began = time.monotonic()
            page = scrape(agent)
            assert time.monotonic() - began < 1
            return page if page.value("rollo_vm_sample_age_seconds", uuid=uuid) > 3 else None
        page = wait_until(old, 10, "old figures", step=0.2)
        assert page.value("libvirt_domain_info_cpu_time_seconds_total", uuid=uuid) > 0
    finally:
        session_lab.thaw()
    page_of_later(agent, busy)


# --- the host ------------------------------------------------------------------------------------


def proc_stat() -> dict[str, float]:
    """Seconds of all processors together, by mode, as virNodeGetCPUStats adds them up."""
    user, nice, system, idle, iowait, irq, softirq, steal = map(
        int, open("/proc/stat", encoding="ascii").readline().split()[1:9])
    ticks = {"user": user + nice, "system": system + irq + softirq, "idle": idle,
             "iowait": iowait, "steal": steal}
    return {mode: value / os.sysconf("SC_CLK_TCK") for mode, value in ticks.items()}


def meminfo(name: str) -> int:
    with open("/proc/meminfo", encoding="ascii") as file:
        return int(next(line for line in file if line.startswith(name + ":")).split()[1]) * 1024


def test_the_hosts_figures_agree_with_proc(agent, busy):
    age = "rollo_host_sample_age_seconds"
    before, up = proc_stat(), float(Path("/proc/uptime").read_text().split()[0])
    page = page_of_later(agent, busy, age)
    after, later = proc_stat(), float(Path("/proc/uptime").read_text().split()[0])
    for mode in before:
        value = page.value("rollo_host_cpu_seconds_total", mode=mode)
        assert before[mode] - 0.011 <= value <= after[mode] + 0.011, mode
    assert int(up) <= page.value("rollo_host_uptime_seconds") <= later
    assert page.value("rollo_host_memory_total_bytes") == pytest.approx(meminfo("MemTotal"),
                                                                        rel=0.01)
    assert 0 < page.value("rollo_host_memory_available_bytes") < meminfo("MemTotal")
    assert page.value("rollo_host_cpus") == os.cpu_count()
    disk = os.statvfs(agent.config["metrics"]["disk_path"])
    assert page.value("rollo_host_disk_size_bytes") == disk.f_blocks * disk.f_frsize
    assert 0 < page.value("rollo_host_load1") < 1000
    assert page.value("libvirt_up") == 1
    assert page.value("rollo_host_info", hostname=os.uname().nodename) == 1
    assert page.value("rollo_vms", status="running") >= 1
    assert set(page.values("rollo_operations")) == {0}


def test_the_agents_process(agent):
    page = scrape(agent)
    assert page.value("process_cpu_seconds_total") > 0
    ticks = Path(f"/proc/{agent.pid}/stat").read_text().rsplit(")", 1)[1].split()[19]
    booted = next(int(line.split()[1]) for line in Path("/proc/stat").read_text().splitlines()
                  if line.startswith("btime"))
    started = booted + int(ticks) / os.sysconf("SC_CLK_TCK")
    assert page.value("process_start_time_seconds") == pytest.approx(started, abs=2)
    assert 5 < page.value("process_open_fds") < 1000
    pages = int(Path(f"/proc/{agent.pid}/statm").read_text().split()[1])
    assert page.value("process_resident_memory_bytes") == pytest.approx(
        pages * os.sysconf("SC_PAGESIZE"), rel=0.3)
