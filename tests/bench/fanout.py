# SPDX-License-Identifier: Apache-2.0
"""What the agent's fan-out costs, as a ratio to the floor: `./dev bench` calls this.

Server and clients are pinned to two cores. The agent and the floor, a server that sends prebuilt
frames of the same size with one call for each client, take turns in many short rounds. The cost
is the server's CPU time for each delivered message; the ratio is the median over the rounds.
Absolute times move with the machine, ratios hardly.

Exit status 1 where a target is missed.
"""

import argparse
import statistics
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from bench.processes import BUILD, Clients, Server, agent_clients
from bench.report import Row, Report

MESSAGES_A_ROUND = 20_000
IDLE_CLIENTS = 4000
CONNECTED = 3000
CONNECTING = 200


@dataclass
class Case:
    """`events` at once to each of `clients`: `status` (ordered) or `metrics` (conflatable)."""
    kind: str
    events: int
    clients: int
    target: float

    def __str__(self):
        return f"{self.kind}, {self.events} at once to {self.clients:,} clients"


CASES = [
    Case("status", 1, 1000, 1.15),
    Case("metrics", 1, 1000, 1.15),
    Case("status", 10, 1000, 1.3),
    Case("metrics", 10, 1000, 1.3),
    Case("metrics", 100, 1000, 1.3),  # what every sample of a full host is
]
IDLE_TARGET_KIB = 3.0
CONNECTING_TARGET = 5.0  # the floor does not read the request, and greets nobody


def measure(case: Case, rounds: int, directory: Path) -> Row:
    ticks = max(2, MESSAGES_A_ROUND // (case.clients * case.events))
    with (Server("bench_agent", directory / "agent.log") as agent,
          Server("floor_server", directory / "floor.log") as floor,
          agent_clients(agent) as ours, Clients(floor) as theirs):
        ours.connect(case.clients)
        theirs.connect(case.clients)
        line = f"{case.kind} {case.events}"
        size = ours.ticks(ticks, case.events, line).message_bytes
        floor_line = f"send {case.events} {size}"
        theirs.ticks(ticks, case.events, floor_line)
        pairs = [(ours.ticks(ticks, case.events, line),
                  theirs.ticks(ticks, case.events, floor_line)) for _ in range(rounds)]
    ratios = [a.ns_per_message / f.ns_per_message for a, f in pairs]
    low, middle, high = statistics.quantiles(ratios, n=4)
    return Row(str(case), middle, "x floor", case.target,
               statistics.median(a.ns_per_message for a, _ in pairs) / 1000,
               statistics.median(f.ns_per_message for _, f in pairs) / 1000,
               message_bytes=size, spread=(low, high))


def measure_idle(directory: Path) -> Row:
    """Between the first clients and the last: what the program itself needs is left out."""
    with (Server("bench_agent", directory / "agent.log") as agent,
          agent_clients(agent) as clients):
        clients.connect(IDLE_CLIENTS // 10)
        before = agent.resident_bytes()
        clients.connect(IDLE_CLIENTS)
        each = (agent.resident_bytes() - before) / IDLE_CLIENTS
    return Row(f"resident for each of {IDLE_CLIENTS:,} idle clients", each / 1024, "KiB",
               IDLE_TARGET_KIB)


def measure_connecting(directory: Path) -> Row:
    """Beyond the first ones: what grows with the number of connections shows."""
    with (Server("bench_agent", directory / "agent.log") as agent,
          Server("floor_server", directory / "floor.log") as floor,
          agent_clients(agent) as ours, Clients(floor) as theirs):
        ours.connect(CONNECTED)
        theirs.connect(CONNECTED)
        pairs = [(ours.connect(CONNECTING) / CONNECTING / 1000,
                  theirs.connect(CONNECTING) / CONNECTING / 1000) for _ in range(15)]
    agent_us, floor_us = (statistics.median(column) for column in zip(*pairs, strict=True))
    ratios = [a / f for a, f in pairs]
    low, middle, high = statistics.quantiles(ratios, n=4)
    return Row(f"a new connection beside {CONNECTED:,}", middle, "x floor",
               CONNECTING_TARGET, agent_us, floor_us, spread=(low, high))


def main() -> int:
    parser = argparse.ArgumentParser(prog="dev bench", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=21,
                        help="pairs of rounds for each case (default: %(default)s)")
    options = parser.parse_args()
    report = Report()
    with tempfile.TemporaryDirectory() as directory:
        for case in CASES:
            report.add(measure(case, options.rounds, Path(directory)))
        for measurement in (measure_connecting, measure_idle):
            report.add(measurement(Path(directory)))
    return report.write(BUILD / "bench.json")


if __name__ == "__main__":
    sys.exit(main())
