# SPDX-License-Identifier: Apache-2.0
"""Twenty guests started and stopped at random by several hands at once: nobody loses an event,
and in the end the agent knows what libvirt knows."""

import random
import threading

import libvirt
import pytest

from lab import guests as commands
from lab.client import Client, Message
from lab.guests import Guest, GuestSpec
from lab.history import brief, known_to_libvirt, replay, state_of
from lab.story import VM_EVENTS, Stage, uuid_of
from lab.wait import wait_until

GUESTS = 20
HANDS = 4
STEPS = 10  # of each hand


class Hand(threading.Thread):
    """Does to its own share of the guests what comes to its mind."""

    def __init__(self, number: int, guests: list[Guest], seed: int):
        super().__init__(name=f"hand-{number}")
        self.guests = guests
        self.error: BaseException | None = None
        self._random = random.Random(f"{seed} {number}")

    def run(self):
        try:
            for _ in range(STEPS):
                self.step(self._random.choice(self.guests))
        except BaseException as error:  # pylint: disable=broad-exception-caught
            self.error = error

    def step(self, guest: Guest):
        state = guest.state()
        if state == -1:
            guest.create() if guest.name.startswith("transient") else guest.define()
            return
        domain = guest.domain
        if state == libvirt.VIR_DOMAIN_SHUTOFF:
            self._random.choice([guest.start, guest.start, domain.undefine])()
        elif state == libvirt.VIR_DOMAIN_PAUSED:
            self._random.choice([domain.resume, domain.destroy])()
        else:
            choices = [domain.suspend, domain.destroy, domain.reset, lambda: self.kill(guest),
                       lambda: self.power_off(guest)]
            if domain.isPersistent():
                choices.append(domain.undefine)
            self._random.choice(choices)()

    @staticmethod
    def kill(guest: Guest):
        guest.kill()
        wait_ended(guest)

    @staticmethod
    def power_off(guest: Guest):
        guest.wait_booted(30)
        guest.send(commands.POWER_OFF)
        wait_ended(guest)


def wait_ended(guest: Guest):
    wait_until(lambda: guest.state() in (-1, libvirt.VIR_DOMAIN_SHUTOFF), 30,
               f"{guest.name} has ended")


@pytest.fixture
def guests(session_lab):
    """Guests of two kinds, every fifth of them defined; some with ids of the platform."""
    made = [Guest(session_lab, GuestSpec(f"{'transient' if i % 2 else 'persistent'}-{i}",
                                         vm_id=700 + i if i < 8 else None))
            for i in range(GUESTS)]
    for guest in made[::4]:
        guest.define()
    yield made
    for guest in made:
        guest.remove()


@pytest.mark.short
@pytest.mark.torture
def test_a_storm(session_lab, module_agent, session_loop, connect, guests, seed):
    with Stage(session_lab, module_agent, session_loop) as stage:
        clients = connect_all(module_agent, connect, guests)
        hands = [Hand(i, guests[i::HANDS], seed) for i in range(HANDS)]
        for hand in hands:
            hand.start()
        for hand in hands:
            hand.join(120)
        assert [hand.error for hand in hands] == [None] * HANDS
        stage.barrier()
        last = connect(module_agent, "/ws/monitor?events=*").expect("snapshot")
        upto = last["data"]["seq"]
        for client in clients.values():
            client.send({"type": "ping"})
            client.expect("pong", lambda m: m["data"]["seq"] >= upto)
        check_clients(clients, upto)
        everything = ordered(clients["all"], upto)
        assert len(everything) > 50, "that was no storm"
        assert replay(clients["all"].messages("snapshot"), everything) == state_of([last])
        assert brief(state_of([last])) == known_to_libvirt(session_lab.connection)


def connect_all(agent, connect, guests) -> dict[str, Client]:
    """Clients that want different things, each with its first snapshot."""
    everything = "/ws/monitor?events=vm_status_changed,server_status_changed,alert"
    paths = {
        "all": everything,
        "all again": everything,
        "with metrics": "/ws/monitor?events=*",
        "some ids": "/ws/monitor?events=vm_status_changed&vm_ids=700,701,702,703",
        "births and deaths": "/ws/monitor?events=vm_created,vm_deleted",
        "one guest": f"/ws/vm/{guests[0].spec.uuid}",
        "the server": "/ws/server/self",
    }
    made = {name: connect(agent, path) for name, path in paths.items()}
    for client in made.values():
        client.expect("snapshot")
    return made


def check_clients(clients: dict[str, Client], upto: int):
    everything = ordered(clients["all"], upto)
    for name, client in clients.items():
        first = client.messages("snapshot")[0]["data"]["seq"]
        numbers = [m["seq"] for m in ordered(client)]
        assert all(a < b for a, b in zip([first, *numbers], numbers)), f"{name}: out of order"
        wanted = [m for m in everything if m["seq"] > first and kept_by(name, m, clients)]
        assert ordered(client, upto) == wanted, name
    first = clients["all"].messages("snapshot")[0]["data"]["seq"]
    assert [m["seq"] for m in everything] == list(range(first + 1, upto + 1)), "a hole"


def ordered(client: Client, upto: int = 1 << 53) -> list[Message]:
    return [m for m in client.messages() if m.get("seq", upto + 1) <= upto]


def kept_by(name: str, message: Message, clients: dict[str, Client]) -> bool:
    """The protocol's rules for these filters, written down once more."""
    kind, data = message["type"], message["data"]
    if kind in ("alert", "progress") and name in ("some ids", "births and deaths"):
        return True  # comes at once on /ws/monitor, whatever is asked for besides
    if kind == "alert" and name == "one guest":
        guest = clients[name].messages("snapshot")[0]["data"]["vms"][0]
        return (data["entity_type"], data["entity_id"]) == ("vm", guest["id"])
    if kind == "alert" and name == "the server":
        return data["entity_type"] == "server"
    if name == "some ids":
        vm_id = data["vm"]["id"] if "vm" in data else data.get("vm_id")
        return kind in VM_EVENTS and vm_id in (700, 701, 702, 703)
    if name == "births and deaths":
        return kind in ("vm_created", "vm_deleted")
    if name == "one guest":
        return uuid_of(message) == clients[name].messages("snapshot")[0]["data"]["vms"][0]["uuid"]
    if name == "the server":
        return kind.startswith("server_")
    return True
