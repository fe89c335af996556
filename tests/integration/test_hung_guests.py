# SPDX-License-Identifier: Apache-2.0
"""Guests whose QEMU is frozen: each costs the others a moment, is told as stale, then as
unresponsive, and comes back by itself. Libvirt answers everybody else all the while."""

import time

import libvirt
import pytest

from lab import guests as commands
from lab.agent import Agent
from lab.client import Client
from lab.guests import Guest
from lab.process import holdings, settled_holdings
from lab.wait import wait_until

INTERVAL = 1.0
# Of one monitor that hangs after the other, each is noticed after some 0.25 s.
DISCOVERY = 5.0
# Everything here shares two processors with the test itself.
SLACK = 1.5
STATS = (libvirt.VIR_DOMAIN_STATS_STATE | libvirt.VIR_DOMAIN_STATS_BALLOON
         | libvirt.VIR_DOMAIN_STATS_BLOCK)


class Metrics:
    """What one client is told of the figures of guests."""

    def __init__(self, client: Client):
        self._client = client

    def of(self, guest: Guest) -> list[tuple[float, bool]]:
        """When each update of that guest came, and whether it was stale."""
        return [(at, message["data"]["metrics"]["stale"])
                for at, message in zip(self._client.arrived, self._client.received)
                if message["type"] == "vm_metrics_update"
                and message["data"]["vm_uuid"] == guest.spec.uuid]

    def fresh(self, guest: Guest, after: float, count: int = 1) -> bool:
        return sum(at > after and not stale for at, stale in self.of(guest)) >= count

    def is_stale(self, guest: Guest) -> bool:
        updates = self.of(guest)
        return bool(updates) and updates[-1][1]

    def longest_gap(self, guest: Guest, begin: float, end: float) -> float:
        """Between two updates that were not stale, or an end of the time."""
        times = [at for at, stale in self.of(guest) if not stale]
        times = [begin, *(at for at in times if begin < at < end), end]
        return max(b - a for a, b in zip(times, times[1:]))


def create(agent: Agent, guests, count: int) -> list[Guest]:
    made = [guests(f"guest-{i}").create() for i in range(count)]
    for guest in made:
        guest.wait_booted(30)
    wait_statuses(agent, made, "running")
    return made


def statuses(agent: Agent) -> dict[str, str]:
    return {vm["uuid"]: vm["status"] for vm in agent.get("/api/v1/vms")[1]["vms"]}


def wait_statuses(agent: Agent, guests: list[Guest], status: str):
    wait_until(lambda: all(statuses(agent).get(g.spec.uuid) == status for g in guests), 40,
               f"all of them are {status}", step=0.1)


def wait_fresh(metrics: Metrics, guests: list[Guest], count: int = 1):
    now = time.monotonic()
    wait_until(lambda: all(metrics.fresh(g, now, count) for g in guests), 40, "fresh figures",
               step=0.05)


def changes(client: Client, guest: Guest) -> list[str]:
    return [f"{m['data']['old_status']}->{m['data']['new_status']}"
            for m in client.messages("vm_status_changed")
            if m["data"]["vm_uuid"] == guest.spec.uuid]


def given_up(agent: Agent) -> float:
    return agent.figure("rollo_agent_libvirt_given_up_calls_total")


def stuck(agent: Agent) -> float:
    return agent.figure("rollo_agent_libvirt_stuck_calls")


def occupied(connection: libvirt.virConnect) -> int:
    """How many guests have a command that waits for their monitor."""
    return sum(domain.controlInfo()[0] == libvirt.VIR_DOMAIN_CONTROL_OCCUPIED
               for domain in connection.listAllDomains(libvirt.VIR_CONNECT_LIST_DOMAINS_ACTIVE))


def check_libvirt_answers(lab, others: list[Guest]):
    """As another program sees it, over a connection of its own."""
    began = time.monotonic()
    connection = lab.connect()
    for domain in connection.listAllDomains():
        domain.info()
    domains = [connection.lookupByUUIDString(g.spec.uuid) for g in others]
    assert len(connection.domainListGetStats(domains, STATS)) == len(others)
    assert time.monotonic() - began < 5
    connection.close()


@pytest.mark.short
def test_one_guest_that_hangs(lab, guests, agent, connect):
    frozen, *others = create(agent, guests, 3)
    client = connect(agent, "/ws/monitor?events=*")
    metrics = Metrics(client)
    wait_fresh(metrics, [frozen, *others])
    before = time.monotonic()
    frozen.freeze()
    wait_until(lambda: metrics.is_stale(frozen), 20, "it is stale")
    wait_statuses(agent, [frozen], "unresponsive")
    check_libvirt_answers(lab, others)
    hung = time.monotonic()
    frozen.thaw()
    wait_statuses(agent, [frozen], "running")
    wait_fresh(metrics, [frozen, *others])
    assert changes(client, frozen) == ["running->unresponsive", "unresponsive->running"]
    for guest in others:
        assert metrics.longest_gap(guest, before, hung) < INTERVAL + 1 + SLACK
        assert changes(client, guest) == []
    assert given_up(agent) == 1 and stuck(agent) == 0


def test_ten_guests_that_hang_at_once(lab, guests, agent, connect):
    everybody = create(agent, guests, 14)
    frozen, others = everybody[:10], everybody[10:]
    client = connect(agent, "/ws/monitor?events=*")
    metrics = Metrics(client)
    wait_fresh(metrics, everybody)
    # The first that hangs opens the connection with which monitors are looked at.
    frozen[0].freeze()
    wait_until(lambda: given_up(agent) == 1, 20, "it is noticed")
    frozen[0].thaw()
    wait_fresh(metrics, everybody)
    level = settled_holdings(agent.pid)

    began = time.monotonic()
    for guest in frozen:
        guest.freeze()
    wait_until(lambda: all(map(metrics.is_stale, frozen)), 30, "all ten are stale", step=0.05)
    discovered = time.monotonic()
    check_libvirt_answers(lab, others)
    wait_statuses(agent, frozen, "unresponsive")
    check_libvirt_answers(lab, others)
    hung = time.monotonic()
    wait_until(lambda: occupied(lab.connection) == 10, what="one call hangs in each")
    assert stuck(agent) == 10 and given_up(agent) == 11
    print(f"discovered after {discovered - began:.2f} s")
    for guest in others:
        assert metrics.longest_gap(guest, began, discovered) < INTERVAL + DISCOVERY
        assert metrics.longest_gap(guest, discovered, hung) < INTERVAL + SLACK

    *back, killed, destroyed = frozen
    killed.kill()
    for guest in back:
        guest.thaw()
    wait_statuses(agent, back, "running")
    wait_fresh(metrics, back + others, 3)
    for guest in others:
        assert metrics.longest_gap(guest, hung, time.monotonic()) < INTERVAL + SLACK
    destroyed.domain.destroy()  # which makes everybody who asks libvirt for a list wait for 10 s
    wait_fresh(metrics, back + others)
    for guest in back:
        assert changes(client, guest)[-2:] == ["running->unresponsive", "unresponsive->running"]
    for guest in (killed, destroyed):
        wait_until(lambda g=guest: changes(client, g)[-1].endswith("->stopped"), what="it ended")
        assert guest.spec.uuid not in statuses(agent)
    for guest in others:
        assert changes(client, guest) == []
    assert all(m["data"]["new_status"] in ("degraded", "online")
               for m in client.messages("server_status_changed")), "libvirt was never lost"
    wait_until(lambda: holdings(agent.pid).within(level), 20,
               f"no more than {level} is held")
    wait_until(lambda: occupied(lab.connection) == 0, what="no call hangs")


def test_more_guests_hang_than_calls_may(lab, guests, agents, connect):
    agent = agents(config={"libvirt": {"max_stuck_calls": 3}})
    everybody = create(agent, guests, 6)
    frozen, others = everybody[:4], everybody[4:]
    for guest in others:
        guest.send(commands.BUSY)
    client = connect(agent, "/ws/monitor?events=*")
    metrics = Metrics(client)
    wait_fresh(metrics, everybody)
    for guest in frozen:
        guest.freeze()
    wait_until(lambda: all(map(metrics.is_stale, frozen)), 30, "all four are stale", step=0.05)
    unresponsive = lambda: [u for u, status in statuses(agent).items() if status == "unresponsive"]
    wait_until(lambda: len(unresponsive()) >= 2, 30, "two are proven", step=0.1)
    wait_fresh(metrics, others, 5)
    check_libvirt_answers(lab, others)
    # One more at most, which was asked because its CPU time seemed to advance.
    wait_until(lambda: occupied(lab.connection) in (2, 3), what="no more calls hang than may")
    assert stuck(agent) == given_up(agent) == 2
    for guest in frozen:
        guest.thaw()
    wait_statuses(agent, everybody, "running")
    wait_fresh(metrics, everybody, 2)
    wait_until(lambda: occupied(lab.connection) == 0, what="no call hangs")
