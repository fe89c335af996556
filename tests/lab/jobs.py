# SPDX-License-Identifier: Apache-2.0
"""Jobs of libvirt that take their time: for guests with `noise`, in a laboratory with the image
format "xz" where their memory goes to a disk."""

import threading
from typing import Callable

import libvirt

from .guests import Guest
from .libvirtd import PrivateLibvirt


class Job:
    """A call that takes long, on a thread and a connection of its own: libvirt's client lets
    other calls on the same connection wait for seconds now and then."""

    def __init__(self, guest: Guest, call: Callable[[libvirt.virDomain], object]):
        self._call = call
        self._domain = guest.lab.connect().lookupByUUIDString(guest.spec.uuid)
        self._error: libvirt.libvirtError | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    @property
    def running(self) -> bool:
        return self._thread.is_alive()

    def wait(self, seconds: float = 60.0) -> str:
        """Until it is over; returns libvirt's error, or nothing."""
        self._thread.join(seconds)
        if self.running:
            raise TimeoutError(f"a job takes longer than {seconds} s")
        return str(self._error) if self._error else ""

    def _run(self):
        try:
            self._call(self._domain)
        except libvirt.libvirtError as error:
            self._error = error


def save(guest: Guest) -> Job:
    """About 1.3 MB of its memory a second. The file is `saved_path`."""
    return Job(guest, lambda domain: domain.save(str(saved_path(guest))))


def saved_path(guest: Guest):
    return guest.lab.directory / "images" / f"{guest.spec.uuid[:13]}.save"


def dump(guest: Guest, flags: int = libvirt.VIR_DUMP_LIVE) -> Job:
    """Never abort one of a guest that stands still: libvirtd 9.0 crashes."""
    path = guest.lab.directory / "images" / f"{guest.spec.uuid[:13]}.dump"
    return Job(guest, lambda domain: domain.coreDump(str(path), flags))


def migrate(guest: Guest, to: PrivateLibvirt, mib_per_second: int = 4, flags: int = 0) -> Job:
    """Live, to the daemon of another laboratory; its disks stay where they are."""
    parameters = {
        libvirt.VIR_MIGRATE_PARAM_URI: f"unix://{to.directory}/run/{guest.spec.uuid[:13]}.mig",
        libvirt.VIR_MIGRATE_PARAM_BANDWIDTH: mib_per_second}
    flags |= libvirt.VIR_MIGRATE_LIVE | libvirt.VIR_MIGRATE_UNSAFE
    return Job(guest, lambda domain: domain.migrate3(to.connect(), parameters, flags))


def copy_disk(guest: Guest, mib_per_second: int, disk: str = "vdb", target: str = "copy.img"):
    """Begins a copy, which moves in steps of 16 MiB and stays as a mirror when it has all."""
    file = guest.lab.directory / "images" / f"{guest.spec.uuid[:13]}.{target}"
    guest.domain.blockCopy(disk, f"<disk><source file='{file}'/><driver type='raw'/></disk>",
                           {libvirt.VIR_DOMAIN_BLOCK_COPY_BANDWIDTH: mib_per_second << 20},
                           libvirt.VIR_DOMAIN_BLOCK_COPY_TRANSIENT_JOB)


def has_all(guest: Guest, disk: str = "vdb") -> bool:
    """A copy has moved everything and mirrors what is written from now on."""
    info = guest.domain.blockJobInfo(disk)
    return bool(info) and 0 < info["end"] == info["cur"]


def pivot(guest: Guest, disk: str = "vdb"):
    """Ends a copy that mirrors: the guest goes on with the new image."""
    guest.domain.blockJobAbort(disk, libvirt.VIR_DOMAIN_BLOCK_JOB_ABORT_PIVOT)


def cancel_copy(guest: Guest, disk: str = "vdb"):
    guest.domain.blockJobAbort(disk, 0)
