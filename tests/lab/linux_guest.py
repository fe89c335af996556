# SPDX-License-Identifier: Apache-2.0
"""A small Linux guest (`tests/fixtures/linux`): a shell, a balloon that reports memory, devices
that come and go. For what a boot sector cannot do; it takes some seconds to start."""

import re
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from .guests import FIXTURES, ROOT, Guest, GuestSpec


# What a boot sector prints that floods, in awk: see numbered.py.
FLOOD = (r'BEGIN { printf "\r\nRollo test guest ready\r\n"; '
         r'for (;;) printf "line %08x\r\n", ++i }')


def linux_image(build: Path = ROOT / "build") -> tuple[Path, Path]:
    """Kernel and initrd, built if need be (which downloads one Debian package)."""
    output = build / "linux-guest"
    subprocess.run([str(FIXTURES / "linux/build.sh"), str(output)], check=True)
    return output / "vmlinuz", output / "initrd.img"


@dataclass
class LinuxSpec(GuestSpec):
    """`balloon_period` in seconds: how often the guest's balloon tells memory figures; 0: never.
    `virtio_console`: with one, on which there is a shell as well (/dev/hvc0). `quiet`: the kernel
    says nothing of itself on the console."""

    memory_mb: int = 160
    balloon_period: int = 1
    virtio_console: bool = False
    quiet: bool = True


class LinuxGuest(Guest):
    """Steered through a shell on its second serial port; the first is its console."""

    spec: LinuxSpec

    def _boot_xml(self) -> str:
        kernel, initrd = linux_image()
        quiet = "quiet " if self.spec.quiet else ""
        return (f"<kernel>{self.lab.copy(kernel)}</kernel>"
                f"<initrd>{self.lab.copy(initrd)}</initrd>"
                f"<cmdline>console=ttyS0 {quiet}mitigations=off panic=-1</cmdline>")

    def _boot_disk_xml(self) -> str:
        return ""

    def _balloon_xml(self) -> str:
        if not self.spec.balloon_period:
            return "<memballoon model='virtio'/>"
        return (f"<memballoon model='virtio'><stats period='{self.spec.balloon_period}'/>"
                "</memballoon>")

    def _devices_xml(self) -> str:
        if not self.spec.virtio_console:
            return super()._devices_xml()
        # With a console of another kind, libvirt wants the first one named that it else adds.
        return super()._devices_xml() + (
            "<console type='pty'><target type='serial' port='0'/></console>"
            "<console type='pty'><target type='virtio' port='1'/></console>")

    def wait_booted(self, seconds: float = 60.0):
        """Waits until the shell on the second serial port runs a command."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            try:
                self.run("true", 1.0)
                return
            except (TimeoutError, RuntimeError):
                pass  # it began to read in the middle of the command
        raise TimeoutError(f"{self.name} has no shell after {seconds:g} s")

    def run(self, command: str, seconds: float = 10.0) -> str:
        """Runs a shell command and returns what it printed. Raises TimeoutError without an
        answer, RuntimeError when the command fails."""
        mark = f"{time.monotonic_ns():x}"
        line = f"\n{command}\necho end{mark} $?\n"
        answer = ""
        deadline = time.monotonic() + seconds
        with socket.socket(socket.AF_UNIX) as port:
            try:
                port.settimeout(seconds)
                port.connect(str(self.control_path))
                port.sendall(line.encode())
                while (left := deadline - time.monotonic()) > 0:
                    port.settimeout(left)
                    if not (data := port.recv(65536)):
                        break
                    answer += data.decode(errors="replace")
                    if done := re.search(rf"^end{mark} (\d+)$", answer, re.M):
                        return self._output(answer[:done.start()], int(done.group(1)), command)
            except OSError:
                pass
        raise TimeoutError(f"{self.name} does not answer to {command!r}")

    def flood(self, device: str = "/dev/hvc0"):
        """Has it print what a flooding boot sector does, from now on and much faster."""
        self.run(f"stty -F {device} -opost; awk '{FLOOD}' | cat >{device} &")

    def _output(self, text: str, status: int, command: str) -> str:
        # Answers of earlier commands that were given up may come first.
        output = re.split(r"^end[0-9a-f]+ \d+\n", text, flags=re.M)[-1].strip("\n")
        if status != 0:
            raise RuntimeError(f"{self.name}: {command!r} ended with {status}: {output}")
        return output

    def send(self, command: bytes, seconds: float = 10.0):
        raise TypeError("control bytes are for boot sectors; use run()")
