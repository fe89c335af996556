# SPDX-License-Identifier: Apache-2.0
"""What a client knows that applies events to a snapshot, beside what libvirt knows."""

import libvirt

from .client import Message

STATUS = {libvirt.VIR_DOMAIN_RUNNING: "running", libvirt.VIR_DOMAIN_PAUSED: "paused",
          libvirt.VIR_DOMAIN_SHUTOFF: "stopped", libvirt.VIR_DOMAIN_CRASHED: "crashed"}


def state_of(snapshots: list[Message]) -> dict[str, dict]:
    """VMs of the parts of a snapshot by UUID; metrics are no part of the ordered state."""
    return {vm["uuid"]: {k: v for k, v in vm.items() if k != "metrics"}
            for part in snapshots for vm in part["data"]["vms"]}


def replay(first: list[Message], events: list[Message]) -> dict[str, dict]:
    """What a client knows that applies every event to its first snapshot."""
    state = state_of(first)
    for message in events:
        kind, data = message["type"], message["data"]
        if kind in ("vm_created", "vm_updated"):
            vm = data["vm"]
            assert (vm["uuid"] in state) == (kind == "vm_updated")
            state[vm["uuid"]] = {k: v for k, v in vm.items() if k != "metrics"}
        elif kind == "vm_deleted":
            del state[data["vm_uuid"]]
        elif kind == "vm_status_changed":
            vm = state[data["vm_uuid"]]
            assert vm["status"] == data["old_status"]
            stopped = data["new_status"] == "stopped"
            vm.update(status=data["new_status"], reason=data["reason"],
                      boot_id=None if stopped else data["boot_id"])
    return state


def brief(state: dict[str, dict]) -> dict[str, tuple]:
    return {uuid: (vm["name"], vm["status"], vm["persistent"], vm["boot_id"] is not None)
            for uuid, vm in state.items()}


def known_to_libvirt(connection: libvirt.virConnect) -> dict[str, tuple]:
    return {domain.UUIDString(): (domain.name(), STATUS[domain.state()[0]],
                                  bool(domain.isPersistent()), bool(domain.isActive()))
            for domain in connection.listAllDomains()}
