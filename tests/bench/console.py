# SPDX-License-Identifier: Apache-2.0
"""What the agent's consoles cost, beside a plain read of the same kind of device through libvirt
and beside themselves: `./dev bench` calls this. Real guests, a libvirtd of their own, the real
agent.

Whatever is compared takes turns in the same run. CPU times are those of one process alone, for each
byte that the guest printed; where there are many, medians of rounds. The guests need a core, and
what is left over is noisy where there are two.

Exit status 1 where a target is missed.
"""

import argparse
import contextlib
import itertools
import json
import os
import select
import statistics
import string
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Iterator

from bench.console_load import PlainReader, Viewers, open_console
from bench.processes import BUILD, cpu_nanoseconds, first_thread_nanoseconds
from bench.report import Report, Row
from lab import guests as commands
from lab.agent import Agent
from lab.guests import Guest, GuestSpec
from lab.libvirtd import PrivateLibvirt
from lab.raw_websocket import BINARY, TEXT, RawWebSocket
from lab.wait import wait_until

# Somebody who types fast; much faster, and the agent would take it for a flood.
KEY_SECONDS = 0.01
KEYS_A_ROUND = 50
WARM_UP = b"~"

WINDOW_SECONDS = 1.0
VIEWERS = [1, 10, 25, 50]
MANY_TARGET = 3.0
STEADY_TARGET = 1.3  # the last viewers beside the first ones; they should be alike

FLOODS = 10
PAUSES_A_ROUND = 20
DELAY_TARGET = 2.0


@contextlib.contextmanager
def laboratory(**console) -> Iterator[tuple[PrivateLibvirt, Callable[[], Agent]]]:
    """A libvirtd, and an agent to be started when the guests are there. It gives a device back as
    soon as nobody watches it, and takes no samples meanwhile."""
    config = {"metrics": {"interval_seconds": 300}, "console": {"linger_seconds": 0, **console}}
    with (PrivateLibvirt() as lab, tempfile.TemporaryDirectory() as directory,
          contextlib.ExitStack() as stack):
        yield lab, lambda: stack.enter_context(
            Agent(lab.uri, Path(directory) / "agent", config=config))


def quartiles(values: list[float]) -> tuple[float, float]:
    low, _, high = statistics.quantiles(values, n=4)
    return low, high


# --- keystrokes ----------------------------------------------------------------------------------


class Keyboard:
    """A device of a guest that prints what is typed, by the agent or by a plain reader."""

    def __init__(self, type_: Callable[[bytes], object], read: Callable[[], bytes],
                 descriptor: int):
        self._type = type_
        self._read = read
        self._descriptor = descriptor

    def warm_up(self):
        """Types until the guest has booted, and QEMU has seen that there is a reader."""
        self._type(WARM_UP)
        wait_until(lambda: self._echoed() or self._type(WARM_UP), 20, "an echo")

    def press(self, key: bytes) -> float:
        """The seconds until it is printed."""
        begin = time.perf_counter()
        self._type(key)
        while key not in self._read():
            continue
        return time.perf_counter() - begin

    def _echoed(self) -> bool:
        ready, _, _ = select.select([self._descriptor], [], [], 0.3)
        return bool(ready) and WARM_UP in self._read()


@contextlib.contextmanager
def keyboards(agent: Agent, guest: Guest, ours: str, theirs: str) -> Iterator[list[Keyboard]]:
    with (PlainReader(guest, theirs, piped=True) as reader,
          open_console(agent, guest, device=ours) as viewer):
        output = reader.process.stdout.fileno()
        both = [Keyboard(lambda key: viewer.send(BINARY, key),
                         lambda: viewer.receive_until(BINARY), viewer.socket.fileno()),
                Keyboard(reader.process.stdin.write, lambda: os.read(output, 65536), output)]
        for each in both:
            each.warm_up()
        yield both


def measure_echo(rounds: int) -> Iterator[Row]:
    """Two devices of one guest, which change hands halfway."""
    agent_s, plain_s = [], []
    letters = itertools.cycle(string.ascii_letters.encode())
    with laboratory() as (lab, start):
        guest = Guest(lab, GuestSpec("echo", control="pty")).create()
        agent = start()
        for devices in (("serial0", "serial1"), ("serial1", "serial0")):
            with keyboards(agent, guest, *devices) as both:
                for _ in range(KEYS_A_ROUND * (rounds + 1) // 2):
                    for keyboard, times in zip(both, (agent_s, plain_s)):
                        times.append(keyboard.press(bytes([next(letters)])))
                        time.sleep(KEY_SECONDS)
    for what, at in (("median", 50), ("99th percentile", 99)):
        ours, theirs = (statistics.quantiles(times, n=100)[at - 1] * 1e6
                        for times in (agent_s, plain_s))
        yield Row(f"a keystroke's echo, {what}", ours / theirs, "x plain", None, ours, theirs)
        yield Row(f"  what the agent adds, {what}", ours - theirs, "us")


# --- floods --------------------------------------------------------------------------------------


@dataclass
class Cost:
    """Of the reader of a flood, in nanoseconds of CPU time for each byte that the guest printed:
    of all its threads, and of its first one, which in the agent serves the viewers and reads
    nothing. How the kernel cuts a flood into pieces decides what reading costs, and varies."""
    whole: float
    serving: float


class Flood:
    """A guest that prints, and the process that reads that."""

    def __init__(self, guest: Guest, pid: int, printed: Callable[[], float]):
        self._guest = guest
        self._pid = pid
        self.printed = printed
        self.rates: list[float] = []  # bytes a second

    def cost(self) -> Cost:
        """Of a new flood, which is over afterwards."""
        before = self.printed()
        self._guest.send(commands.FLOOD)
        wait_until(lambda: self.printed() > before + 10_000, what="a flood", step=0.05)
        begin, printed, cpu = time.monotonic(), self.printed(), self._cpu()
        time.sleep(WINDOW_SECONDS)
        cpu = [after - before for before, after in zip(cpu, self._cpu())]
        printed = self.printed() - printed
        self.rates.append(printed / (time.monotonic() - begin))
        self._guest.send(commands.IDLE)
        return Cost(*(each / printed for each in cpu))

    def _cpu(self) -> tuple[int, int]:
        return cpu_nanoseconds(self._pid), first_thread_nanoseconds(self._pid)


def cost_with(count: int, viewers: Viewers, guest: Guest, flood: Flood) -> Cost:
    """With so many viewers, each of which must get everything."""
    viewers.open(guest, count)
    before = flood.printed()
    cost = flood.cost()
    printed = flood.printed() - before
    wait_until(lambda: all(received >= printed for received in viewers.counts), 20,
               f"{printed:.0f} bytes for each of {count} viewers")
    viewers.close()
    return cost


Costs = dict[str | int, list[Cost]]


def flood_costs(rounds: int) -> tuple[Costs, float]:
    """For each number of viewers, and for "plain", the cost of each round; and how fast the agent
    got it, beside the plain reader. The guests take turns, for one alone fills a core."""
    with laboratory() as (lab, start):
        watched, plain = (Guest(lab, GuestSpec(name, console_policy=policy)).create()
                          for name, policy in (("watched", "always"), ("plain", "on_demand")))
        for guest in (watched, plain):
            guest.wait_booted(30)
        agent = start()
        with PlainReader(plain) as reader, Viewers(agent) as viewers:
            ours = Flood(watched, agent.pid,
                         lambda: agent.figure("rollo_agent_console_output_bytes_total"))
            theirs = Flood(plain, reader.process.pid, reader.read)
            cases = {"plain": theirs.cost} | {
                count: lambda count=count: cost_with(count, viewers, watched, ours)
                for count in [0, *VIEWERS]}
            for case in cases.values():
                case()  # QEMU looks once a second whether there is a reader
            costs = {name: [] for name in cases}
            for number in range(rounds):
                for name in list(cases)[::-1 if number % 2 else 1]:
                    costs[name].append(cases[name]())
    return costs, statistics.median(ours.rates) / statistics.median(theirs.rates)


def measure_flood(rounds: int) -> Iterator[Row]:
    costs, rate = flood_costs(rounds)
    yield Row("a flood's speed through the agent", rate, "x plain")

    def row(what: str, case: int, floor: str | int, unit: str, target: float | None = None):
        ours, theirs = ([cost.whole for cost in costs[name]] for name in (case, floor))
        ratios = [a / f for a, f in zip(ours, theirs)]
        return Row(what, statistics.median(ratios), unit, target, statistics.median(ours),
                   statistics.median(theirs), "ns/B", spread=quartiles(ratios))

    yield row("a flood, 1 viewer", 1, "plain", "x plain")
    yield row(f"a flood, {VIEWERS[-1]} viewers", VIEWERS[-1], "plain", "x plain")
    yield row(f"a flood, {VIEWERS[-1]} viewers", VIEWERS[-1], 0, "x none", MANY_TARGET)
    yield from further_viewers(costs)


def further_viewers(costs: Costs) -> Iterator[Row]:
    serving = {count: statistics.median(cost.serving for cost in costs[count])
               for count in VIEWERS}
    steps = {(few, many): (serving[many] - serving[few]) / (many - few)
             for few, many in itertools.pairwise(VIEWERS)}
    for (few, many), each in steps.items():
        yield Row(f"  each further viewer, {few} to {many}", each, "ns/B")
    first, *_, last = steps.values()
    yield Row("  the last of them beside the first", last / first, "x", STEADY_TARGET, last,
              first, "ns/B")


# --- events beside floods ------------------------------------------------------------------------


class Delays:
    """What a guest's pauses show: how long the agent itself makes a client wait for an event, from
    libvirt's callback on, and how long the client waits that asks libvirt for the pause. Looked at
    after each event, so that the agent's histogram has exactly that one more."""

    def __init__(self, agent: Agent, guest: Guest, client: RawWebSocket):
        self._agent = agent
        self._guest = guest
        self._client = client
        self.agent_us: list[float] = []
        self.client_us: list[float] = []

    def round(self):
        domain = self._guest.domain
        for _ in range(PAUSES_A_ROUND):
            self._change(domain.suspend, "paused")
            self._change(domain.resume, "running")

    def _change(self, change: Callable[[], int], status: str):
        before = self._sum()
        begin = time.perf_counter()
        change()
        wait_status(self._client, self._guest, status)
        self.client_us.append((time.perf_counter() - begin) * 1e6)
        self.agent_us.append((self._sum() - before) * 1e6)

    def _sum(self) -> float:
        return self._agent.figure("rollo_agent_event_delay_seconds_sum")


def wait_status(client: RawWebSocket, guest: Guest, status: str):
    told = {}
    while (told.get("vm_uuid"), told.get("new_status")) != (guest.spec.uuid, status):
        told = json.loads(client.receive_until(TEXT))["data"]


@contextlib.contextmanager
def attached(agent: Agent, guests: list[Guest]) -> Iterator[None]:
    """Each guest has a viewer, to whom its flood comes."""
    with Viewers(agent) as viewers:
        for guest in guests:
            viewers.open(guest)
        wait_until(lambda: all(received > 5_000 for received in viewers.counts), 60,
                   "all floods come")
        yield
    wait_until(lambda: agent.figure("rollo_agent_consoles_attached") == 0, 20, "none is attached")


@contextlib.contextmanager
def read_plainly(guests: list[Guest]) -> Iterator[None]:
    """The same floods, carried by somebody else: what is left of the machine is about as much."""
    with contextlib.ExitStack() as stack:
        readers = [stack.enter_context(PlainReader(guest)) for guest in guests]
        wait_until(lambda: all(reader.read() > 5_000 for reader in readers), 60,
                   "all floods come")
        yield


def start_floods(lab: PrivateLibvirt) -> list[Guest]:
    """They share one core: ten guests that never rest would leave nobody any."""
    guests = [Guest(lab, GuestSpec(f"flood-{i}", code="flood")).create() for i in range(FLOODS)]
    core = max(os.sched_getaffinity(0))
    for guest in guests:
        for thread in os.listdir(f"/proc/{guest.pid()}/task"):
            os.sched_setaffinity(int(thread), {core})
    return guests


def measure_delay(rounds: int) -> Iterator[Row]:
    with laboratory() as (lab, start):
        guest = Guest(lab, GuestSpec("paused")).create()
        guest.wait_booted(30)
        floods = start_floods(lab)
        agent = start()
        with RawWebSocket(agent.port, "/ws/monitor?events=vm_status_changed&snapshot=0") as client:
            alone, among, plain = (Delays(agent, guest, client) for _ in range(3))
            for _ in range(rounds):
                alone.round()
                with attached(agent, floods):
                    among.round()
                with read_plainly(floods):
                    plain.round()

    def row(what: str, of: Callable, ours: list[float], theirs: list[float], unit: str,
            target: float | None = None):
        return Row(what, of(ours) / of(theirs), unit, target, of(ours), of(theirs))

    median, mean = statistics.median, statistics.fmean
    what = f"an event, {FLOODS} floods attached"
    yield row(f"{what}, median", median, among.agent_us, alone.agent_us, "x none", DELAY_TARGET)
    yield row(f"{what}, mean", mean, among.agent_us, alone.agent_us, "x none")
    yield row(f"{what}, median", median, among.agent_us, plain.agent_us, "x plain")
    yield row("  from the pause to the client, median", median, among.client_us, alone.client_us,
              "x none")
    yield row("  from the pause to the client, median", median, among.client_us, plain.client_us,
              "x plain")


def main() -> int:
    parser = argparse.ArgumentParser(prog="dev bench", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9,
                        help="rounds of each measurement (default: %(default)s)")
    parser.add_argument("--only", choices=MEASUREMENTS, help="one of the measurements alone")
    options = parser.parse_args()
    report = Report()
    for name, measurement in MEASUREMENTS.items():
        if options.only in (None, name):
            for row in measurement(options.rounds):
                report.add(row)
    return report.write(BUILD / "bench-console.json")


MEASUREMENTS = {"echo": measure_echo, "flood": measure_flood, "delay": measure_delay}


if __name__ == "__main__":
    sys.exit(main())
