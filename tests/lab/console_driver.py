# SPDX-License-Identifier: Apache-2.0
"""The agent's way to libvirt's consoles, without the agent: tests/fixtures/console_driver.cpp."""

import os
import subprocess
import threading
import time
from pathlib import Path

from .guests import Guest
from .process import Holdings, holdings
from .wait import wait_until

ROOT = Path(__file__).resolve().parents[2]


class ConsoleDriver:
    """Context manager: a process that opens consoles of the libvirt at `uri`. What it says is kept
    with the time at which it came."""

    def __init__(self, uri: str, directory: Path):
        self._directory = directory
        binary = Path(os.environ.get("ROLLO_BUILD", ROOT / "build")) / "tests/fixtures/console_driver"
        self._log = open(directory / "driver.log", "wb")
        self._process = subprocess.Popen(
            [str(binary), uri, str(directory)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=self._log)
        self._said: list[tuple[float, list[str]]] = []
        self._streams = 0
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> "ConsoleDriver":
        return self

    def __exit__(self, *_):
        self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join()
        self._log.close()

    # Commands

    def open(self, guest: Guest, alias: str = "serial0", *more: str) -> int:
        """Returns the new stream's id at once."""
        self._streams += 1
        self._command("open", self._streams, guest.spec.uuid, alias, *more)
        return self._streams

    def opened(self, guest: Guest, alias: str = "serial0", *more: str) -> int:
        """Returns the new stream's id when it is open, and the guest's QEMU has noticed."""
        stream = self.open(guest, alias, *more)
        self.expect("opened", stream)
        return stream

    def send(self, stream: int, data: bytes):
        self._command("send", stream, data.hex())

    def read_log(self, stream: int, start: int):
        self._command("log", stream, start)

    def hold(self, stream: int):
        self._command("hold", stream)

    def release(self, stream: int):
        self._command("release", stream)

    def shut(self, stream: int):
        self._command("close", stream)

    def end(self) -> bool:
        """Stops everything; whether all of it ended."""
        self._command("end")
        return wait_until(lambda: self.words("end"), 10, "the end")[0] == ["true"]

    def figures(self) -> tuple[int, int, int]:
        """Streams that are open, left behind, and have ever been given up."""
        before = len(self.words("figures"))
        self._command("figures")
        told = wait_until(lambda: self.words("figures")[before:], 5, "figures", step=0.002)
        return tuple(map(int, told[0]))

    # What it says

    def words(self, kind: str, stream: int | None = None) -> list[list[str]]:
        """Of all that was said of that kind: what follows the kind and the stream."""
        return [words for _, words in self.said(kind, stream)]

    def said(self, kind: str, stream: int | None = None) -> list[tuple[float, list[str]]]:
        start = 1 if stream is None else 2
        return [(at, words[start:]) for at, words in list(self._said)
                if words[0] == kind and (stream is None or words[1] == str(stream))]

    def expect(self, kind: str, stream: int, seconds: float = 10, count: int = 1) -> list[str]:
        """Waits until that was said so often of the stream; returns the last one's words."""
        return wait_until(lambda: self.words(kind, stream)[count - 1:count], seconds,
                          f"{kind} of stream {stream}", step=0.002)[0]

    def output(self, stream: int) -> bytes:
        path = self._directory / str(stream)
        return path.read_bytes() if path.exists() else b""

    def dropped(self, stream: int) -> int:
        return sum(int(dropped) for _, dropped in self.words("output", stream))

    def await_output(self, stream: int, wanted: bytes, seconds: float = 10):
        wait_until(lambda: wanted in self.output(stream), seconds, f"{wanted!r} is read",
                   step=0.002)

    def holdings(self) -> Holdings:
        return holdings(self._process.pid)

    def log(self) -> str:
        return (self._directory / "driver.log").read_text(errors="replace")

    # Inside

    def _command(self, *words):
        self._process.stdin.write(" ".join(map(str, words)).encode() + b"\n")
        self._process.stdin.flush()

    def _read(self):
        for line in self._process.stdout:
            self._said.append((time.monotonic(), line.decode().split()))
