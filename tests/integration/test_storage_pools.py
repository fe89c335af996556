# SPDX-License-Identifier: Apache-2.0
"""Storage pools of a real libvirt: directories on two file systems, and one that hangs."""

import os
import shutil
import tempfile
from pathlib import Path

import pytest

from lab.network_filesystem import NetworkFilesystem, available
from lab.process import holdings, settled_holdings
from lab.wait import wait_until

GIB = 2**30


@pytest.fixture
def pools(lab):
    """Makes pools: `pools("name", path, start=True)`. They are gone in the end."""
    made = []

    def make(name: str, path: Path, start: bool = True):
        pool = lab.connection.storagePoolDefineXML(
            f"<pool type='dir'><name>{name}</name><target><path>{path}</path></target></pool>")
        made.append(pool)
        if start:
            pool.create(0)
        return pool

    yield make
    for pool in made:
        if pool.isActive():
            pool.destroy()
        pool.undefine()


@pytest.fixture
def memory_directory(lab):
    """A directory on a tmpfs that guests and daemon may enter: another file system than theirs."""
    path = Path(tempfile.mkdtemp(prefix="rollo-", dir="/dev/shm"))
    yield lab.own(path)
    shutil.rmtree(path)


def directory(lab, name: str) -> Path:
    path = lab.directory / name
    path.mkdir(exist_ok=True)
    return lab.own(path)


def metrics(agent) -> dict:
    return agent.get("/api/v1/server")[1]["metrics"] or {}


def pool_of(agent, name: str) -> dict:
    return next((p for p in metrics(agent).get("pools") or [] if p["name"] == name), {})


def size(*paths: Path) -> float:
    return sum(os.statvfs(p).f_blocks * os.statvfs(p).f_frsize for p in paths) / GIB


@pytest.mark.short
def test_pools_are_the_hosts_storage(lab, agents, pools, memory_directory):
    disk = directory(lab, "pool-disk")
    pools("disk", disk).setAutostart(1)
    pools("disk-again", directory(lab, "pool-again"))
    pools("memory", memory_directory)
    pools("off", disk / "off", start=False)
    agent = agents(config={"metrics": {"interval_seconds": 1}})
    wait_until(lambda: len(metrics(agent).get("pools") or []) == 4, what="the pools are read")
    assert pool_of(agent, "off") | {"age_ms": 0} == {
        "name": "off", "type": "dir", "state": "inactive", "autostart": False,
        "usage_percent": None, "capacity_gb": None, "allocation_gb": None, "available_gb": None,
        "age_ms": 0, "stale": False}
    memory = pool_of(agent, "memory")
    assert (memory["state"], memory["type"], memory["stale"]) == ("running", "dir", False)
    assert memory["capacity_gb"] == pytest.approx(size(memory_directory), abs=0.001)
    assert pool_of(agent, "disk")["autostart"] is True
    # Two directories of one file system count once.
    assert metrics(agent)["disk_total_gb"] == pytest.approx(size(disk, memory_directory), abs=0.01)

    (memory_directory / "grown").write_bytes(bytes(64 << 20))
    grown = memory["allocation_gb"] + 64 / 1024
    wait_until(lambda: pool_of(agent, "memory")["allocation_gb"] >= grown - 0.01,
               what="what somebody wrote into a pool counts, without a refresh")
    figures = pool_of(agent, "memory")
    assert figures["usage_percent"] == pytest.approx(
        100 * figures["allocation_gb"] / figures["capacity_gb"], abs=0.1)
    assert figures["age_ms"] < 3000


def test_a_host_without_pools_shows_its_disk_path(agents, memory_directory):
    agent = agents(config={"metrics": {"interval_seconds": 1, "disk_path": str(memory_directory)}})
    wait_until(lambda: metrics(agent).get("pools") == [], what="there are none")
    assert metrics(agent)["disk_total_gb"] == pytest.approx(size(memory_directory), abs=0.001)


@pytest.mark.skipif(not available(), reason="only root may mount, and only where there is FUSE")
def test_a_pool_that_hangs_keeps_its_figures_and_holds_up_nobody(
        lab, agents, guests, pools, connect, memory_directory):
    path = directory(lab, "pool-remote")
    guest = guests("beside").define().start()
    with NetworkFilesystem(path) as remote:
        # The daemon lists the files of a pool once, when it starts it.
        pools("remote", path)
        pools("memory", memory_directory)
        agent = agents(config={"metrics": {"interval_seconds": 1}})
        wait_until(lambda: pool_of(agent, "remote").get("allocation_gb"), what="it is read")
        before = pool_of(agent, "remote")
        assert before["capacity_gb"] == pytest.approx(remote.blocks * 4096 / GIB, abs=0.001)
        client = connect(agent, "/ws/monitor?events=*")
        level = settled_holdings(agent.pid)
        remote.go_away()
        wait_until(lambda: pool_of(agent, "remote")["stale"], 30, "it is stale", step=0.2)
        wait_until(lambda: not pool_of(agent, "memory")["stale"], 10, "the other is read on")
        kept = pool_of(agent, "remote")
        assert kept | {"age_ms": 0, "stale": False} == before | {"age_ms": 0}
        assert kept["age_ms"] > 3000
        degraded = client.expect_data("server_status_changed", 20, new_status="degraded")
        assert degraded["reason"] == "storage_timeout"
        asked = remote.asked
        for _ in range(3):  # the guest's samples come as ever
            client.expect("vm_metrics_update",
                          lambda m: m["data"]["vm_uuid"] == guest.spec.uuid, 5)
        assert remote.asked == asked, "a file system that hangs is not asked again"
        assert agent.figure("rollo_agent_loop_lag_seconds_max") < 1
        remote.free = 500
        remote.come_back()
        wait_until(lambda: not pool_of(agent, "remote")["stale"], 10, "it is read again")
        assert pool_of(agent, "remote")["usage_percent"] == 50
        client.expect_data("server_status_changed", 20, new_status="online")
        wait_until(lambda: holdings(agent.pid).within(level), 20, f"no more than {level}")
        guest.remove()
        for pool in lab.connection.listAllStoragePools():
            if pool.name() == "remote":
                pool.destroy()
