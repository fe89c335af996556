# SPDX-License-Identifier: Apache-2.0
"""Libvirt that dies in every way there is while guests come and go, and what the agent has to tell
of it. A seed decides what happens, so that what failed can be seen again."""

import random
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import libvirt

from . import guests as commands
from .agent import Agent
from .client import Client, Loop, Message
from .guests import Guest, GuestSpec
from .history import brief, known_to_libvirt, replay, state_of
from .libvirtd import PrivateLibvirt
from .process import Holdings, holdings
from .story import Stage
from .wait import wait_until

ENDED = (-1, libvirt.VIR_DOMAIN_SHUTOFF)
# The daemon has 20 workers for calls that may wait for a monitor.
MANY_CALLS = 26
# The main loop that waited for libvirt, a disk or a name would stand still for seconds.
LONGEST_TURN = 1.0
# The keepalive notices a frozen daemon after some 4 s.
NOTICED_FREEZE = 6.0


def door(lab: PrivateLibvirt) -> Path:
    """Where an agent finds the daemon that `Faults` breaks: a link to its socket, which can be
    taken away from the agent alone."""
    return lab.directory / "run/door"


def door_uri(lab: PrivateLibvirt) -> str:
    return f"qemu+unix:///session?socket={door(lab)}"


class Faults:
    """Context manager: some guests of a laboratory, and an agent that was made with `door_uri` and
    is started here. `round` does one thing to libvirt and several to the guests, and raises
    AssertionError or TimeoutError when the agent has not told the truth of it, or holds more
    threads or descriptors than before. `long_freeze`: for how many seconds the daemon may be
    frozen."""

    def __init__(self, lab: PrivateLibvirt, agent: Agent, loop: Loop, seed: int,
                 guests: int = 5, long_freeze: float = NOTICED_FREEZE):
        self.lab = lab
        self.agent = agent
        self.seed = seed
        self.rounds = 0
        self.story: list[str] = []  # of the present round, for whoever has to find out
        self._dice = random.Random(seed)
        self._loop = loop
        self._long_freeze = long_freeze
        self._guests = [Guest(lab, GuestSpec(f"{'transient' if i % 3 == 2 else 'persistent'}-{i}"))
                        for i in range(guests)]
        self._running: list[Guest] = []
        self._client: Client | None = None
        self._level: Holdings | None = None
        self._stage: Stage | None = None
        self._faults = [self.kill, self.upgrade, self.restart_at_once, self.freeze,
                        self.freeze_for_a_moment, self.take_the_socket, self.change_unseen,
                        self.exhaust_workers]

    def __enter__(self) -> "Faults":
        self._open_door()
        self.agent.start()
        self._stage = Stage(self.lab, self.agent, self._loop)
        self._stage.__enter__()
        self._warm_up()
        return self

    def __exit__(self, kind, *_):
        self.lab.thaw()
        self._open_door()
        for guest in self._guests:
            guest.remove()
        self._stage.__exit__(kind)

    def round(self, fault: str | None = None) -> list[str]:
        """Returns what was done; `fault` names one of the methods below."""
        self.rounds += 1
        self.story = [f"seed {self.seed}, round {self.rounds}"]
        chosen = getattr(self, fault) if fault else self._dice.choice(self._faults)
        self._note(chosen.__name__)
        with self._listening():
            self._look_who_runs()
            chosen()
            self._check_truth()
        self._check_holdings()
        return self.story

    # What happens to libvirt

    def kill(self):
        self.lab.kill()
        self._await("offline")
        self._change_without_libvirt()
        self.lab.start()
        self._change_with_libvirt()
        self._await("online")

    def upgrade(self):
        self.lab.stop()
        self._await("offline")
        self._change_without_libvirt()
        self.lab.start()
        self._await("online")
        self._change_with_libvirt()

    def restart_at_once(self):
        self._dice.choice([self.lab.kill, self.lab.stop])()
        self.lab.start()
        self._change_with_libvirt()
        self._await("offline")
        self._await("online")

    def freeze(self):
        self.lab.freeze()
        began = time.monotonic()
        self._change_without_libvirt()
        assert self._await("offline")["reason"] in ("keepalive", "timeout")
        time.sleep(max(0.0, began + self._long_freeze - time.monotonic()))
        self.lab.thaw()
        self._await("online")
        self._change_with_libvirt()

    def freeze_for_a_moment(self):
        """Nobody need be told."""
        self.lab.freeze()
        self._change_without_libvirt()
        time.sleep(self._dice.uniform(0.2, 1.5))
        self.lab.thaw()
        self._change_with_libvirt()

    def take_the_socket(self):
        """Connections stay, until the daemon ends; then there is nothing to connect to."""
        self.lab.socket_path.unlink()
        self._change_with_libvirt()
        self.lab.kill()
        self._await("offline")
        self._change_without_libvirt()
        self.lab.start()
        self._await("online")

    def change_unseen(self):
        """Libvirt is there again long before the agent finds it."""
        door(self.lab).unlink()
        self.lab.stop()
        self._await("offline")
        self._change_without_libvirt()
        self.lab.start()
        self._change_with_libvirt()
        self._change_with_libvirt()
        self._open_door()
        self._await("online")

    def exhaust_workers(self):
        """Another program has every worker of the daemon wait for a guest that hangs."""
        if not self._running:
            return
        hung = self._dice.choice(self._running)
        hung.freeze()
        calls = [threading.Thread(target=self._wait_for_monitor, args=(hung,))
                 for _ in range(MANY_CALLS)]
        for call in calls:
            call.start()
        time.sleep(self._dice.uniform(0.5, 3.0))
        self._running.remove(hung)
        self._change_without_libvirt()
        hung.thaw()
        for call in calls:
            call.join(60)
        self._change_with_libvirt()

    # What happens to guests

    def _change_without_libvirt(self):
        """Guests end; libvirt cannot be asked."""
        for guest in self._dice.sample(self._running, k=min(2, len(self._running))):
            how = self._dice.choice(["killed", "powered off", None])
            if how == "killed":
                guest.kill()
            elif how == "powered off":
                guest.send(commands.POWER_OFF, 30)
            if how:
                self._note(f"{guest.name} {how}")
                self._running.remove(guest)

    def _change_with_libvirt(self):
        for guest in self._dice.sample(self._guests, k=3):
            try:
                self._step(guest)
            except (libvirt.libvirtError, OSError) as error:  # it ends at this very moment
                self._note(f"{guest.name}: {error}")
        self._look_who_runs()

    def _step(self, guest: Guest):
        state = guest.state()
        domain = guest.domain if state != -1 else None
        if state == -1:
            choices = [guest.create if guest.name.startswith("transient") else guest.define]
        elif state == libvirt.VIR_DOMAIN_SHUTOFF:
            choices = [guest.start, guest.start, domain.undefine]
        elif state == libvirt.VIR_DOMAIN_PAUSED:
            choices = [domain.resume, domain.destroy]
        else:
            choices = [domain.suspend, domain.destroy, domain.reset, guest.kill]
        choice = self._dice.choice(choices)
        self._note(f"{guest.name} {choice.__name__}")
        choice()

    def _look_who_runs(self):
        """Those that can be told to power off: they run, and have booted."""
        for guest in self._guests:
            wait_until(lambda g=guest: not self._runs(g) or self._has_booted(g), 30,
                       f"{guest.name} has booted or ended")
        self._running = [g for g in self._guests if self._runs(g)]

    @staticmethod
    def _runs(guest: Guest) -> bool:
        return guest.state() == libvirt.VIR_DOMAIN_RUNNING

    @staticmethod
    def _has_booted(guest: Guest) -> bool:
        try:
            guest.wait_booted(0.2)
        except TimeoutError:
            return False
        return True

    def _wait_for_monitor(self, guest: Guest):
        try:
            connection = self.lab.connect()
            connection.lookupByUUIDString(guest.spec.uuid).memoryStats()
        except libvirt.libvirtError:
            pass

    # What the agent has to tell

    @contextmanager
    def _listening(self):
        with self._connect() as self._client:
            self._client.expect("snapshot")
            yield

    def _connect(self) -> Client:
        return Client(self._loop, self.agent.ws_url
                      + "/ws/monitor?events=vm_status_changed,server_status_changed")

    def _await(self, status: str) -> dict:
        return self._client.expect_data("server_status_changed", 60, new_status=status)

    def _check_truth(self):
        """Every client knows what libvirt knows, and knows it from events."""
        wait_until(lambda: not any(map(self._is_ending, self._guests)), 30,
                   "libvirt has seen who ended")
        self._stage.barrier(30)
        # A daemon that takes up its guests again does not tell of those that end meanwhile: the
        # agent finds that by listing again.
        wait_until(self._agrees, 20, "the agent knows what libvirt knows", step=0.1)
        last = self._snapshot()
        upto = last["data"]["seq"]
        self._client.send({"type": "ping"})
        self._client.expect("pong", lambda m: m["data"]["seq"] >= upto)
        events = [m for m in self._client.messages() if m.get("seq", upto + 1) <= upto]
        told = replay(self._client.messages("snapshot"), events)
        assert told == state_of([last])
        assert brief(told) == known_to_libvirt(self.lab.connection)
        assert last["data"]["server"]["status"] == "online"
        lag = self.agent.figure("rollo_agent_loop_lag_seconds_max")
        assert lag < LONGEST_TURN, f"the main loop stood still for {lag} s"

    def _snapshot(self) -> Message:
        with self._connect() as late:
            return late.expect("snapshot")

    def _agrees(self) -> bool:
        try:
            known = known_to_libvirt(self.lab.connection)
        except libvirt.libvirtError:  # another one has ended
            return False
        return brief(state_of([self._snapshot()])) == known

    @staticmethod
    def _is_ending(guest: Guest) -> bool:
        """Its process is gone, or about to go, and libvirt has not seen it yet."""
        state = guest.state()
        if state in ENDED:
            return False
        try:
            alive = Path(f"/proc/{guest.pid()}").exists()
        except OSError:
            alive = False
        return not alive or state == libvirt.VIR_DOMAIN_SHUTDOWN

    def _check_holdings(self):
        wait_until(lambda: holdings(self.agent.pid).within(self._level), 30,
                   f"the agent holds no more than {self._level}")

    def _warm_up(self):
        """A guest that hangs makes the agent open every connection that it ever keeps."""
        with Client(self._loop, self.agent.ws_url + "/ws/monitor?events=alert"):
            first = self._guests[0].define().start()
            first.wait_booted(30)
            first.freeze()
            given_up = "rollo_agent_libvirt_given_up_calls_total"
            wait_until(lambda: self.agent.figure(given_up) > 0, 30, "a call is given up", step=0.1)
            self._level = holdings(self.agent.pid)
            first.thaw()
        stuck = "rollo_agent_libvirt_stuck_calls"
        wait_until(lambda: self.agent.figure(stuck) == 0, 30, "no call hangs", step=0.1)

    # Inside

    def _open_door(self):
        if not door(self.lab).is_symlink():
            door(self.lab).symlink_to(self.lab.socket_path)

    def _note(self, what: str):
        self.story.append(what)
