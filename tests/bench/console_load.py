# SPDX-License-Identifier: Apache-2.0
"""What reads a console while the bench measures who serves it: viewers at an agent, and a plain
reader of the same device."""

import os
import selectors
import socket
import subprocess
import tempfile
import threading

from bench.processes import PROGRAMS
from lab.agent import Agent
from lab.console import SUBPROTOCOL, console_path
from lab.guests import Guest
from lab.raw_websocket import TEXT, RawWebSocket
from lab.tokens import token_for
from lab.wait import wait_until


def open_console(agent: Agent, guest: Guest, **query) -> RawWebSocket:
    """A viewer in the binary form to whom the console is open. It gets nothing of what was printed
    before."""
    token = token_for(agent, role="admin")
    viewer = RawWebSocket(agent.port, console_path(guest, tail=0, **query), headers=(
        f"Authorization: Bearer {token}\r\nSec-WebSocket-Protocol: {SUBPROTOCOL}\r\n"))
    while b"console_attached" not in viewer.receive_until(TEXT):
        continue
    return viewer


class Viewers:
    """Context manager: viewers that take what comes as soon as it comes, count it, and forget it.
    A thread of this process sleeps until something is there for any of them."""

    def __init__(self, agent: Agent):
        self._agent = agent
        self._viewers: list[RawWebSocket] = []
        self._counts: dict[socket.socket, int] = {}
        self._selector = selectors.DefaultSelector()
        self._buffer = bytearray(1 << 18)

    def __enter__(self) -> "Viewers":
        self._wake, ours = socket.socketpair()
        self._selector.register(ours, selectors.EVENT_READ)
        self._reader = threading.Thread(target=self._read, args=(ours,), daemon=True)
        self._reader.start()
        return self

    def __exit__(self, *_):
        self._wake.close()
        self._reader.join(10)
        self.close()
        self._selector.close()

    def open(self, guest: Guest, count: int = 1):
        """So many more."""
        for _ in range(count):
            viewer = open_console(self._agent, guest)
            self._viewers.append(viewer)
            viewer.socket.setblocking(False)
            self._counts[viewer.socket] = 0
            self._selector.register(viewer.socket, selectors.EVENT_READ)

    def close(self):
        for viewer in self._viewers:
            if viewer.socket in self._selector.get_map():
                self._selector.unregister(viewer.socket)
            viewer.socket.close()
        self._viewers.clear()
        self._counts.clear()

    @property
    def counts(self) -> list[int]:
        """What each has received, in bytes on the wire."""
        return list(self._counts.values())

    def _read(self, stop: socket.socket):
        while True:
            for key, _ in self._selector.select():
                if key.fileobj is stop:
                    return
                self._take(key.fileobj)

    def _take(self, viewer: socket.socket):
        try:
            size = viewer.recv_into(self._buffer)
        except OSError:
            return  # closed meanwhile, by us
        if size == 0:
            self._selector.unregister(viewer)
        elif viewer in self._counts:
            self._counts[viewer] += size


class PlainReader:
    """Context manager: `console_reader` at a guest's device. What it reads goes to a file that
    nobody sees, or to `process.stdout` with `piped`."""

    def __init__(self, guest: Guest, alias: str = "serial0", piped: bool = False):
        self._command = [str(PROGRAMS / "console_reader"), guest.lab.uri, guest.spec.uuid, alias]
        self._piped = piped

    def __enter__(self) -> "PlainReader":
        self._file = tempfile.TemporaryFile()
        wait_until(self._open, 10, "the plain reader has the device", step=0.1)
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(10)
        self.process.stderr.close()
        if self._piped:
            self.process.stdout.close()
        self._file.close()

    def _open(self) -> bool:
        """False while somebody else has the device."""
        output = subprocess.PIPE if self._piped else self._file
        self.process = subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=output,
                                        stderr=subprocess.PIPE, bufsize=0)
        if self.process.stderr.readline() == b"open\n":
            return True
        self.process.communicate()
        return False

    def read(self) -> int:
        """How many bytes it has read so far."""
        return os.fstat(self._file.fileno()).st_size
