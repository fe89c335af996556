# SPDX-License-Identifier: Apache-2.0
"""Who may open a console, and what happens when that changes while it is open."""

import pytest

from lab.console import Console, console_path
from lab.raw_websocket import CLOSE, TEXT, RawWebSocket
from lab.tokens import token_for

RIGHTS = ["console:read", "console:write", "vm:view"]


@pytest.fixture(scope="module")
def agent(module_agents):
    return module_agents(config={"auth": {"leeway_seconds": 0}})


@pytest.fixture
def guest(guests):
    made = guests("guarded", vm_id=4711).create()
    made.wait_booted()
    return made


def closed(viewer: Console) -> tuple[int, str]:
    reason = viewer.expect("goodbye", seconds=40)["data"]["reason"]
    return viewer.wait_closed()[0], reason


@pytest.mark.parametrize("options", [{"token": ""}, {"role": "viewer"}, {"role": None}, {
    "role": None, "claims": {"permissions": ["vm:view", "console:write"]}}],
    ids=["anonymous", "viewer", "no role", "write alone"])
def test_who_may_not(agent, guest, watch, options):
    assert closed(watch(agent, guest, **options)) == (4003, "permission_denied")


def test_bad_tokens(agent, guest, watch):
    assert closed(watch(agent, guest, token="nonsense")) == (4001, "token_invalid")


@pytest.mark.parametrize("named", ["uuid", "name", "id"])
def test_a_guest_is_named_by_uuid_name_or_id(agent, guest, watch, named):
    watch(agent, guest).wait_status("connected")
    name = {"uuid": guest.spec.uuid, "name": guest.name, "id": 4711}[named]
    viewer = watch(agent, name)
    viewer.wait_status("connected", vm_id=4711)
    viewer.type("abc")
    viewer.wait_output("abc")


def test_a_token_as_the_first_message(agent, guest, watch):
    watch(agent, guest).wait_status("connected")
    viewer = watch(agent, guest, token="", auth="message")
    viewer.send({"type": "auth", "data": {"token": token_for(agent, "late", role="operator")}})
    viewer.wait_status("connected", viewers=2)
    viewer.type("abc")
    viewer.wait_output("abc")
    assert viewer.status["writer_user"] == "late"


def refusal(agent, path: str, token: str) -> list[tuple[int, bytes]]:
    """All frames up to the close, without what differs for everybody."""
    told = []
    with RawWebSocket(agent.port, path, headers=f"Authorization: Bearer {token}\r\n") as client:
        while not told or told[-1][0] != CLOSE:
            told.append(client.receive())
    return [(kind, data) for kind, data in told if b"connection_status" not in data]


def test_an_invisible_guest_is_told_from_none_by_nothing(agent, guest, watch):
    watch(agent, guest).wait_status("connected")
    token = token_for(agent, "narrow", role="operator", vms=["another-guest"])
    nobody = "00000000-0000-4000-8000-000000000000"
    answers = [refusal(agent, console_path(vm), token)
               for vm in (guest, guest.name, 4711, nobody, "no-such-guest", 99, "x" * 300)]
    kinds = [[(kind, len(data)) for kind, data in answer] for answer in answers]
    assert all(each == kinds[0] for each in kinds), kinds
    for answer in answers:
        kind, data = answer[-1]
        assert kind == CLOSE and data == answers[0][-1][1] and data[:2] == (4004).to_bytes(2, "big")
        assert any(b'"not_found"' in data for kind, data in answer if kind == TEXT)


def test_the_permission_comes_before_the_question_whether_there_is_one(agent, watch):
    assert closed(watch(agent, "no-such-guest", role="viewer")) == (4003, "permission_denied")
    assert closed(watch(agent, "no-such-guest")) == (4004, "not_found")


# --- tokens that change ---------------------------------------------------------------------------


def renew(viewer: Console, token: str):
    viewer.send({"type": "auth", "data": {"token": token}})


def test_a_renewed_token_that_may_not_write_any_more_gives_the_lease_up(agent, guest, watch):
    ann, bob = watch(agent, guest, "ann", tail=0), watch(agent, guest, "bob", tail=0)
    ann.wait_status("connected")
    ann.type("a")
    ann.wait_status("connected", writer=True)
    ann.wait_output("a")
    renew(ann, token_for(agent, "ann", permissions=["console:read", "vm:view"]))
    ann.wait_status("connected", writer=False, writer_user=None)
    bob.wait_status("connected", writer=False, writer_user=None)
    ann.type("x")
    ann.wait_error("permission_denied")
    bob.type("b")
    ann.wait_output("b")
    renew(ann, token_for(agent, "ann", permissions=RIGHTS))
    bob.release()
    bob.wait_status("connected", writer_user=None)
    ann.type("c")
    ann.wait_status("connected", writer=True)


def test_a_renewed_token_that_may_not_read_any_more_ends_it(agent, guest, watch):
    ann, bob = watch(agent, guest, "ann"), watch(agent, guest, "bob")
    ann.wait_status("connected")
    ann.type("a")
    ann.wait_status("connected", writer=True)
    renew(ann, token_for(agent, "ann", role="viewer"))
    assert closed(ann) == (4003, "permission_denied")
    bob.wait_status("connected", writer_user=None, viewers=1)


def test_a_renewed_token_that_does_not_see_the_guest_any_more_ends_it(agent, guest, watch):
    ann = watch(agent, guest, "ann")
    ann.wait_status("connected")
    renew(ann, token_for(agent, "ann", role="operator", vms=["another-guest"]))
    assert closed(ann)[0] == 4003


def test_somebody_elses_token(agent, guest, watch):
    ann = watch(agent, guest, "ann")
    ann.wait_status("connected")
    ann.type("a")
    ann.wait_status("connected", writer=True)
    renew(ann, token_for(agent, "bob", role="operator"))
    ann.wait_error("identity_mismatch")
    assert ann.status["writer_user"] == "ann"


def test_a_token_that_expires_ends_it_and_frees_the_lease(agent, guest, watch):
    ann = watch(agent, guest, "ann", token=token_for(agent, "ann", 3, role="operator"))
    bob = watch(agent, guest, "bob")
    ann.wait_status("connected")
    ann.type("a")
    ann.wait_status("connected", writer=True)
    ann.expect("token_expiring")
    assert closed(ann) == (4001, "token_expired")  # 25 s after
    bob.wait_status("connected", writer_user=None, viewers=1)
    bob.type("b")
    bob.wait_status("connected", writer=True)


# --- switched off ---------------------------------------------------------------------------------


def test_where_consoles_are_not_enabled(agents, guest, watch):
    agent = agents(config={"console": {"enabled": False}})
    for role in ("admin", "operator"):
        assert closed(watch(agent, guest, role=role)) == (4003, "consoles_disabled")
    assert agent.get(f"/api/v1/vms/{guest.spec.uuid}/console",
                     token_for(agent, role="admin"))[0] in (403, 404)
