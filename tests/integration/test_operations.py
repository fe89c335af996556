# SPDX-License-Identifier: Apache-2.0
"""Jobs that libvirt does for somebody else, as clients of the agent see them: from the first look
to what became of them, whoever is restarted meanwhile."""

import json
import subprocess

import libvirt
import pytest

from lab import jobs
from lab.agent import Agent
from lab.client import Client
from lab.guests import Guest
from lab.libvirtd import PrivateLibvirt
from lab.wait import wait_until

PROGRESS = "/ws?events=progress"
ENDS = ("completed", "failed", "cancelled")
UNSAID = "it ended, and libvirt did not say how"


@pytest.fixture(scope="module")
def slow_lab():
    """Where an image of a guest's memory takes its time."""
    with PrivateLibvirt(image_format="xz") as lab:
        yield lab


@pytest.fixture
def lab(slow_lab, artefacts):
    """Stands in for the session's one, also for `guests` and `agents`."""
    slow_lab.remove_guests()
    yield slow_lab
    artefacts(slow_lab.log_path)
    slow_lab.remove_guests()


@pytest.fixture
def other_lab(artefacts):
    with PrivateLibvirt() as other:
        yield other
        artefacts(other.log_path)


@pytest.fixture
def busy_guests(guests):
    """Their memory cannot be compressed, but for 4 MiB, nor can their disks."""

    def make(name: str, memory_mb: int = 16) -> Guest:
        guest = guests(name, memory_mb=memory_mb, data_disk=32 << 20, noise=True)
        guest.define().start().wait_booted()
        guest.fill_memory()
        return guest

    return make


@pytest.fixture
def busy(busy_guests) -> Guest:
    return busy_guests("busy")


@pytest.fixture
def small(busy_guests) -> Guest:
    """Whose whole memory can be waited for."""
    return busy_guests("busy", 9)


@pytest.fixture
def small_folder(lab):
    """A file system of 2 MiB in which guests may write."""
    folder = lab.directory / "images/small"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m,mode=777", "none", str(folder)],
                             capture_output=True, check=False)
    if mounted.returncode != 0:
        folder.rmdir()
        pytest.skip("only root can mount a file system")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)
    folder.rmdir()


def virsh(guest: Guest, *command: str) -> subprocess.CompletedProcess:
    """One that anybody types who looks after the host."""
    return subprocess.run(["virsh", "-c", guest.lab.uri, *command], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=60, check=False)


def begun(client: Client, kind: str) -> str:
    """Waits for a new operation; returns its id."""
    first = client.expect("progress", lambda m: m["data"]["operation_type"] == kind and "seq" in m,
                          15)
    assert first["data"]["operation_id"].startswith("libvirt:")
    assert first["data"]["status"] not in ENDS
    return first["data"]["operation_id"]


def moved(client: Client, operation: str, percent: float = 1) -> dict:
    """Waits until it is that far."""
    return client.expect("progress", lambda m: m["data"]["operation_id"] == operation
                         and m["data"]["progress_percent"] >= percent, 30)["data"]


def ended(client: Client, operation: str, status: str, seconds: float = 40) -> dict:
    """Waits for the end, and sees that all that was said of the operation fits together."""
    end = client.expect("progress", lambda m: m["data"]["operation_id"] == operation
                        and m["data"]["status"] in ENDS, seconds)
    assert "seq" in end
    told = [m for m in client.messages("progress") if m["data"]["operation_id"] == operation]
    assert told[-1] is end and [m for m in told if "seq" in m][1:] == [end]
    percents = [m["data"]["progress_percent"] for m in told]
    assert percents == sorted(percents)
    assert all(p <= 99 for p in percents[:-1]) and (percents[-1] == 100) == (status == "completed")
    assert len({m["data"]["vm_id"] for m in told}) == 1
    assert end["data"]["status"] == status and ("error" in end["data"]) == (status != "completed")
    return end["data"]


def kept(agent: Agent, operation: str) -> float:
    """The percentage that would outlive the agent."""
    lines = [json.loads(line) for line in agent.state_file().read_text().splitlines()]
    return next((line["progress_percent"] for line in lines
                 if line.get("operation_id") == operation), -1)


def operations(agent: Agent, *token: str) -> list[dict]:
    status, body = agent.get("/api/v1/operations", *token)
    assert status == 200
    return body["operations"]


@pytest.mark.short
def test_a_save_is_told_to_who_may_see_the_guest(small, guests, agents, connect, lab):
    other = guests("other").define()
    agent = agents(uri=lab.uri)
    client = connect(agent, PROGRESS)
    bound = agent.token("bound", "viewer", "1h", "--vm", other.name)
    stranger = connect(agent, PROGRESS, token=bound)
    saving = jobs.save(small)
    operation = begun(client, "save")
    now = moved(client, operation)
    assert now["message"] == "Saving busy" and now["bytes_remaining"] > 0
    late = connect(agent, PROGRESS).expect("snapshot")["data"]
    for shown in (late["operations"], operations(agent)):
        assert [each["operation_id"] for each in shown] == [operation]
        assert shown[0]["progress_percent"] >= now["progress_percent"]
    assert operations(agent, bound) == []
    assert saving.wait() == ""
    ended(client, operation, "completed")
    assert operations(agent) == []
    assert not stranger.messages("progress")
    assert stranger.expect("snapshot")["data"]["operations"] == []


def test_a_managed_save_that_is_aborted_is_no_success(busy, agents, connect, lab):
    client = connect(agents(uri=lab.uri), PROGRESS)
    saving = jobs.Job(busy, lambda domain: domain.managedSave())
    operation = begun(client, "save")
    moved(client, operation)
    assert virsh(busy, "domjobabort", busy.name).returncode == 0
    assert "canceled" in saving.wait()
    assert ended(client, operation, "failed")["error"] == UNSAID
    assert busy.state() == libvirt.VIR_DOMAIN_RUNNING


def test_a_save_of_a_guest_that_is_destroyed(busy, agents, connect, lab):
    client = connect(agents(uri=lab.uri), PROGRESS)
    saving = jobs.save(busy)
    operation = begun(client, "save")
    moved(client, operation)
    busy.domain.destroy()
    assert saving.wait() != ""
    assert ended(client, operation, "failed")["error"] == "the guest stopped (destroyed)"


def test_a_dump(small, agents, connect, lab):
    client = connect(agents(uri=lab.uri), PROGRESS)
    dumping = jobs.dump(small)
    operation = begun(client, "dump")
    assert dumping.wait() == ""
    assert ended(client, operation, "completed")["message"] == \
        "Dumping the memory of busy: completed"


@pytest.mark.short
def test_a_copy_of_a_disk_waits_for_whoever_began_it(busy, agents, connect, lab):
    client = connect(agents(uri=lab.uri), PROGRESS)
    jobs.copy_disk(busy, 16)
    operation = begun(client, "block_copy")
    mirror = client.expect_data("progress", 20, operation_id=operation, phase="mirroring")
    assert mirror["progress_percent"] == 99 and mirror["bytes_remaining"] == 0
    assert virsh(busy, "blockjob", busy.name, "vdb", "--pivot").returncode == 0
    ended(client, operation, "completed")
    jobs.copy_disk(busy, 16, target="second.img")
    second = begun(client, "block_copy")
    assert second != operation
    assert virsh(busy, "blockjob", busy.name, "vdb", "--abort").returncode == 0
    ended(client, second, "cancelled")


def test_a_copy_to_a_disk_that_is_full(busy, agents, connect, lab, small_folder):
    client = connect(agents(uri=lab.uri), PROGRESS)
    target = f"<disk><source file='{small_folder}/copy.img'/><driver type='raw'/></disk>"
    busy.domain.blockCopy("vdb", target, {libvirt.VIR_DOMAIN_BLOCK_COPY_BANDWIDTH: 16 << 20},
                          libvirt.VIR_DOMAIN_BLOCK_COPY_TRANSIENT_JOB)
    end = client.expect("progress", lambda m: m["data"]["status"] in ENDS, 30)["data"]
    ended_as = (end["operation_type"], end["status"], end["error"])
    assert ended_as == ("block_copy", "failed", "libvirt did not say why")


def test_a_migration_is_seen_from_both_ends(busy, agents, connect, lab, other_lab):
    here, there = agents(uri=lab.uri), agents("there", uri=other_lab.uri)
    leaving, arriving = connect(here, PROGRESS), connect(there, PROGRESS)
    migration = jobs.migrate(busy, other_lab, 2)
    out, into = begun(leaving, "migration"), begun(arriving, "migration_in")
    assert migration.wait() == ""
    ended(leaving, out, "completed")
    ended(arriving, into, "completed")


@pytest.mark.parametrize("how", ["aborted", "destination_killed"])
def test_a_migration_that_comes_to_nothing(busy, agents, connect, lab, other_lab, how):
    client = connect(agents(uri=lab.uri), PROGRESS)
    arriving = connect(agents("there", uri=other_lab.uri), PROGRESS)
    migration = jobs.migrate(busy, other_lab, 1)
    operation, arrival = begun(client, "migration"), begun(arriving, "migration_in")
    moved(client, operation)
    if how == "aborted":
        virsh(busy, "domjobabort", busy.name)
    else:
        Guest(other_lab, busy.spec).kill()
    assert migration.wait() != ""
    ended(client, operation, "failed")
    ended(arriving, arrival, "failed")
    assert busy.state() == libvirt.VIR_DOMAIN_RUNNING


@pytest.mark.parametrize("way", [pytest.param("stop", marks=pytest.mark.short), "kill"])
def test_an_agent_that_is_restarted_goes_on_with_the_operation(small, agents, connect, lab, way):
    agent = agents(uri=lab.uri)
    client = connect(agent, PROGRESS)
    saving = jobs.save(small)
    operation = begun(client, "save")
    before = moved(client, operation, 10)["progress_percent"]
    wait_until(lambda: kept(agent, operation) >= before, what="it is on the disk")
    getattr(agent, way)()
    agent.start()
    again = connect(agent, PROGRESS)
    found = again.expect("snapshot")["data"]["operations"]
    assert [each["operation_id"] for each in found] == [operation]
    assert found[0]["progress_percent"] >= before
    assert saving.wait() == ""
    end = again.expect("progress", lambda m: m["data"]["status"] in ENDS, 30)["data"]
    assert (end["operation_id"], end["status"]) == (operation, "completed")


def test_what_ends_while_the_agent_is_away(busy, agents, connect, lab):
    agent = agents(uri=lab.uri)
    client = connect(agent, PROGRESS)
    saving = jobs.save(busy)
    operation = begun(client, "save")
    agent.stop()
    busy.domain.abortJob()
    assert saving.wait() != ""
    agent.start()
    end = connect(agent, PROGRESS).expect("progress", lambda m: m["data"]["status"] in ENDS)["data"]
    assert (end["operation_id"], end["status"]) == (operation, "failed")
    assert "the agent was not running" in end["error"]


def test_a_libvirtd_that_is_restarted(busy_guests, agents, connect, lab):
    """A copy outlives it; a save does not, and nobody tells."""
    copied, saved = busy_guests("copied"), busy_guests("saved")
    agent = agents(uri=lab.uri)
    client = connect(agent, PROGRESS)
    jobs.copy_disk(copied, 16)
    copy = begun(client, "block_copy")
    saving = jobs.save(saved)
    save = begun(client, "save")
    lab.kill()
    client.expect("progress", lambda m: "libvirt is lost" in m["data"]["message"], 15)
    assert {each["operation_id"] for each in operations(agent)} == {copy, save}
    lab.start()
    assert saving.wait() != ""
    end = ended(client, save, "failed")
    assert "libvirt was not connected" in end["error"]
    client.expect_data("progress", 20, operation_id=copy, phase="mirroring")
    jobs.pivot(copied)
    ended(client, copy, "completed")
