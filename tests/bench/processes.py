# SPDX-License-Identifier: Apache-2.0
"""The programs of the bench: a server, and the clients that it serves."""

import os
import re
import resource
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("ROLLO_BUILD", ROOT / "build"))
PROGRAMS = BUILD / "tests/bench"
READY_SECONDS = 20


def settle_on_core(number: int):
    """Of those that we may use, so that server and clients do not share one where there are two.
    And a descriptor for each client."""
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cores[number % len(cores)]})
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def cpu_nanoseconds(pid: int) -> int:
    """The CPU time of all threads of a process so far (clock_getcpuclockid(3))."""
    return time.clock_gettime_ns(~pid << 3 | 2)


def first_thread_nanoseconds(pid: int) -> int:
    """The CPU time of its first thread alone."""
    return int(Path(f"/proc/{pid}/task/{pid}/schedstat").read_text().split()[0])


@dataclass
class Delivered:
    """What the clients received, and the CPU time that it took the server."""
    messages: int
    bytes: int
    nanoseconds: int

    @property
    def message_bytes(self) -> int:
        return self.bytes // self.messages

    @property
    def ns_per_message(self) -> float:
        return self.nanoseconds / self.messages


class Server:
    """Context manager: `bench_agent` or `floor_server`, on core 0. `wrapper` is put before the
    command."""

    def __init__(self, program: str, log: Path, wrapper: list[str] | None = None):
        self.command = [*(wrapper or []), str(PROGRAMS / program)]
        self.log = log

    def __enter__(self) -> "Server":
        with open(self.log, "wb") as stderr:
            self.process = subprocess.Popen(
                self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr,
                preexec_fn=lambda: settle_on_core(0))
        self.port = self._wait_for_port()
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()

    def _wait_for_port(self) -> int:
        until = time.monotonic() + READY_SECONDS
        while time.monotonic() < until and self.process.poll() is None:
            if found := re.search(r"listening on 127\.0\.0\.1:(\d+)", self.log.read_text()):
                return int(found[1])
            time.sleep(0.01)
        raise RuntimeError(f"{self.command[-1]} does not listen: {self.log.read_text()}")

    def ask(self, question: str) -> int:
        self.process.stdin.write(f"{question}\n".encode())
        self.process.stdin.flush()
        return int(self.process.stdout.readline())

    def resident_bytes(self) -> int:
        status = Path(f"/proc/{self.process.pid}/smaps_rollup").read_text()
        return 1024 * int(re.search(r"^Rss:\s+(\d+) kB", status, re.M)[1])


class Clients:
    """Context manager: the load generator, on core 1. `greetings`: what the server says to each
    client by itself, in messages."""

    def __init__(self, server: Server, path: str = "/", greetings: int = 0):
        self.server = server
        self.path = path
        self.greetings = greetings

    def __enter__(self) -> "Clients":
        tick = self.server.process.stdin.fileno()
        self.process = subprocess.Popen(
            [PROGRAMS / "load_generator", str(self.server.port), self.path, str(tick),
             str(self.server.process.pid)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, pass_fds=[tick], text=True, bufsize=1,
            preexec_fn=lambda: settle_on_core(1))
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()

    def connect(self, count: int) -> int:
        """The CPU time that it took the server, in nanoseconds."""
        return int(self._command(f"connect {count} {self.greetings}"))

    def ticks(self, count: int, messages: int, line: str) -> Delivered:
        """Has the server told `line` so often, each time when everybody has all of the last."""
        return Delivered(*map(int, self._command(f"ticks {count} {messages} {line}").split()))

    def _command(self, command: str) -> str:
        self.process.stdin.write(command + "\n")
        answer = self.process.stdout.readline()
        if not answer:
            raise RuntimeError(f"the load generator has ended in: {command}")
        return answer


def agent_clients(server: Server) -> Clients:
    """They want every event; greeted by `connection_status` and `subscription_confirmed`."""
    return Clients(server, "/ws/monitor?events=*&snapshot=0", greetings=2)
