# SPDX-License-Identifier: Apache-2.0
"""What the steady path of a fan-out costs in system calls and allocations: counts that do not
move with the machine, unlike the times of fanout.py."""

import re
import shutil
import subprocess
from collections import Counter
from pathlib import Path

import pytest

from bench.processes import Clients, Server, agent_clients

WARM_UP = 30
TICKS = 50
CASES = ["status 1", "status 10", "metrics 1", "metrics 10", "metrics 100"]


def events_in(case: str) -> int:
    return int(case.split()[1])


def run_case(server: Server, clients: Clients, case: str) -> int:
    """How often the main thread allocated during TICKS ticks, after a warm-up."""
    clients.ticks(WARM_UP, events_in(case), case)
    before = server.ask("allocations")
    clients.ticks(TICKS, events_in(case), case)
    return server.ask("allocations") - before


# System calls


def tracer(trace: Path) -> list[str]:
    """strace before a command, where it is allowed to trace."""
    command = ["strace", "-f", "-qq", "-s", "16", "-e", "signal=none", "-o", str(trace)]
    if not shutil.which("strace"):
        pytest.skip("strace is not installed")
    if subprocess.run([*command, "true"], stderr=subprocess.DEVNULL, check=False).returncode != 0:
        pytest.skip("tracing is not permitted here")
    return command


def calls_between_answers(trace: Path) -> list[Counter]:
    """The main thread's calls, parted where the server has answered on its standard output."""
    parts = [Counter()]
    main = None
    for line in trace.read_text().splitlines():
        found = re.match(r"(\d+)\s+(\w+)\((\d*)", line)  # not the second half of a cut line
        if not found:
            continue
        thread, name, first = found.groups()
        main = main or thread
        if thread != main:
            continue
        if (name, first) == ("write", "1"):
            parts.append(Counter())
        else:
            parts[-1][name] += 1
    return parts


def test_each_client_costs_one_send_in_a_turn_and_nothing_else(tmp_path):
    trace = tmp_path / "trace"
    count = 40
    with (Server("bench_agent", tmp_path / "agent.log", tracer(trace)) as server,
          agent_clients(server) as clients):
        clients.connect(count)
        for case in CASES:
            run_case(server, clients, case)
    measured = calls_between_answers(trace)[1::2]
    for case, calls in zip(CASES, measured, strict=True):
        assert calls["sendto"] == count * TICKS, case
        assert calls["epoll_ctl"] == 0, case
        # What is left is the loop's own: waiting, and being woken by another thread.
        assert calls.total() - calls["sendto"] <= 10 * TICKS, (case, calls)


# Memory


def test_an_idle_client_needs_at_most_3_kib(tmp_path):
    few, many = 300, 2000
    with (Server("bench_agent", tmp_path / "agent.log") as server,
          agent_clients(server) as clients):
        clients.connect(few)
        before = server.resident_bytes()
        clients.connect(many)
        assert (server.resident_bytes() - before) / many <= 3 * 1024


# Allocations


def allocations(directory: Path, count: int) -> dict[str, int]:
    with (Server("bench_agent", directory / f"{count}.log") as server,
          agent_clients(server) as clients):
        clients.connect(count)
        return {case: run_case(server, clients, case) for case in CASES}


def test_a_delivery_allocates_nothing(tmp_path):
    """As much for 150 clients as for 10."""
    few = allocations(tmp_path, 10)
    assert allocations(tmp_path, 150) == few
