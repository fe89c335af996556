# SPDX-License-Identifier: Apache-2.0
"""The state of consoles, and what they printed, by HTTP."""

import http.client

import pytest

from lab import guests as commands
from lab.agent import Agent
from lab.guests import Guest
from lab.numbered import BANNER
from lab.tokens import token_for
from lab.virsh_console import VirshConsole
from lab.wait import wait_until

SCROLLBACK, BOOT = 65536, 16384


@pytest.fixture(scope="module")
def agent(module_agents):
    return module_agents(config={"console": {"scrollback_bytes": SCROLLBACK, "boot_bytes": BOOT}})


def consoles(agent: Agent, vm: Guest | str, **claims) -> tuple[int, dict]:
    name = vm.spec.uuid if isinstance(vm, Guest) else vm
    return agent.get(f"/api/v1/vms/{name}/console",
                     token_for(agent, **(claims or {"role": "operator"})))


def fetch(agent: Agent, path: str, token: str | None) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", agent.port, timeout=10)
    connection.request("GET", path, headers={"Authorization": f"Bearer {token}"} if token else {})
    answer = connection.getresponse()
    headers = {name.lower(): value for name, value in answer.getheaders()}
    body = answer.read()
    connection.close()
    return answer.status, headers, body


def log(agent: Agent, guest: Guest, query: str = "") -> bytes:
    status, headers, body = fetch(agent, f"/api/v1/vms/{guest.spec.uuid}/console/log{query}",
                                  token_for(agent, role="operator"))
    assert status == 200, body
    assert headers["content-type"] == "application/octet-stream"
    assert headers["content-disposition"].startswith("attachment")
    assert headers.get("x-content-type-options") == "nosniff"
    return body


def test_the_state_of_the_consoles_of_a_guest(agent, guests, watch):
    guest = guests("state", control="pty", log_console=True).define()
    viewer = watch(agent, guest, "ann")
    viewer.wait_status("waiting_for_vm")
    status, body = consoles(agent, guest)
    assert status == 200 and [c["device"] for c in body["consoles"]] == ["serial0", "serial1"]
    assert body["consoles"][0]["status"] == "waiting_for_vm"
    guest.start()
    viewer.wait_output(BANNER)
    viewer.type("abc")
    viewer.wait_output("abc")
    reader = watch(agent, guest, "bob", mode="ro")
    reader.wait_status("connected", viewers=2)
    first, second = consoles(agent, guest)[1]["consoles"]
    expected = {"kind": "serial", "backend": "pty", "openable": True, "status": "connected",
                "boot_id": viewer.status["boot_id"], "writer_user": "ann", "start_offset": 0,
                "next_offset": len(BANNER) + 3, "kept_bytes": len(BANNER) + 3}
    assert {name: first[name] for name in expected} == expected
    assert second["viewers"] == [] and second["writer_user"] is None
    seen = {v["user"]: v for v in first["viewers"]}
    assert set(seen) == {"ann", "bob"}
    assert (seen["ann"]["writer"], seen["bob"]["writer"]) == (True, False)
    assert (seen["ann"]["mode"], seen["bob"]["mode"]) == ("rw", "ro")
    assert all("127.0.0.1" in v["address"] for v in seen.values())
    connection = viewer.messages("connection_status")[0]["data"]["connection_id"]
    assert seen["ann"]["connection_id"] == connection


def test_a_device_that_cannot_be_opened_or_that_others_have(agent, guests, watch):
    guest = guests("unix").create()
    viewer = watch(agent, guest)
    viewer.wait_status("connected")
    first, second = consoles(agent, guest)[1]["consoles"]
    assert first["openable"] and not second["openable"] and second["backend"] == "unix"
    held = guests("held").create()
    held.wait_booted()
    with VirshConsole(held) as virsh:
        virsh.answers()
        other = watch(agent, held)
        other.wait_status("in_use")
        assert consoles(agent, held)[1]["consoles"][0]["status"] == "in_use"


def test_who_may_ask(agent, guests, watch):
    guest = guests("asked", vm_id=77).create()
    watch(agent, guest).wait_status("connected")
    for name in (guest.spec.uuid, guest.name, "77"):
        assert consoles(agent, name)[0] == 200
    nobody = consoles(agent, "00000000-0000-4000-8000-000000000000")
    assert nobody[0] == 404
    for path in ("console", "console/log"):
        address = f"/api/v1/vms/{guest.spec.uuid}/{path}"
        assert agent.get(address)[0] in (401, 403)
        assert agent.get(address, token_for(agent, role="viewer"))[0] == 403
        assert agent.get(address, token_for(agent, role="operator", vms=["another"])) == nobody
        assert agent.get(address, "nonsense")[0] == 401


def test_the_log(agent, guests, watch):
    guest = guests("logged").create()
    guest.wait_booted()
    viewer = watch(agent, guest)
    viewer.wait_status("connected")
    viewer.type(b"abc\0\xff\x80xyz")
    viewer.wait_output(b"xyz")
    offset = viewer.transcript.offset
    assert log(agent, guest).endswith(b"abc\0\xff\x80xyz")
    assert log(agent, guest, "?tail=5") == b"\xff\x80xyz"
    assert log(agent, guest, f"?from={offset - 3}") == b"xyz"
    assert log(agent, guest, "?tail=0") == b"" == log(agent, guest, f"?from={offset}")
    assert log(agent, guest, "?device=serial0&tail=1") == b"z"


def test_gaps_are_lines_in_the_log(agent, guests, watch):
    guest = guests("gaps", code="flood").create()
    viewer = watch(agent, guest)
    viewer.wait_bytes(3 * SCROLLBACK, 30)
    guest.send(commands.IDLE)
    viewer.type("~")
    viewer.wait_output("~")
    late = watch(agent, guest)
    late.wait_replayed()
    *_, gap = late.transcript.gaps
    text = log(agent, guest)
    told = f"[rollo: {gap.end - gap.begin} bytes are missing here]".encode()
    lines = text.splitlines()
    assert lines.count(told) == 1, lines[:5]
    assert text.endswith(late.transcript.between(gap.end, late.transcript.offset))


@pytest.mark.parametrize("query, status", [
    ("?tail=-1", 400), ("?tail=x", 400), ("?from=-1", 400), ("?tail=1&from=1", 400),
    ("?device=serial9", 404), ("?device=", 400)])
def test_questions_without_an_answer(agent, guests, watch, query, status):
    guest = guests("questions").create()
    watch(agent, guest).wait_status("connected")
    answer = fetch(agent, f"/api/v1/vms/{guest.spec.uuid}/console/log{query}",
                   token_for(agent, role="operator"))
    assert answer[0] == status


def test_asking_opens_nothing(agent, guests):
    """Only who watches does."""
    guest = guests("unwatched").create()
    guest.wait_booted()
    wait_until(lambda: consoles(agent, guest)[0] == 200, what="the agent knows it")
    log(agent, guest)
    with VirshConsole(guest) as virsh:
        virsh.answers()
