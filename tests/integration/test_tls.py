# SPDX-License-Identifier: Apache-2.0
"""The listener with TLS: what it agrees to, that nothing is lost over it, and certificates that
change under it."""

import http.client
import json
import os
import socket
import ssl
import subprocess

import libvirt
import pytest
import websockets

from lab.agent import Agent, agent_binary, free_port, run_agent
from lab.certificates import Pair, make_pair, served
from lab.client import Client
from lab.raw_websocket import TEXT, RawWebSocket
from lab.strangers import counter, dial, keeps_its_latency, read_to_end, refused
from lab.wait import wait_until


@pytest.fixture(scope="module")
def pair(tmp_path_factory) -> Pair:
    return make_pair(tmp_path_factory.mktemp("pair"), "first")


class Secured:
    """An agent with a listener for TLS beside the plain one; its certificate files are copies."""

    def __init__(self, agents, pair: Pair, directory, **server):
        self.pair = Pair(directory / "served.crt", directory / "served.key")
        pair.put(self.pair)
        self.port = free_port()
        self.agent: Agent = agents(start=False, config={
            "server": server, "metrics": {"public": True, "interval_seconds": 1},
            "tls": {"certificate_file": str(self.pair.certificate),
                    "key_file": str(self.pair.key)}})
        self.agent.config["server"]["listen"].append(f"tls:127.0.0.1:{self.port}")
        self.agent.start()
        self.url = f"wss://localhost:{self.port}"


@pytest.fixture
def secured(agents, pair, tmp_path):
    def make(**server) -> Secured:
        return Secured(agents, pair, tmp_path, **server)

    return make


@pytest.fixture
def dial_in(session_loop):
    """Opens WebSockets by TLS: `dial_in(secured, "/ws", pair)`."""
    opened = []

    def make(target: Secured, path: str = "/ws/monitor", trust: Pair | None = None,
             **options) -> Client:
        client = Client(session_loop, target.url + path,
                        ssl=(trust or target.pair).trusted(), **options)
        opened.append(client)
        return client.connect()

    yield make
    for client in opened:
        client.close()
    for client in opened:
        client.check()


def get(target: Secured, path: str, trust: Pair | None = None, **headers) -> tuple[int, bytes]:
    connection = http.client.HTTPSConnection("localhost", target.port, timeout=20,
                                             context=(trust or target.pair).trusted())
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, body


# --- what it agrees to ----------------------------------------------------------------------------


@pytest.mark.short
def test_http_and_websockets_by_tls(secured, dial_in):
    target = secured()
    assert get(target, "/healthz") == (200, b'{"status":"ok"}')
    client = dial_in(target)
    assert client.expect("connection_status")
    client.send({"type": "ping"})
    assert client.expect("pong")
    assert f"listening on tls:127.0.0.1:{target.port}" in target.agent.log()


@pytest.mark.short
def test_versions_and_protocols(secured, pair):
    target = secured()

    def agreed(**options) -> tuple[str | None, str | None]:
        context = pair.trusted()
        context.set_alpn_protocols(options.pop("alpn", []))
        for name, value in options.items():
            setattr(context, name, value)
        with dial_at(target.port) as plain:
            with context.wrap_socket(plain, server_hostname="localhost") as secure:
                return secure.version(), secure.selected_alpn_protocol()

    assert agreed() == ("TLSv1.3", None)
    assert agreed(maximum_version=ssl.TLSVersion.TLSv1_2) == ("TLSv1.2", None)
    assert agreed(alpn=["h2", "http/1.1"]) == ("TLSv1.3", "http/1.1")
    old = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{target.port}",
                          "-tls1_1", "-cipher", "ALL:@SECLEVEL=0"], stdin=subprocess.DEVNULL,
                         capture_output=True, check=False, text=True)
    assert "alert protocol version" in old.stderr + old.stdout
    for weak in ("AES256-SHA", "ECDHE-ECDSA-AES256-SHA"):
        with pytest.raises((ssl.SSLError, ConnectionError)):
            context = pair.trusted(maximum_version=ssl.TLSVersion.TLSv1_2)
            context.set_ciphers(weak)
            with dial_at(target.port) as plain:
                context.wrap_socket(plain, server_hostname="localhost")


def dial_at(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), 10)


def test_plain_http_is_not_answered_there_nor_tls_elsewhere(secured):
    target = secured()
    with dial_at(target.port) as plain:
        plain.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert b"ok" not in read_to_end(plain)
    with pytest.raises((ssl.SSLError, ConnectionError, TimeoutError)):
        with dial_at(target.agent.port) as plain:
            target.pair.trusted().wrap_socket(plain, server_hostname="localhost")
    assert target.agent.get("/healthz")[0] == 200


def test_a_page_without_tls_is_of_another_origin(secured, dial_in):
    target = secured()
    assert dial_in(target, origin=f"https://localhost:{target.port}").expect("connection_status")
    with pytest.raises(websockets.InvalidStatusCode):
        dial_in(target, origin=f"http://localhost:{target.port}")


# --- nothing is lost ------------------------------------------------------------------------------


@pytest.fixture
def large_inventory(guests):
    """More than kernel and library keep for a connection."""
    for i in range(10):
        guest = guests(f"large-{i}").define()
        guest.domain.setMetadata(libvirt.VIR_DOMAIN_METADATA_TITLE, f"{i}" + "x" * 1_500_000, None,
                                 None, libvirt.VIR_DOMAIN_AFFECT_CONFIG)


def all_known(target: Secured) -> bool:
    return len(json.dumps(target.agent.get("/api/v1/vms")[1])) > 15_000_000


@pytest.mark.short
def test_large_answers_and_snapshots_arrive_whole(secured, dial_in, large_inventory):
    target = secured()
    wait_until(lambda: all_known(target), 20, "all known")
    expected = target.agent.get("/api/v1/vms")[1]["vms"]
    status, body = get(target, "/api/v1/vms")
    assert status == 200 and json.loads(body)["vms"] == expected
    client = dial_in(target, "/ws?events=vm_status_changed")
    parts = client.wait(lambda seen: [m["data"] for m in seen if m["type"] == "snapshot"]
                        if seen and seen[-1]["type"] == "snapshot"
                        and seen[-1]["data"]["part"] == seen[-1]["data"]["parts"] else None, 30)
    assert [part["part"] for part in parts] == list(range(1, len(parts) + 1)) and len(parts) > 5
    titles = sorted(vm["title"] for part in parts for vm in part["vms"])
    assert titles == sorted(vm["title"] for vm in expected)


@pytest.mark.short
def test_a_slow_reader_gets_every_byte(secured, large_inventory):
    """It reads in drops, while the agent's own pieces are cut everywhere."""
    target = secured()
    wait_until(lambda: all_known(target), 20, "all known")
    with RawWebSocket(target.port, "/ws?events=vm_status_changed", receive_buffer=4096,
                      tls=target.pair.trusted(), seconds=30) as slow:
        titles = []
        while True:
            message = json.loads(slow.receive_until(TEXT))
            if message["type"] != "snapshot":
                continue
            titles += [vm["title"] for vm in message["data"]["vms"]]
            if message["data"]["part"] == message["data"]["parts"]:
                break
        assert sorted(titles) == [f"{i}" + "x" * 1_500_000 for i in range(10)]
        slow.send(TEXT, b'{"type":"ping"}')
        assert json.loads(slow.receive_until(TEXT))["type"] == "pong"


@pytest.mark.short
def test_what_a_client_sends_while_much_waits_for_it_is_read_in_the_end(secured, large_inventory):
    """Reading stops while a snapshot waits; what TLS has taken off the socket must not be lost."""
    target = secured()
    wait_until(lambda: all_known(target), 20, "all known")
    with RawWebSocket(target.port, receive_buffer=4096, tls=target.pair.trusted(),
                      seconds=30) as client:
        client.send(TEXT, b'{"type":"subscribe","data":{"events":["vm_status_changed"]}}')
        for size in (10, 20_000, 100, 60_000, 1):
            client.send(TEXT, b'{"type":"ping","data":"' + b"x" * size + b'"}')
        kinds = []
        while kinds.count("pong") < 5:
            kinds.append(json.loads(client.receive_until(TEXT))["type"])
        assert "snapshot" in kinds


@pytest.mark.short
def test_a_client_that_never_reads_is_closed_while_another_gets_everything(secured, dial_in,
                                                                           guests):
    guest = guests("chatty").define()
    target = secured(queue_bytes=262144)
    other = dial_in(target, "/ws?events=vm_status_changed&snapshot=0")
    other.expect("subscription_confirmed")
    with RawWebSocket(target.port, "/ws?events=vm_status_changed&snapshot=0", receive_buffer=4096,
                      tls=target.pair.trusted()):
        with open("/proc/sys/net/ipv4/tcp_wmem", encoding="ascii") as file:
            changes = int(file.read().split()[2]) * 3 // 2 // 100000 + 10
        for i in range(changes):
            title = f"{i} " + "x" * 100000
            guest.domain.setMetadata(libvirt.VIR_DOMAIN_METADATA_TITLE, title, None, None,
                                     libvirt.VIR_DOMAIN_AFFECT_CONFIG)
            other.expect("vm_updated", lambda m, t=title: m["data"]["vm"]["title"] == t)
        wait_until(lambda: "closed with 4013: too_slow" in target.agent.log(), 15, "given up")
    numbers = [m["seq"] for m in other.messages("vm_updated")]
    assert numbers == list(range(numbers[0], numbers[0] + changes))


# --- certificates that change ---------------------------------------------------------------------


@pytest.mark.short
@pytest.mark.parametrize("kind", ["ec", "rsa"])
def test_new_files_are_used_by_themselves_and_old_connections_live_on(secured, dial_in, tmp_path,
                                                                      pair, kind):
    target = secured()
    old = dial_in(target, trust=pair)
    assert served(target.port) == pair.der()
    fresh = make_pair(tmp_path, "fresh", kind)
    fresh.put(target.pair)
    wait_until(lambda: served(target.port) == fresh.der(), 20, "the new certificate is shown")
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        context = fresh.trusted(maximum_version=version)
        with dial_at(target.port) as plain, \
                context.wrap_socket(plain, server_hostname="localhost") as secure:
            assert secure.getpeercert(binary_form=True) == fresh.der()
    assert dial_in(target, trust=fresh).expect("connection_status")
    old.send({"type": "ping"})
    assert old.expect("pong")
    assert "stays as it was" not in target.agent.log()


@pytest.mark.short
def test_a_pair_that_is_not_good_changes_nothing(secured, dial_in, tmp_path, pair):
    target = secured()
    other = make_pair(tmp_path, "other")
    target.pair.key.write_bytes(other.key.read_bytes())
    wait_until(lambda: "the TLS certificate stays as it was" in target.agent.log(), 20, "told")
    assert "this key does not belong to" in target.agent.log()
    assert served(target.port) == pair.der()
    assert dial_in(target, trust=pair).expect("connection_status")
    target.pair.certificate.unlink()
    wait_until(lambda: "No such file" in target.agent.log(), 20, "told")
    assert served(target.port) == pair.der()
    other.put(target.pair)
    wait_until(lambda: served(target.port) == other.der(), 20, "the good pair is used")


def test_a_reload_names_other_files(secured, tmp_path, pair):
    target = secured()
    other = make_pair(tmp_path, "other")
    target.agent.config["tls"] = {"certificate_file": str(other.certificate),
                                  "key_file": str(other.key)}
    target.agent.reload()
    wait_until(lambda: served(target.port) == other.der(), 5, "the other certificate is shown")
    other.key.chmod(0o644)
    target.agent.reload()
    wait_until(lambda: "others may read or write this key" in target.agent.log(), 5, "told")
    assert served(target.port) == other.der()


def test_a_chain_is_sent(secured, tmp_path):
    """The server's own certificate, then the one that signed it."""
    authority = make_pair(tmp_path, "authority")
    leaf = Pair(tmp_path / "leaf.crt", tmp_path / "leaf.key")
    leaf.key.touch(mode=0o600)
    request = tmp_path / "leaf.csr"
    subprocess.run(["openssl", "req", "-new", "-newkey", "rsa:2048", "-nodes", "-keyout", leaf.key,
                    "-out", request, "-subj", "/CN=leaf"], capture_output=True, check=True)
    names = tmp_path / "names"
    names.write_text("subjectAltName=DNS:localhost\n")
    subprocess.run(["openssl", "x509", "-req", "-in", request, "-CA", authority.certificate,
                    "-CAkey", authority.key, "-CAcreateserial", "-extfile", names, "-days", "9",
                    "-out", leaf.certificate], capture_output=True, check=True)
    leaf.certificate.write_text(leaf.certificate.read_text() + authority.certificate.read_text())
    target = secured()
    leaf.put(target.pair)
    wait_until(lambda: served(target.port) == leaf.der(), 20, "it is shown")
    shown = subprocess.run(["openssl", "s_client", "-showcerts", "-connect",
                            f"127.0.0.1:{target.port}"], stdin=subprocess.DEVNULL, text=True,
                           capture_output=True, check=False).stdout
    assert shown.count("BEGIN CERTIFICATE") == 2
    assert get(target, "/healthz", trust=authority)[0] == 200


# --- what cannot be started with ------------------------------------------------------------------


def check_config(agents, *, tls, listen="tls:127.0.0.1:0") -> subprocess.CompletedProcess:
    agent = agents(start=False, config={"tls": tls})
    agent.config["server"]["listen"] = [listen]
    agent.write_config()
    return subprocess.run([agent_binary(), "--config", agent.config_path, "--check-config"],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20,
                          check=False)


def spoil(pair: Pair, how: str, tmp_path):
    if how == "others may read":
        pair.key.chmod(0o644)
    elif how == "does not belong":
        pair.key.write_bytes(make_pair(tmp_path, "other").key.read_bytes())
    elif how == "no certificate in PEM":
        pair.certificate.write_text("nonsense")
    elif how == "no private key in PEM":
        pair.key.write_text("nonsense")
    elif how == "No such file":
        pair.key.unlink()
    elif how == "chain cannot be read":
        pair.certificate.write_text(pair.certificate.read_text()
                                    + "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----")


@pytest.mark.parametrize("how", ["others may read", "does not belong", "no certificate in PEM",
                                 "no private key in PEM", "No such file", "chain cannot be read"])
def test_a_pair_that_cannot_be_used_is_an_error_that_names_the_file(agents, tmp_path, how):
    pair = make_pair(tmp_path, "bad")
    spoil(pair, how, tmp_path)
    checked = check_config(agents, tls={"certificate_file": str(pair.certificate),
                                        "key_file": str(pair.key)})
    assert checked.returncode == 2 and how in checked.stderr
    assert str(tmp_path / "bad.") in checked.stderr


def test_keys_that_are_encrypted_or_weak(agents, tmp_path):
    for pair, what in ((make_pair(tmp_path, "locked", password="secret"), "not encrypted"),
                       (make_pair(tmp_path, "weak", "weak"), "too small")):
        checked = check_config(agents, tls={"certificate_file": str(pair.certificate),
                                            "key_file": str(pair.key)})
        assert checked.returncode == 2 and what in checked.stderr


def test_a_certificate_that_has_ended_is_a_warning(agents, tmp_path):
    pair = make_pair(tmp_path, "ended", ended=True)
    checked = check_config(agents, tls={"certificate_file": str(pair.certificate),
                                        "key_file": str(pair.key)})
    assert checked.returncode == 0 and "it ended at" in checked.stderr


def test_keys_that_need_each_other(agents, pair):
    assert "tls.certificate_file and tls.key_file" in check_config(agents, tls={}).stderr
    half = check_config(agents, tls={"key_file": str(pair.key)}, listen="127.0.0.1:0")
    assert half.returncode == 2 and "need each other" in half.stderr
    assert check_config(agents, tls={}, listen="tls:unix:/run/x").returncode == 2
    idle = check_config(agents, listen="127.0.0.1:0", tls={
        "certificate_file": str(pair.certificate), "key_file": str(pair.key)})
    assert idle.returncode == 0 and "no tls: address" in idle.stderr


@pytest.mark.parametrize("listen", ["0.0.0.0:0", "[::]:0"])
def test_no_tls_beyond_loopback_unless_it_is_said(agents, listen):
    agent = agents(start=False)
    agent.config["server"]["listen"].append(listen)

    def check() -> subprocess.CompletedProcess:
        agent.write_config()
        return run_agent("--config", str(agent.config_path), "--check-config")

    refusal = check()
    assert refusal.returncode == 2
    assert f'server.listen: "{listen}" would be without TLS beyond this host' in refusal.stderr
    assert run_agent("--config", str(agent.config_path)).returncode == 2
    agent.config["server"]["allow_unencrypted"] = True
    allowed = check()
    assert allowed.returncode == 0 and "can read tokens and consoles" in allowed.stderr


# --- handshakes that stop -------------------------------------------------------------------------


@pytest.mark.short
@pytest.mark.parametrize("start", [b"", b"\x16\x03\x01", b"\x16\x03\x01\x01\x00\x01\x00\x00\xfc\x03"],
                         ids=["nothing", "record", "hello"])
def test_a_handshake_that_stops_is_ended_and_counted(secured, start):
    target = secured(request_seconds=1)
    with dial_at(target.port) as stopped:
        stopped.sendall(start)
        assert read_to_end(stopped) == b""
    wait_until(lambda: refused(target.agent, "request_time") == 1, what="it is counted")


def test_stopped_handshakes_hold_up_nobody(secured, dial_in):
    target = secured(request_seconds=60)
    honest = dial_in(target)
    stopped = [dial_at(target.port) for _ in range(300)]
    for peer in stopped:
        peer.sendall(b"\x16\x03\x01\x01\x00\x01\x00\x00\xfc\x03")
    assert dial_in(target).expect("connection_status", seconds=5)

    def knock():
        with dial_at(target.port) as peer:
            peer.sendall(b"\x16\x03\x01\x01\x00")

    keeps_its_latency(honest, knock)
    for peer in stopped:
        peer.close()
    wait_until(lambda: counter(target.agent, "rollo_agent_connections") < 10, what="they are gone")


def test_who_is_over_a_limit_is_hung_up_before_the_handshake(secured):
    target = secured(exempt_networks=[], max_connections_per_address=4,
                     new_connections_per_second=1000)
    with dial(target.agent, "127.0.0.2"):
        pass
    peers = [socket.create_connection(("127.0.0.1", target.port), 5, ("127.0.0.2", 0))
             for _ in range(6)]
    assert read_to_end(peers[-1]) == b""
    wait_until(lambda: refused(target.agent, "connections_per_address") >= 2, what="counted")
    for peer in peers:
        peer.close()
    assert get(target, "/healthz")[0] == 200


def test_descriptors_do_not_leak(secured):
    target = secured()

    def descriptors() -> int:
        return len(os.listdir(f"/proc/{target.agent.pid}/fd"))

    get(target, "/healthz")
    wait_until(lambda: counter(target.agent, "rollo_agent_connections") == 1, what="quiet")
    before = descriptors()
    for _ in range(20):
        with dial_at(target.port) as peer:
            peer.sendall(b"GET / HTTP/1.1\r\n\r\n")
            read_to_end(peer)
        get(target, "/healthz")
    wait_until(lambda: descriptors() <= before, what="all are closed")
