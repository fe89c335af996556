# SPDX-License-Identifier: Apache-2.0
"""What the agent tells about one guest, as short lines that a test can compare with the protocol's
table: `created stopped`, `stopped->running booted`, `updated name,title`, `deleted undefined`."""

import uuid

import libvirt

from .agent import Agent
from .client import Client, Loop, Message
from .guests import Guest, GuestSpec
from .libvirtd import PrivateLibvirt

VM_EVENTS = ("vm_created", "vm_updated", "vm_status_changed", "vm_deleted")


class Stage:
    """Context manager: a client that hears everything about VMs, and a guest that never runs.
    A change of that guest's title comes behind all that libvirt reported before it."""

    def __init__(self, lab: PrivateLibvirt, agent: Agent, loop: Loop):
        self.lab = lab
        self.client = Client(loop, agent.ws_url + "/ws/monitor?events=vm_status_changed&snapshot=0")
        self._marker = Guest(lab, GuestSpec(f"marker-{uuid.uuid4().hex[:6]}"))
        self._marks = 0

    def __enter__(self) -> "Stage":
        self.client.connect()
        self._marker.define()
        return self

    def __exit__(self, kind, *_):
        self._marker.remove()
        self.client.close()
        if kind is None:
            self.client.check()

    def barrier(self, seconds: float = 15.0):
        """Returns when all that libvirt has reported by now has been told, also what the agent
        learned by asking back: that is asked in order, so the second round finds it answered."""
        for _ in range(2):
            self._marks += 1
            title = f"mark {self._marks}"
            self._marker.domain.setMetadata(libvirt.VIR_DOMAIN_METADATA_TITLE, title, None, None,
                                            libvirt.VIR_DOMAIN_AFFECT_CONFIG)
            self.client.expect("vm_updated", lambda m: m["data"]["vm"]["title"] == title, seconds)

    def events(self, guest_uuid: str) -> list[Message]:
        return [m for m in self.client.messages(*VM_EVENTS) if uuid_of(m) == guest_uuid]


class Story:
    """Context manager: one guest on the stage. `told` compares what was told since the last
    `told` with what should have been, and the boot ids with their rules."""

    def __init__(self, stage: Stage, guest: Guest):
        self.guest = guest
        self._stage = stage
        self._heard = len(stage.events(guest.spec.uuid))
        self._boots: list[str] = []
        self._boot: str | None = None

    def __enter__(self) -> "Story":
        return self

    def __exit__(self, *_):
        self.guest.remove()

    @property
    def boots(self) -> list[str]:
        """The boot ids so far, oldest first."""
        return list(self._boots)

    def told(self, *lines: str, seconds: float = 15.0) -> list[Message]:
        """Waits for as many events as there are lines, then for the barrier, and compares.
        Returns the messages."""
        uuid_, heard = self.guest.spec.uuid, self._heard
        try:
            self._stage.client.wait(
                lambda _: len(self._stage.events(uuid_)) >= heard + len(lines), seconds)
        except TimeoutError:
            pass  # the comparison says what is missing
        self._stage.barrier()
        new = self._stage.events(uuid_)[heard:]
        self._heard = heard + len(new)
        happened = [line(m) for m in new]
        assert happened == list(lines), "\n  ".join(["what was told:", *happened])
        for message in new:
            self._check_boot(message)
            self._check_place(message)
        return new

    def nothing(self):
        """Nothing was told."""
        self.told()

    def _check_boot(self, message: Message):
        """A boot id names one process: another after each start, the same until the stop and in
        it, none while there is no process."""
        kind, data = message["type"], message["data"]
        if kind == "vm_deleted":
            return
        boot = data["boot_id"] if kind == "vm_status_changed" else data["vm"]["boot_id"]
        if kind != "vm_status_changed":
            if kind == "vm_created" and self._boot is None and boot is not None:
                self._begin(boot)
            assert boot == self._boot, message
            return
        if data["old_status"] == "stopped":
            self._begin(boot)
        assert boot == self._boot and boot is not None, message
        if data["new_status"] == "stopped":
            self._boot = None

    def _begin(self, boot: str | None):
        assert boot is not None and boot not in self._boots
        self._boots.append(boot)
        self._boot = boot

    def _check_place(self, message: Message):
        data = message["data"]
        vm = data.get("vm", {})
        assert vm.get("server_id", data.get("server_id", 1)) == 1
        if message["type"] == "vm_status_changed":
            assert data["vm_name"] == self.guest.name


def uuid_of(message: Message) -> str | None:
    data = message["data"]
    return data["vm"]["uuid"] if "vm" in data else data.get("vm_uuid")


def line(message: Message) -> str:
    """One event as one line."""
    kind, data = message["type"], message["data"]
    if kind == "vm_created":
        return f"created {data['vm']['status']}"
    if kind == "vm_updated":
        return " ".join(["updated", ",".join(sorted(data["changed"]))]).strip()
    if kind == "vm_deleted":
        return f"deleted {data['reason']}"
    return f"{data['old_status']}->{data['new_status']} {data['reason']}"
