# SPDX-License-Identifier: Apache-2.0
"""Another program that has a console: `virsh console` on a terminal of its own."""

import os
import pty
import subprocess
import threading

from .guests import Guest
from .wait import wait_until

ESCAPE = b"\x1d"  # Ctrl-]


class VirshConsole:
    """Context manager. `refused` is true when it ended because somebody else has the device."""

    def __init__(self, guest: Guest, device: str = "", force: bool = False):
        self.output = bytearray()
        self._command = ["virsh", "-c", guest.lab.uri, "console", guest.name,
                         *(["--devname", device] if device else []),
                         *(["--force"] if force else [])]

    def __enter__(self) -> "VirshConsole":
        self._terminal, theirs = pty.openpty()
        self._process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", "--", *self._command], stdin=theirs, stdout=theirs,
            stderr=theirs, start_new_session=True, env={**os.environ, "LC_ALL": "C.UTF-8"})
        os.close(theirs)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        return self

    def __exit__(self, *_):
        if self.running():
            self._process.kill()
            self._process.wait(10)
        self._reader.join(10)
        os.close(self._terminal)

    def running(self) -> bool:
        return self._process.poll() is None

    @property
    def refused(self) -> bool:
        return not self.running() and b"Active console session exists" in self.output

    def type(self, data: bytes):
        os.write(self._terminal, data)

    def wait_output(self, text: bytes, seconds: float = 10.0):
        wait_until(lambda: text in self.output, seconds, f"virsh shows {text!r}: {self.output!r}")

    def answers(self, text: bytes = b"virsh", seconds: float = 10.0):
        """Waits until what is typed there is echoed by the guest: it has the device."""
        self.wait_output(b"^]", seconds)  # its own "Escape character is"
        begin = len(self.output)
        self.type(text)
        wait_until(lambda: text in self.output[begin:], seconds, f"{text!r} comes back")

    def leave(self, seconds: float = 10.0):
        """Gives the device back."""
        self.type(ESCAPE)
        self._process.wait(seconds)

    def wait_ended(self, seconds: float = 10.0):
        wait_until(lambda: not self.running(), seconds, "virsh console has ended")

    def _read(self):
        try:
            while data := os.read(self._terminal, 65536):
                self.output += data
        except OSError:  # the last of the other side is gone
            pass
