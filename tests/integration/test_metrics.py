# SPDX-License-Identifier: Apache-2.0
"""Figures against what libvirt and the kernel say at the same time.

A cumulative figure must lie between two readings of our own, one before and one after its sample.
Rates are summed up over their intervals, so that they can be compared with growths that our own
readings bound from both sides: no guessed tolerance, but for rounding."""

import os
import time
from xml.etree import ElementTree

import libvirt
import pytest

from lab import guests as commands
from lab.client import Client, Message
from lab.guests import Guest, GuestSpec
from lab.linux_guest import LinuxGuest, LinuxSpec
from lab.wait import wait_until

ROUNDING = 0.005  # of a rate: its interval is told in whole milliseconds, itself in thousandths
RATES = ("cpu_usage_percent", "cpu_host_percent", "cpu_user_percent", "cpu_system_percent",
         "cpu_steal_percent", "disk_read_bytes_per_second", "disk_write_bytes_per_second",
         "disk_read_iops", "disk_write_iops", "network_rx_bytes_per_second",
         "network_tx_bytes_per_second", "network_rx_packets_per_second",
         "network_tx_packets_per_second", "disk_read_latency_ms", "disk_write_latency_ms",
         "swap_in_bytes_per_second", "swap_out_bytes_per_second", "major_faults_per_second",
         "interval_ms")


@pytest.fixture(scope="module")
def agent(module_agents, tmp_path_factory):
    disk = tmp_path_factory.mktemp("disk-path")
    return module_agents(config={"metrics": {"interval_seconds": 1, "disk_path": str(disk)}})


@pytest.fixture(scope="module")
def boot_guest(session_lab, agent):
    guest = Guest(session_lab, GuestSpec("measured", data_disk=1 << 20, network=True)).define()
    wait_until(lambda: agent.get(f"/api/v1/vms/{guest.spec.uuid}")[0] == 200, what="it is known")
    yield guest
    guest.remove()


@pytest.fixture(scope="module")
def penguin(session_lab):
    """Begins to boot when it is first asked for; nobody waits here."""
    guest = LinuxGuest(session_lab, LinuxSpec("penguin", balloon_period=0, network=True))
    yield guest.define().start()
    guest.remove()


class Samples:
    """The metrics of one entity as they come, with the time at which each was taken."""

    def __init__(self, client: Client, kind: str, uuid: str | None = None):
        self._client = client
        self._kind = kind
        self._uuid = uuid

    def all(self) -> list[tuple[float, dict]]:
        pairs = zip(self._client.received, self._client.arrived)
        return [(arrived - m["data"]["metrics"]["age_ms"] / 1000, m["data"]["metrics"])
                for m, arrived in pairs if self._fits(m)]

    def _fits(self, message: Message | bytes) -> bool:
        return (isinstance(message, dict) and message["type"] == self._kind
                and self._uuid in (None, message["data"].get("vm_uuid")))

    def wait_after(self, moment: float, count: int = 1,
                   seconds: float = 20.0) -> list[tuple[float, dict]]:
        """The samples taken after `moment`, at least so many."""
        # A sample is taken some time before its time: never count one that was under way.
        def later():
            return [pair for pair in self.all() if pair[0] > moment + 0.15]
        self._client.wait(lambda _: len(later()) >= count, seconds, f"{count} samples")
        return later()


def vm_samples(connect, agent, guest: Guest) -> Samples:
    client = connect(agent, f"/ws/vm/{guest.spec.uuid}?events=vm_metrics_update&snapshot=0")
    return Samples(client, "vm_metrics_update", guest.spec.uuid)


def stats(guest: Guest) -> dict:
    """What `virsh domstats` prints."""
    return guest.lab.connection.domainListGetStats([guest.domain])[0][1]


def integral(samples: list[tuple[float, dict]], rate: str) -> float:
    """What a rate adds up to over the samples after the first."""
    return sum(m[rate] * m["interval_ms"] / 1000 for _, m in samples[1:])


def bounded(value: float, inner: float, outer: float, what: str):
    assert inner * (1 - ROUNDING) - 1 <= value <= outer * (1 + ROUNDING) + 1, \
        f"{what}: {value} is not between {inner} and {outer}"


def cumulative(figures: dict) -> dict[str, int]:
    def total(pattern: str) -> int:
        kind, rest = pattern.split(".", 1)
        return sum(figures[f"{kind}.{i}.{rest}"] for i in range(figures[f"{kind}.count"])
                   if f"{kind}.{i}.{rest}" in figures)
    return {"disk_read_bytes": total("block.rd.bytes"), "disk_write_bytes": total("block.wr.bytes")}


# --- guests --------------------------------------------------------------------------------------


@pytest.mark.short
def test_the_first_sample_has_no_rates(agent, connect, boot_guest):
    samples = vm_samples(connect, agent, boot_guest)
    if not boot_guest.domain.isActive():
        boot_guest.start()
    first, second = (m for _, m in samples.wait_after(0, 2)[:2])
    assert {name: first[name] for name in RATES} == dict.fromkeys(RATES)
    assert all(vcpu["usage_percent"] is None for vcpu in first["vcpus"])
    assert all(disk["write_iops"] is None for disk in first["disks"])
    assert first["disk_read_bytes"] is not None and first["stale"] is False
    assert second["boot_id"] == first["boot_id"] is not None
    assert second["cpu_usage_percent"] is not None
    assert second["interval_ms"] == pytest.approx(1000, abs=400)
    assert {d["name"] for d in second["disks"]} == {"vda", "vdb"}


def test_cumulative_figures_lie_between_two_readings(agent, connect, boot_guest):
    if not boot_guest.domain.isActive():
        boot_guest.start()
    boot_guest.wait_booted()
    samples = vm_samples(connect, agent, boot_guest)
    boot_guest.send(commands.WRITE * 3 + commands.READ)
    before = cumulative(stats(boot_guest))
    taken, metrics = samples.wait_after(time.monotonic())[0]
    after = cumulative(stats(boot_guest))
    assert taken < time.monotonic()
    for name, value in before.items():
        assert value <= metrics[name] <= after[name], name
    assert before["disk_write_bytes"] >= 3 * 32768
    figures = stats(boot_guest)
    by_name = {disk["name"]: disk for disk in metrics["disks"]}
    assert by_name["vdb"]["capacity_bytes"] == 1 << 20 == figures["block.1.capacity"]
    assert by_name["vdb"]["write_bytes"] == figures["block.1.wr.bytes"]
    assert metrics["memory_rss_mb"] == pytest.approx(figures["balloon.rss"] / 1024, rel=0.05)
    assert metrics["memory_total_mb"] == figures["balloon.current"] / 1024 == 16
    assert metrics["memory_source"] == "rss"
    assert metrics["memory_used_mb"] == metrics["memory_rss_mb"]


def test_a_busy_guest_shows_its_load_and_an_idle_one_does_not(agent, connect, boot_guest):
    if not boot_guest.domain.isActive():
        boot_guest.start()
    boot_guest.wait_booted()
    boot_guest.send(commands.IDLE)
    samples = vm_samples(connect, agent, boot_guest)

    def cpu() -> int:
        return stats(boot_guest)["cpu.time"]

    samples.wait_after(time.monotonic())  # the one whose interval began while it booted
    idle = samples.wait_after(time.monotonic(), 2)[-1][1]
    assert idle["cpu_usage_percent"] < 20
    boot_guest.send(commands.BUSY)
    outer = cpu()
    first = samples.wait_after(time.monotonic())[0]
    inner = cpu()
    samples.wait_after(time.monotonic(), 2)
    inner = cpu() - inner
    last = samples.wait_after(time.monotonic())[0]
    outer = cpu() - outer
    between = [pair for pair in samples.all() if first[0] <= pair[0] <= last[0]]
    busy_ns = integral(between, "cpu_usage_percent") / 100 * 1e9
    bounded(busy_ns / 1e6, inner / 1e6 - 20, outer / 1e6 + 20, "CPU time in ms")
    busiest = max(m["cpu_usage_percent"] for _, m in between[1:])
    assert busiest > idle["cpu_usage_percent"] + 20
    one = between[-1][1]
    assert one["cpu_host_percent"] == pytest.approx(one["cpu_usage_percent"] / os.cpu_count(),
                                                    rel=0.01, abs=0.02)
    assert one["vcpus"][0]["state"] == "running"
    boot_guest.send(commands.IDLE)
    samples.wait_after(time.monotonic())
    wait_until(lambda: samples.all()[-1][1]["cpu_usage_percent"] < 20, 10, "it is idle again")


def test_disk_writes_show_as_rates(agent, connect, boot_guest):
    if not boot_guest.domain.isActive():
        boot_guest.start()
    boot_guest.wait_booted()
    boot_guest.send(commands.IDLE)
    samples = vm_samples(connect, agent, boot_guest)
    first = samples.wait_after(time.monotonic())[0]
    before = stats(boot_guest)
    boot_guest.send(commands.WRITE * 8)
    wait_until(lambda: stats(boot_guest)["block.1.wr.bytes"]
               == before["block.1.wr.bytes"] + 8 * 32768, what="it has written")
    requests = stats(boot_guest)["block.1.wr.reqs"] - before["block.1.wr.reqs"]
    last = samples.wait_after(time.monotonic())[0]
    between = [pair for pair in samples.all() if first[0] <= pair[0] <= last[0]]
    written = integral(between, "disk_write_bytes_per_second")
    assert written == pytest.approx(8 * 32768, rel=ROUNDING)
    assert integral(between, "disk_write_iops") == pytest.approx(requests, rel=ROUNDING)
    assert any(m["disk_write_latency_ms"] is not None for _, m in between)
    assert all((m["disk_write_latency_ms"] is None) == (m["disk_write_iops"] == 0)
               for _, m in between[1:])


def test_a_stopped_guest_has_no_metrics(agent, connect, boot_guest):
    if not boot_guest.domain.isActive():
        boot_guest.start()
    samples = vm_samples(connect, agent, boot_guest)
    boot = samples.wait_after(0)[0][1]["boot_id"]
    boot_guest.domain.destroy()
    path = f"/api/v1/vms/{boot_guest.spec.uuid}"
    wait_until(lambda: agent.get(path)[1]["status"] == "stopped", what="stopped")
    assert agent.get(path)[1]["metrics"] is None
    moment = time.monotonic()
    boot_guest.start()
    fresh = samples.wait_after(moment)[0][1]
    assert fresh["boot_id"] != boot and fresh["cpu_usage_percent"] is None


def test_a_guest_whose_monitor_hangs_is_unresponsive_and_costs_the_others_nothing(
        agent, connect, session_lab, penguin):
    frozen = Guest(session_lab, GuestSpec("frozen")).create()
    try:
        frozen.wait_booted()
        wait_until(lambda: agent.get("/api/v1/vms/frozen")[0] == 200, what="it is known")
        client = connect(agent, f"/ws/vm/{frozen.spec.uuid}")
        client.expect("vm_metrics_update")
        others = vm_samples(connect, agent, penguin)
        frozen.freeze()
        began = time.monotonic()
        hung = client.expect_data("vm_status_changed", 30, new_status="unresponsive")
        assert (hung["old_status"], hung["reason"]) == ("running", "monitor_timeout")
        stale = client.expect("vm_metrics_update", lambda m: m["data"]["metrics"]["stale"])
        assert stale["data"]["metrics"]["disk_read_bytes"] is not None
        others.wait_after(time.monotonic(), 2)
        frozen.thaw()
        back = client.expect_data("vm_status_changed", 30, old_status="unresponsive")
        assert (back["new_status"], back["reason"]) == ("running", "responsive")
        assert back["boot_id"] == hung["boot_id"]
        client.expect("vm_metrics_update", lambda m: not m["data"]["metrics"]["stale"])
        assert others.wait_after(began)[-1][1]["stale"] is False
    finally:
        frozen.thaw()
        frozen.remove()


# --- memory, with the small Linux ----------------------------------------------------------------


def balloon_period(domain: libvirt.virDomain) -> str | None:
    found = ElementTree.fromstring(domain.XMLDesc()).find("devices/memballoon/stats")
    return None if found is None else found.get("period")


def test_memory_as_the_guest_tells_it_and_only_when_configured(
        agent, module_agents, connect, penguin):
    guest = penguin
    guest.wait_booted()
    # Without being asked, the guest reports once, when its driver starts.
    reported = guest.domain.memoryStats()["last_update"]
    untouched = vm_samples(connect, agent, guest).wait_after(time.monotonic(), 2)[-1][1]
    assert untouched["memory_rss_mb"] > 16
    assert guest.domain.memoryStats()["last_update"] == reported
    assert balloon_period(guest.domain) is None
    asking = module_agents("asking", config={"metrics": {"balloon_period_seconds": 1}})
    wait_until(lambda: balloon_period(guest.domain) == "1", what="the period is set")
    samples = vm_samples(connect, asking, guest)
    wait_until(lambda: (seen := samples.all()) and seen[-1][1]["memory_source"] == "guest", 15,
               "the guest's own figures")
    used = memory_growth(guest, samples)
    assert used[1] - used[0] == pytest.approx(24, abs=6)
    setmem(guest, connect(asking, f"/ws/vm/{guest.spec.uuid}"))


def memory_growth(guest: LinuxGuest, samples: Samples) -> tuple[float, float]:
    """Used memory before and after the guest has put 24 MiB into its file system in memory; each
    figure agrees with what libvirt says before and after."""
    taken = []
    for command in ("true", "dd if=/dev/zero of=/tmp/x bs=1M count=24 2>/dev/null"):
        guest.run(command, 20)
        updated = guest.domain.memoryStats()["last_update"]
        wait_until(lambda: guest.domain.memoryStats()["last_update"] > updated + 1,
                   what="figures from after the command")
        metrics = samples.wait_after(time.monotonic())[0][1]
        figures = guest.domain.memoryStats()
        assert metrics["memory_total_mb"] == pytest.approx(figures["available"] / 1024, rel=0.01)
        assert metrics["memory_used_mb"] == pytest.approx(
            (figures["available"] - figures["usable"]) / 1024, abs=2)
        assert metrics["memory_usage_percent"] == pytest.approx(
            100 * metrics["memory_used_mb"] / metrics["memory_total_mb"], abs=0.1)
        assert metrics["swap_in_bytes_per_second"] == 0
        taken.append(metrics["memory_used_mb"])
    return tuple(taken)


def setmem(guest: LinuxGuest, client: Client):
    """The balloon moves in steps, so there is more than one event on the way."""
    client.expect("snapshot")
    guest.domain.setMemory(128 * 1024)
    client.expect("vm_updated", lambda m: m["data"]["vm"]["memory_mb"] == 128, 15)
    assert all(m["data"]["changed"] == ["memory_mb"] for m in client.messages("vm_updated"))


# --- the host ------------------------------------------------------------------------------------


def proc_stat() -> tuple[int, int]:
    """Busy and all ticks of all processors."""
    user, nice, system, idle, iowait, irq, softirq, steal = map(
        int, open("/proc/stat", encoding="ascii").readline().split()[1:9])
    busy = user + nice + system + irq + softirq
    return busy, busy + idle + iowait + steal


def test_the_hosts_figures_agree_with_proc(agent, connect, session_lab):
    client = connect(agent, "/ws/server/self")
    server = client.expect("snapshot")["data"]["server"]
    samples = Samples(client, "server_metrics_update")
    uptime = float(open("/proc/uptime", encoding="ascii").read().split()[0])
    load = [loadavg()]
    metrics = samples.wait_after(time.monotonic())[0][1]
    load.append(loadavg())
    assert [round(x, 2) for x in metrics["load_average"]] in load
    later = float(open("/proc/uptime", encoding="ascii").read().split()[0])
    assert int(uptime) <= metrics["uptime_seconds"] <= later
    total = int(next(line.split()[1] for line in open("/proc/meminfo", encoding="ascii")
                     if line.startswith("MemTotal"))) / 1024
    assert metrics["memory_total_gb"] == pytest.approx(total / 1024, rel=0.01)
    assert server["memory_total_mb"] == pytest.approx(total, rel=0.01)
    assert server["cpus"] == os.cpu_count()
    disk = os.statvfs(agent.config["metrics"]["disk_path"])
    assert metrics["disk_total_gb"] == pytest.approx(disk.f_blocks * disk.f_frsize / 2**30,
                                                     rel=0.01)
    assert 0 < metrics["disk_used_gb"] < metrics["disk_total_gb"]
    running = session_lab.connection.listAllDomains(libvirt.VIR_CONNECT_LIST_DOMAINS_ACTIVE)
    assert metrics["vms_running"] == len(running)
    assert metrics["vms_total"] == len(session_lab.connection.listAllDomains())
    assert (metrics["pressure"] is None) == (not os.path.exists("/proc/pressure/cpu"))


def loadavg() -> list[float]:
    return [float(x) for x in open("/proc/loadavg", encoding="ascii").read().split()[:3]]


def test_the_hosts_processor_time(agent, connect):
    samples = Samples(connect(agent, "/ws/server/self"), "server_metrics_update")
    outer = proc_stat()
    first = samples.wait_after(time.monotonic())[0]
    inner = proc_stat()
    samples.wait_after(time.monotonic(), 2)
    inner = [b - a for a, b in zip(inner, proc_stat())]
    last = samples.wait_after(time.monotonic())[0]
    outer = [b - a for a, b in zip(outer, proc_stat())]
    between = [pair for pair in samples.all() if first[0] <= pair[0] <= last[0]]
    ticks = os.sysconf("SC_CLK_TCK") * os.cpu_count()
    busy = integral(between, "cpu_usage_percent") / 100 * ticks
    # The kernel's ticks and the interval's own length differ a little.
    assert inner[0] * 0.95 - 5 <= busy <= outer[0] * 1.05 + 5


# --- the interval --------------------------------------------------------------------------------


def test_sighup_changes_the_interval(module_agents, connect):
    slow = module_agents("slow", config={"metrics": {"interval_seconds": 300}})
    client = connect(slow, "/ws/server/self")
    wait_until(lambda: slow.get("/api/v1/server")[1]["metrics"] is not None, what="one sample")
    slow.config["metrics"]["interval_seconds"] = 1
    slow.reload()
    client.expect("server_metrics_update", seconds=10)
    second = client.expect("server_metrics_update", seconds=10)
    assert second["data"]["metrics"]["interval_ms"] == pytest.approx(1000, abs=400)
    assert "metrics.interval_seconds: 300 -> 1" in slow.log()
