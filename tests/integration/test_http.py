# SPDX-License-Identifier: Apache-2.0
"""HTTP beside the WebSockets."""

import errno
import http.client
import json
import socket

import pytest
from jsonschema import Draft202012Validator, RefResolver

from lab.schema import documents
from lab.tokens import token_for
from lab.wait import wait_until

JSON = "application/json"


@pytest.fixture
def known(guests, module_agent):
    guest = guests("on-http", vm_id=951).define()
    wait_until(lambda: module_agent.get("/api/v1/vms/951")[0] == 200, what="it is known")
    return guest


def request(agent, method: str, path: str, headers=None) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", agent.port, timeout=5)
    connection.request(method, path, headers=headers or {})
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, {k.lower(): v for k, v in answer.getheaders()}, body


def check(value: object, definition: str):
    """`value` against one of the schema's shared definitions."""
    path, document = next((u, d) for u, d in documents().items() if "definitions.json" in u)
    schema = {"$ref": f"{path}#/$defs/{definition}"}
    errors = list(Draft202012Validator(schema, resolver=RefResolver(
        path, document, store=dict(documents()))).iter_errors(value))
    assert not errors, errors[0].message


@pytest.mark.short
def test_health_and_readiness(module_agent):
    for path in ("/healthz", "/readyz"):
        status, headers, body = request(module_agent, "GET", path)
        assert (status, headers["content-type"]) == (200, JSON) and json.loads(body)


@pytest.mark.short
def test_the_server(module_agent, session_lab):
    wait_until(lambda: module_agent.get("/api/v1/server")[1]["metrics"], what="a sample")
    status, server = module_agent.get("/api/v1/server")
    assert status == 200 and server["id"] == 1 and server["status"] == "online"
    assert server["uuid"] == session_lab.host_uuid
    assert server["libvirt"]["connected"] and server["libvirt"]["uri"] == session_lab.uri
    check(server, "snapshot_server")


@pytest.mark.short
def test_vms_by_id_uuid_and_name(module_agent, known):
    listed = module_agent.get("/api/v1/vms")[1]["vms"]
    assert [vm["name"] for vm in listed] == ["on-http"]
    for name in ("951", known.spec.uuid, known.spec.uuid.upper(), "on-http"):
        assert module_agent.get(f"/api/v1/vms/{name}") == (200, listed[0])
    check(listed[0], "snapshot_vm")
    assert listed[0]["metrics"] is None and listed[0]["boot_id"] is None


def test_a_name_with_signs_that_an_address_encodes(module_agent, guests):
    guest = guests("näme with % and ?").define()
    wait_until(lambda: module_agent.get(f"/api/v1/vms/{guest.spec.uuid}")[0] == 200)
    path = "/api/v1/vms/n%C3%A4me%20with%20%25%20and%20%3F"
    assert module_agent.get(path)[1]["uuid"] == guest.spec.uuid


@pytest.mark.parametrize("path", ["/api/v1/vms/952", "/api/v1/vms/nobody",
                                  "/api/v1/vms/951/histories", "/api/v1/vms/952/history",
                                  "/api/v1/vms/", "/api/v1", "/api", "/nothing", "/metric", "/ws/",
                                  "/wss", "/ws/console/", "/ws/stats/",
                                  "/api/v1/vms/951/console/", "/api/v1/vms/951/consoles",
                                  "/../etc/passwd", "/healthz/"])
def test_what_is_not_there_is_404(module_agent, known, path):
    assert known
    status, headers, body = request(module_agent, "GET", path)
    assert (status, headers["content-type"]) == (404, JSON)
    assert json.loads(body)["code"] == "not_found" and path.encode() not in body


@pytest.mark.parametrize("path", ["/ws", "/ws/monitor", "/ws/vm/951", "/ws/server/self",
                                  "/ws/console/951", "/ws/stats"])
def test_a_websocket_endpoint_without_an_upgrade_is_400(module_agent, path):
    status, _, body = request(module_agent, "GET", path)
    assert status == 400 and set(json.loads(body)) == {"code", "message"}


@pytest.mark.parametrize("path", ["/ws/console/", "/ws/stats/", "/nothing", "/ws/vm/", "/"])
def test_an_upgrade_where_there_is_none(module_agent, path):
    status, _, body = request(module_agent, "GET", path, {
        "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="})
    assert status == 404 and json.loads(body)["code"] == "not_found"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
@pytest.mark.parametrize("path", ["/healthz", "/api/v1/vms", "/api/v1/server"])
def test_other_methods_are_405(module_agent, method, path):
    status, headers, _ = request(module_agent, method, path)
    assert status == 405 and "GET" in headers["allow"]


@pytest.mark.parametrize("path", ["/healthz", "/api/v1/vms", "/api/v1/vms/nobody", "/nothing"])
def test_head_is_get_without_the_body(module_agent, path):
    get_status, get_headers, body = request(module_agent, "GET", path)
    status, headers, nothing = request(module_agent, "HEAD", path)
    assert (status, headers) == (get_status, get_headers)
    assert nothing == b"" and int(headers["content-length"]) == len(body)


@pytest.mark.short
def test_401_and_403(agents, guests):
    guests("guarded").define()
    agent = agents(config={"auth": {"anonymous": False}})
    for path in ("/api/v1/server", "/api/v1/vms", "/api/v1/vms/guarded", "/api/v1/vms/nobody"):
        for bearer in (None, "bad"):
            status, headers, body = request(agent, "GET", path, {
                "Authorization": f"Bearer {bearer}"} if bearer else {})
            assert status == 401 and headers["www-authenticate"].startswith("Bearer")
            assert set(json.loads(body)) == {"code", "message"}
        status, body = agent.get(path, token_for(agent, permissions=["stats:view"]))
        assert status == 403 and set(body) == {"code", "message"}
    assert agent.get("/api/v1/vms/guarded", token_for(agent, role="viewer"))[0] == 200


def test_requests_on_one_connection(module_agent):
    connection = http.client.HTTPConnection("127.0.0.1", module_agent.port, timeout=5)
    for path, expected in (("/healthz", 200), ("/nothing", 404), ("/api/v1/vms", 200)) * 3:
        connection.request("GET", path)
        answer = connection.getresponse()
        assert answer.status == expected and answer.read()
    connection.close()


@pytest.mark.short
@pytest.mark.parametrize("garbage", [
    b"\0" * 100, b"\xff\xfe\xfd\r\n\r\n", b"GET\r\n\r\n", b"GET /healthz\r\n\r\n",
    b"GET / HTTP/9.9\r\n\r\n", b"BREW / HTTP/1.1\r\n\r\n", b"\r\n\r\n\r\n",
    b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 2000 + b"\r\n",
    b"GET /" + b"a" * 20000 + b" HTTP/1.1\r\n\r\n",
    b"GET /%zz%00%ff HTTP/1.1\r\nHost: x\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
], ids=range(11))
def test_garbage_disturbs_nobody(module_agent, garbage):
    with socket.create_connection(("127.0.0.1", module_agent.port), 5) as stranger:
        try:
            stranger.sendall(garbage)
            stranger.shutdown(socket.SHUT_WR)
            while stranger.recv(65536):
                pass
        except OSError as error:  # it may hang up in the middle
            assert error.errno in (errno.ECONNRESET, errno.EPIPE, errno.ENOTCONN)
    assert module_agent.get("/healthz")[0] == 200
