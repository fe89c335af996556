# SPDX-License-Identifier: Apache-2.0
"""Guests that run one sector of code (`tests/fixtures/guest.S`): definition and remote control."""

import os
import signal
import socket
import subprocess
import uuid as uuids
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree
from xml.sax.saxutils import escape

import libvirt

from .libvirtd import PrivateLibvirt, remove
from .wait import wait_until

ROOT = Path(__file__).resolve().parents[2]
FIXTURES = ROOT / "tests/fixtures"
METADATA_NAMESPACE = "https://rollo.dev/xmlns/libvirt/vm/1"

# Control bytes of the boot sector, see guest.S.
BUSY, FLOOD, TICK, IDLE, LINE = b"\x02", b"\x06", b"\x14", b"\x1a", b"\x0e"
REBOOT, POWER_OFF, PANIC, SLEEP = b"\x12", b"\x10", b"\x0b", b"\x13"
WATCHDOG, WRITE, READ = b"\x04", b"\x17", b"\x16"


# The boot sectors made of guest.S, with the symbols that make them differ.
BOOT_SECTORS = {"guest": [], "flood": ["START=2"], "same": ["START=2", "SAME=1"],
                "deaf": ["DEAF=1"]}


def boot_image(name: str = "guest", build: Path = ROOT / "build") -> Path:
    """A boot sector as Meson built it, or built here when it is missing or out of date."""
    source = FIXTURES / "guest.S"
    image = build / f"tests/fixtures/{name}.img"
    if not image.exists() or image.stat().st_mtime < source.stat().st_mtime:
        image.parent.mkdir(parents=True, exist_ok=True)
        parts = [str(image.with_suffix(suffix)) for suffix in (".o", ".elf", ".img")]
        symbols = [word for symbol in BOOT_SECTORS[name] for word in ("--defsym", symbol)]
        for command in (["as", "--32", *symbols, "-o", parts[0], str(source)],
                        ["ld", "-m", "elf_i386", "-Ttext", "0x7c00", "-o", parts[1], parts[0]],
                        ["objcopy", "-O", "binary", "--pad-to", "0x107c00", *parts[1:]]):
            subprocess.run(command, check=True)
    return image


@dataclass
class GuestSpec:
    """What a boot-sector guest is made of. `pvpanic`, `watchdog` (an action such as "reset") and
    `data_disk` (bytes) are left out unless asked for; `extra` is XML for the devices.

    `code` is one of BOOT_SECTORS. `console` and `control` are the host sides of its two serial
    ports: "pty", "unix", "file", or "" for none. A guest that can be steered has a UNIX socket as
    `control`. `log_console` has libvirt write all that the console prints to a file, which the
    next start begins anew unless `log_append`. `console_policy`: what its metadata tell the agent
    about attaching to its console. `noise`: its data disk is full of it, and its memory can be
    filled with it, so that jobs on it take their time."""

    name: str
    uuid: str = field(default_factory=lambda: str(uuids.uuid4()))
    memory_mb: int = 16
    vcpus: int = 1
    max_vcpus: int = 0
    vm_id: int | None = None
    console_policy: str | None = None
    title: str = ""
    pvpanic: bool = False
    on_poweroff: str = "destroy"
    on_reboot: str = "restart"
    on_crash: str = "destroy"
    watchdog: str = ""
    data_disk: int = 0
    network: bool = False
    suspend_to_memory: bool = False
    code: str = "guest"
    console: str = "pty"
    control: str = "unix"
    log_console: bool = False
    log_append: bool = False
    noise: bool = False
    extra: str = ""


class Guest:
    """A guest of one laboratory. Steered through its second serial port, a UNIX socket, so that
    its console (the first, a PTY) stays free for whatever a test wants to look at."""

    def __init__(self, lab: PrivateLibvirt, spec: GuestSpec):
        self.lab = lab
        self.spec = spec
        self._data_disk: Path | None = None

    @property
    def name(self) -> str:
        return self.spec.name

    @property
    def domain(self) -> libvirt.virDomain:
        """Looked up anew each time, by UUID: domain objects keep stale ids and names."""
        return self.lab.connection.lookupByUUIDString(self.spec.uuid)

    # Definition

    def xml(self) -> str:
        spec = self.spec
        title = f"<title>{escape(spec.title)}</title>" if spec.title else ""
        current = f" current='{spec.vcpus}'" if spec.max_vcpus else ""
        pm = ("<pm><suspend-to-mem enabled='yes'/></pm>" if spec.suspend_to_memory else "")
        memory_backing = ("<memoryBacking><source type='memfd'/><access mode='shared'/>"
                          "</memoryBacking>" if spec.noise else "")
        return f"""\
<domain type='qemu'>
  <name>{escape(spec.name)}</name><uuid>{spec.uuid}</uuid>{title}{self._metadata_xml()}
  <memory unit='MiB'>{spec.memory_mb}</memory>
  {memory_backing}<vcpu{current}>{spec.max_vcpus or spec.vcpus}</vcpu>
  <os><type arch='x86_64' machine='pc'>hvm</type>{self._boot_xml()}</os>
  <features><acpi/></features>
  <on_poweroff>{spec.on_poweroff}</on_poweroff>
  <on_reboot>{spec.on_reboot}</on_reboot>
  <on_crash>{spec.on_crash}</on_crash>
  {pm}
  <devices>{self._devices_xml()}</devices>
</domain>"""

    def _metadata_xml(self) -> str:
        told = {"id": self.spec.vm_id, "console": self.spec.console_policy}
        if not any(value is not None for value in told.values()):
            return ""
        attributes = "".join(f' {name}="{value}"' for name, value in told.items()
                             if value is not None)
        return f'<metadata><rollo:vm xmlns:rollo="{METADATA_NAMESPACE}"{attributes}/></metadata>'

    def _boot_xml(self) -> str:
        return ""

    def _boot_disk_xml(self) -> str:
        image = self.lab.copy(boot_image(self.spec.code))
        return ("<disk type='file'><driver name='qemu' type='raw'/>"
                f"<source file='{image}'/><target dev='vda' bus='virtio'/>"
                "<readonly/><shareable/><boot order='1'/></disk>")

    def _balloon_xml(self) -> str:
        return ""

    def _devices_xml(self) -> str:
        spec = self.spec
        parts = [
            self._boot_disk_xml(),
            self._balloon_xml(),
            self._serial_xml(0, spec.console, self._log_xml()),
            self._serial_xml(1, spec.control),
            "<controller type='usb' model='none'/>",
        ]
        if spec.data_disk:
            self._data_disk = self._data_disk or self.lab.image(
                f"{spec.uuid[:13]}.img", spec.data_disk, spec.noise)
            parts.append(f"<disk type='file'><driver name='qemu' type='raw'/>"
                         f"<source file='{self._data_disk}'/><target dev='vdb' bus='virtio'/>"
                         "<boot order='2'/></disk>")
        if spec.pvpanic:
            parts.append("<panic model='isa'/>")
        if spec.watchdog:
            parts.append(f"<watchdog model='ib700' action='{spec.watchdog}'/>")
        if spec.network:
            parts.append("<interface type='user'><model type='virtio'/></interface>")
        return "".join(parts) + spec.extra

    def _serial_xml(self, port: int, kind: str, more: str = "") -> str:
        sources = {
            "pty": "",
            "unix": f"<source mode='bind' path='{self._socket_path(port)}'/>",
            "file": f"<source path='{self.console_log.with_suffix(f'.{port}.out')}'/>",
        }
        if not kind:
            return ""
        return f"<serial type='{kind}'>{sources[kind]}{more}<target port='{port}'/></serial>"

    def _log_xml(self) -> str:
        if not self.spec.log_console:
            return ""
        append = "on" if self.spec.log_append else "off"
        return f"<log file='{self.console_log}' append='{append}'/>"

    @property
    def console_log(self) -> Path:
        return self.lab.directory / "images" / f"{self.spec.uuid[:13]}.log"

    def define(self) -> "Guest":
        self.lab.connection.defineXML(self.xml())
        return self

    def create(self, flags: int = 0) -> "Guest":
        """Starts it as a transient guest."""
        self.lab.connection.createXML(self.xml(), flags)
        return self

    def start(self, flags: int = 0) -> "Guest":
        self.domain.createWithFlags(flags)
        return self

    # State

    def state(self) -> int:
        """libvirt.VIR_DOMAIN_*, or -1 when there is no such domain any more."""
        try:
            return self.domain.state()[0]
        except libvirt.libvirtError as error:
            if error.get_error_code() == libvirt.VIR_ERR_NO_DOMAIN:
                return -1
            raise

    def wait_state(self, state: int, seconds: float = 10.0):
        wait_until(lambda: self.state() == state, seconds, f"{self.name} in state {state}")

    def wait_booted(self, seconds: float = 10.0):
        """Waits until the code of the boot sector answers on its second serial port."""
        wait_until(lambda: self._answers(b"~", 0.1), seconds, f"{self.name} answers")

    def wait_logged(self, size: int, seconds: float = 10.0):
        """Waits until so many bytes of its console are in its log file."""
        def there():
            return self.console_log.exists() and self.console_log.stat().st_size >= size

        wait_until(there, seconds, f"{self.name} has printed {size} bytes")

    def pid(self) -> int:
        """The QEMU process, from the pid file that libvirt keeps."""
        pid_file = self.lab.directory / "run/libvirt/qemu/run" / f"{self.name}.pid"
        return int(pid_file.read_text())

    def console_path(self) -> str:
        """The PTY of the first serial port that has one, while the guest runs."""
        tree = ElementTree.fromstring(self.domain.XMLDesc())
        return tree.find("devices/serial[@type='pty']/source").get("path")

    # Remote control

    @property
    def control_path(self) -> Path:
        return self._socket_path(1)

    def _socket_path(self, port: int) -> Path:
        suffix = "ctl" if port == 1 else "con"
        return self.lab.directory / "run" / f"{self.spec.uuid[:13]}.{suffix}"

    def send(self, command: bytes, seconds: float = 10.0):
        """Sends control bytes to a guest that has booted, and returns when it has taken them: it
        echoes each before it obeys. A byte is sent once, however long that takes."""
        for byte in command:
            if not self._answers(bytes([byte]), seconds):
                raise TimeoutError(f"{self.name} does not take {bytes([byte])!r}")

    def _answers(self, byte: bytes, seconds: float) -> bool:
        with socket.socket(socket.AF_UNIX) as port:
            port.settimeout(seconds)
            try:
                port.connect(str(self.control_path))
                port.sendall(byte)
                while answer := port.recv(4096):
                    if byte in answer:
                        return True
            except OSError:
                pass
            return False

    def kill(self):
        """Ends its QEMU with SIGKILL."""
        os.kill(self.pid(), signal.SIGKILL)

    def freeze(self):
        """Stops its QEMU (SIGSTOP): its monitor does not answer any more."""
        os.kill(self.pid(), signal.SIGSTOP)

    def thaw(self):
        os.kill(self.pid(), signal.SIGCONT)

    def fill_memory(self):
        """With noise, which takes a migration or an image of its memory as long as it can; the
        first 4 MiB, where it lives, stay. Of a guest that was made with `noise`."""
        descriptors = Path(f"/proc/{self.pid()}/fd")
        memory = next(path for path in descriptors.iterdir()
                      if "memfd:memory-backend" in link_target(path))
        with open(memory, "r+b") as file:
            file.seek(4 << 20)
            file.write(os.urandom((self.spec.memory_mb - 4) << 20))

    def remove(self):
        """Destroys and undefines it, whatever state it is in; no error when it is gone."""
        try:
            remove(self.domain)
        except libvirt.libvirtError:
            pass


def link_target(path: Path) -> str:
    """Empty where it has gone meanwhile, as descriptors do."""
    try:
        return os.readlink(path)
    except FileNotFoundError:
        return ""
