# SPDX-License-Identifier: Apache-2.0
"""What happens to those who are there when a VM is renamed, defined anew, or gets another id:
permissions are looked at when something is delivered, not only when it was asked for."""

import libvirt
import pytest

from lab.agent import Agent
from lab.guests import METADATA_NAMESPACE, Guest
from lab.tokens import token_for
from lab.wait import wait_until

MINE = 801


@pytest.fixture(scope="module")
def agent(module_agents) -> Agent:
    return module_agents(config={"auth": {"anonymous": False}})


def known(agent: Agent, guest: Guest):
    witness = token_for(agent, "w", role="viewer")
    wait_until(lambda: agent.get(f"/api/v1/vms/{guest.spec.uuid}", witness)[0] == 200,
               what="it is known")



def ended(client) -> tuple[int, str]:
    reason = client.expect("goodbye")["data"]["reason"]
    return client.wait_closed()[0], reason


def set_id(guest: Guest, vm_id: int):
    guest.domain.setMetadata(
        libvirt.VIR_DOMAIN_METADATA_ELEMENT, f'<vm id="{vm_id}"/>', "rollo", METADATA_NAMESPACE,
        libvirt.VIR_DOMAIN_AFFECT_CONFIG | libvirt.VIR_DOMAIN_AFFECT_LIVE)


@pytest.mark.short
def test_an_id_that_leaves_the_metadata_ends_all_that_it_opened(agent, guests, connect, watch):
    guest = guests("mine", vm_id=MINE).define()
    guest.start()
    known(agent, guest)
    scoped = token_for(agent, "s", role="operator", vms=[MINE])
    general = connect(agent, "/ws?events=*", token=scoped)
    own = connect(agent, f"/ws/vm/{MINE}", token=scoped)
    for client in (general, own):
        client.expect("snapshot")
    console = watch(agent, "mine", token=scoped)
    console.wait_status("connected")
    set_id(guest, 803)
    for client in (general, own):
        gone = client.expect("vm_deleted")["data"]
        assert (gone["vm_id"], gone["reason"]) == (MINE, "renumbered")
    assert ended(console) == (4003, "permission_denied")
    for name in (MINE, 803, "mine", guest.spec.uuid):
        assert agent.get(f"/api/v1/vms/{name}", scoped)[0] == 404
    assert agent.get("/api/v1/vms", scoped)[1] == {"vms": []}
    guest.domain.destroy()  # and nothing more is heard of it
    witness = token_for(agent, "w", role="viewer")
    wait_until(lambda: agent.get("/api/v1/vms/803", witness)[1]["status"] == "stopped")
    general.send({"type": "ping"})
    general.expect("pong")
    assert not general.messages("vm_created", "vm_status_changed")


def test_an_id_that_comes_into_the_metadata_grants_at_once(agent, guests, connect):
    guest = guests("hidden", vm_id=802).define()
    guest.start()
    known(agent, guest)
    scoped = token_for(agent, "s", role="operator", vms=[803])
    client = connect(agent, "/ws?events=*", token=scoped)
    assert client.expect("snapshot")["data"]["vms"] == []
    set_id(guest, 803)
    wait_until(lambda: agent.get("/api/v1/vms/803", scoped)[0] == 200, what="it is seen")
    guest.domain.destroy()
    client.expect("vm_status_changed", lambda m: m["data"]["vm_id"] == 803)


def test_a_rename_ends_what_the_name_opened_at_once(agent, guests, connect, watch):
    guest = guests("named", vm_id=811).define()  # libvirt renames only what does not run
    scoped = token_for(agent, "s", role="operator", vms=["named"])
    wait_until(lambda: agent.get("/api/v1/vms/named", scoped)[0] == 200)
    client = connect(agent, "/ws/vm/811", token=scoped)
    client.expect("snapshot")
    console = watch(agent, "named", token=scoped)
    console.wait_status("waiting_for_vm")
    guest.domain.rename("other")
    assert client.expect("vm_deleted")["data"]["reason"] == "access_ended"
    assert ended(console) == (4003, "permission_denied")
    for name in (811, "named", "other", guest.spec.uuid):
        assert agent.get(f"/api/v1/vms/{name}", scoped)[0] == 404
        assert agent.get(f"/api/v1/vms/{name}/console", scoped)[0] == 404
    assert "other" not in str(client.received)


def test_another_vm_under_the_same_name_is_another_vm(agent, guests, connect, watch):
    """A token that names the UUID does not get it; one that names the name does, as it says."""
    first = guests("again", vm_id=821).define()
    by_uuid = token_for(agent, "u", role="operator", vms=[first.spec.uuid])
    by_name = token_for(agent, "n", role="operator", vms=["again"])
    wait_until(lambda: agent.get("/api/v1/vms/again", by_uuid)[0] == 200)
    client = connect(agent, "/ws?events=*", token=by_uuid)
    client.expect("snapshot")
    console = watch(agent, "again", token=by_name)
    console.wait_status("waiting_for_vm")
    first.domain.undefine()
    client.expect("vm_deleted")
    second = guests("again", vm_id=822).define()
    wait_until(lambda: agent.get("/api/v1/vms/again", by_name)[0] == 200, what="it is known")
    assert agent.get("/api/v1/vms/again", by_name)[1]["uuid"] == second.spec.uuid
    assert agent.get("/api/v1/vms/again", by_uuid)[0] == 404
    assert agent.get("/api/v1/vms", by_uuid)[1] == {"vms": []}
    second.start()
    second.wait_booted()
    wait_until(lambda: agent.get("/api/v1/vms/again", by_name)[1]["status"] == "running")
    client.send({"type": "ping"})
    client.expect("pong")
    assert second.spec.uuid not in str(client.received)
    # The console was that of the first, whatever the name says now.
    assert console.status["status"] == "waiting_for_vm" and not console.output
