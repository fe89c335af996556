# SPDX-License-Identifier: Apache-2.0
"""Libvirt's jobs as the side of the agent that talks to libvirt finds them; what it finds is in
its log."""

import re
from pathlib import Path

import pytest

from lab import guests as commands
from lab import jobs
from lab.agent import Agent
from lab.guests import Guest, GuestSpec
from lab.libvirtd import PrivateLibvirt
from lab.wait import wait_until

# JobKind, as the log has it.
SAVE, MIGRATION_OUT, MIGRATION_IN, DUMP, BLOCK_COPY = 1, 3, 4, 8, 10
MOST_STUCK = 4
JOB = re.compile(r"job: (\S+) '(\w*)' kind (\d+), (\d+) of (\d+) bytes, (\d+) left(, mirroring)?")
LOOK = re.compile(r"jobs of \w+: (\d+) seen")


class Looks:
    """What the log of an agent says of jobs from here on."""

    def __init__(self, agent: Agent):
        self._agent = agent
        self._begin = len(agent.log())

    def text(self) -> str:
        return self._agent.log()[self._begin:]

    def of(self, guest: Guest, kind: int) -> list[tuple[int, int]]:
        """Processed and total bytes each time that job was seen."""
        return [(int(done), int(total)) for name, _, found, done, total, *_ in
                JOB.findall(self.text()) if name == guest.name and int(found) == kind]

    def mirroring(self, guest: Guest, disk: str) -> bool:
        return any(name == guest.name and target == disk and mirror
                   for name, target, *_, mirror in JOB.findall(self.text()))

    def wait(self, guest: Guest, kind: int, count: int = 1, seconds: float = 40.0):
        wait_until(lambda: len(self.of(guest, kind)) >= count, seconds,
                   f"{guest.name} has a job of kind {kind}", step=0.1)

    def wait_none(self):
        wait_until(lambda: LOOK.findall(self.text())[-1:] == ["0"], 20, "no job", step=0.1)


@pytest.fixture(scope="module")
def slow_lab():
    with PrivateLibvirt(image_format="xz") as lab:
        yield lab


@pytest.fixture
def lab(slow_lab):
    slow_lab.remove_guests()
    yield slow_lab
    slow_lab.remove_guests()


@pytest.fixture
def agent(agents):
    return agents(config={"agent": {"log_level": "trace"}})


@pytest.fixture
def make(lab):
    def make(name: str) -> Guest:
        guest = Guest(lab, GuestSpec(name, memory_mb=16, data_disk=32 << 20, noise=True))
        guest.define().start().wait_booted(30)
        guest.fill_memory()
        return guest
    return make


def test_jobs_are_seen_whoever_began_them(lab, agent, make):
    guest = make("busy")
    looks = Looks(agent)
    jobs.copy_disk(guest, 16)
    looks.wait(guest, BLOCK_COPY)
    wait_until(lambda: looks.mirroring(guest, "vdb"), 30, "it mirrors", step=0.1)
    jobs.pivot(guest)
    assert "block job on vdb, type 2, status 0" in wait_until(
        lambda: "status 0" in looks.text() and looks.text(), 10, "its end is told", step=0.1)
    looks.wait_none()
    saving = jobs.save(guest)
    looks.wait(guest, SAVE, 3)
    done, total = looks.of(guest, SAVE)[-1]
    assert 0 < done < total
    assert guest.domain.abortJob() == 0 and "canceled" in saving.wait()
    looks.wait_none()
    dumping = jobs.dump(guest)
    looks.wait(guest, DUMP)
    assert dumping.wait(120) == ""
    wait_until(lambda: "job completed, operation 8, outcome 0" in looks.text(), 10, "it is told")


def test_both_ends_of_a_migration_see_it(lab, agent, agents, make):
    with PrivateLibvirt() as other:
        there = agents("other", uri=other.uri, config={"agent": {"log_level": "trace"}})
        guest = make("nomad")
        out, into = Looks(agent), Looks(there)
        job = jobs.migrate(guest, other, 2)
        out.wait(guest, MIGRATION_OUT)
        into.wait(guest, MIGRATION_IN)
        assert job.wait() == ""
        done, total = out.of(guest, MIGRATION_OUT)[-1]
        assert 0 < done < total
        out.wait_none()
        into.wait_none()
        there.close()


def test_frozen_guests_with_jobs_keep_nobody_else_from_being_seen(lab, agent, make):
    frozen = [make(f"frozen-{i}") for i in range(3)]
    other = make("other")
    other.send(commands.BUSY)  # lives, as can be seen without its monitor
    jobs.copy_disk(other, 1)
    looks = Looks(agent)
    looks.wait(other, BLOCK_COPY)
    saving = [jobs.save(guest) for guest in frozen]
    for guest in frozen:
        looks.wait(guest, SAVE)
        guest.freeze()
    wait_until(lambda: threads(agent) == 1 + MOST_STUCK, 60, "all that may hang do", step=0.1)
    later = Looks(agent)
    later.wait(other, BLOCK_COPY, 5)
    assert not any(later.of(guest, SAVE) for guest in frozen)
    assert threads(agent) == 1 + MOST_STUCK
    assert agent.figure("rollo_agent_libvirt_stuck_calls") >= MOST_STUCK
    thawed = Looks(agent)
    for guest in frozen:
        guest.thaw()
    for guest, job in zip(frozen, saving):
        thawed.wait(guest, SAVE)
        guest.domain.abortJob()
        assert "canceled" in job.wait()
    wait_until(lambda: threads(agent) == 1, 20, "no call hangs")


def threads(agent: Agent) -> int:
    """That look at jobs, or hang in a look."""
    tasks = Path(f"/proc/{agent.pid}/task").iterdir()
    return sum((task / "comm").read_text().strip() == "virt-jobs" for task in tasks)
