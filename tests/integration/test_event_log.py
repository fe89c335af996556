# SPDX-License-Identifier: Apache-2.0
"""`GET /api/v1/events?since=`: the same as what a WebSocket was told, for who has none."""

import json

from lab.schema import check_message
from lab.tokens import token_for
from lab.wait import wait_until


def since(agent, point: str, token: str | None = None) -> tuple[int, dict]:
    return agent.get(f"/api/v1/events?since={point}", token)


def test_what_came_since_then_is_what_a_websocket_was_told(agent, connect, guests):
    watcher = connect(agent, "/ws?events=*&snapshot=0")
    status = watcher.expect("connection_status")["data"]
    begin = f"{status['epoch']}:{status['seq']}"
    for name in ("first", "second"):
        guests(name).define()
        watcher.expect("vm_created", lambda m, n=name: m["data"]["vm"]["name"] == n)
    told = [m for m in watcher.messages() if "seq" in m]
    answered, answer = since(agent, begin)
    assert answered == 200 and (answer["epoch"], answer["more"]) == (status["epoch"], False)
    assert answer["events"][:len(told)] == told
    for event in answer["events"]:
        check_message(event)
    later = since(agent, f"{status['epoch']}:{told[0]['seq']}")[1]["events"]
    assert later[:len(told) - 1] == told[1:]
    assert since(agent, f"{answer['epoch']}:{answer['seq']}")[1]["events"] == []


def test_only_what_the_caller_may_hear(agent, guests):
    epoch = since(agent, "0000000000000000:0")[1]["epoch"]
    for name in ("mine", "hidden"):
        guests(name).define()
        wait_until(lambda n=name: agent.get(f"/api/v1/vms/{n}")[0] == 200, what="it is known")
    scoped = token_for(agent, "s", role="viewer", vms=["mine"])
    heard = since(agent, f"{epoch}:0", scoped)[1]["events"]
    assert [event["data"]["vm"]["name"] for event in heard
            if event["type"] == "vm_created"] == ["mine"]
    assert "hidden" not in json.dumps(heard)
    assert len(since(agent, f"{epoch}:0")[1]["events"]) > len(heard)
    powerless = token_for(agent, "p", permissions=["stats:view"])
    assert since(agent, f"{epoch}:0", powerless)[0] == 403
    assert since(agent, f"{epoch}:0", "a.b.c")[0] == 401


def test_a_gap_tells_where_to_begin_anew(agent):
    status, answer = since(agent, "0000000000000000:1")
    assert (status, answer["code"]) == (410, "gap")
    assert since(agent, f"{answer['epoch']}:{answer['seq']}")[0] == 200
    agent.restart()
    assert since(agent, f"{answer['epoch']}:{answer['seq']}")[0] == 410
    assert since(agent, "1")[0] == 400
    assert agent.get("/api/v1/events")[0] == 400
