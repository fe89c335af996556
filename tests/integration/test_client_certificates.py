# SPDX-License-Identifier: Apache-2.0
"""Client certificates in place of tokens: who somebody is by one, and who is not; and TLS handshakes
that fail."""

import http.client
import json
import socket
import ssl
import subprocess

import pytest

from lab.agent import Agent, agent_binary, free_port
from lab.certificates import Authority, Pair, make_pair
from lab.strangers import read_to_end, refused
from lab.tokens import token_for
from lab.wait import wait_until

CLIENTS = {"prometheus.example.org": {"role": "admin"},
           "ops@example.org": {"roles": ["viewer", "operator"]},
           "alone": {"permissions": ["vm:view"]},
           "bound.example.org": {"role": "viewer", "vms": ["web", 7]}}


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    return tmp_path_factory.mktemp("certificates")


@pytest.fixture(scope="module")
def pair(directory) -> Pair:
    return make_pair(directory, "server")


@pytest.fixture(scope="module")
def authority(directory) -> Authority:
    return Authority(directory, "authority")


@pytest.fixture(scope="module")
def stranger(directory) -> Authority:
    return Authority(directory, "stranger")


@pytest.fixture(scope="module")
def known(authority) -> Pair:
    return authority.sign("prometheus.example.org")


class Secured:
    """An agent that asks clients for certificates of an authority, and knows CLIENTS."""

    def __init__(self, agents, pair: Pair, authority: Authority, anonymous: bool, **config):
        self.pair = pair
        self.port = free_port()
        self.agent: Agent = agents(start=False, config={
            "agent": {"log_level": "debug"},
            "auth": {"anonymous": anonymous}, "metrics": {"public": True, "interval_seconds": 1},
            "tls": {"certificate_file": str(pair.certificate), "key_file": str(pair.key),
                    "client_ca_file": str(authority.certificate),
                    "clients": {json.dumps(name): table for name, table in CLIENTS.items()}},
            **config})
        self.agent.config["server"]["listen"].append(f"tls:127.0.0.1:{self.port}")
        self.agent.start()
        self.ws_url = f"wss://localhost:{self.port}"

    def context(self, client: Pair | None, **options) -> ssl.SSLContext:
        context = self.pair.trusted(**options)
        if client:
            context.load_cert_chain(client.certificate, client.key)
        return context

    def connection(self, client: Pair | None, source: str = "127.0.0.1",
                   **options) -> http.client.HTTPSConnection:
        return http.client.HTTPSConnection("127.0.0.1", self.port, timeout=20,
                                           source_address=(source, 0),
                                           context=self.context(client, **options))

    def get(self, path: str, client: Pair | None = None, token: str | None = None,
            **options) -> tuple[int, dict | str]:
        connection = self.connection(client, **options)
        try:
            return get(connection, path, token)
        finally:
            connection.close()


def get(connection, path: str, token: str | None = None) -> tuple[int, dict | str]:
    connection.request("GET", path, headers={"Authorization": f"Bearer {token}"} if token else {})
    answer = connection.getresponse()
    body = answer.read().decode()
    return answer.status, json.loads(body) if "json" in answer.getheader("Content-Type") else body


@pytest.fixture
def secured(agents, pair, authority):
    def make(anonymous: bool = False, **config) -> Secured:
        return Secured(agents, pair, authority, anonymous, **config)

    return make


@pytest.fixture
def connect_as(connect):
    """A WebSocket with this certificate: `connect_as(secured, pair, "/ws")`."""

    def make(target: Secured, client: Pair | None, path: str = "/ws/monitor", **options):
        return connect(target, path, ssl=target.context(client), **options)

    return make


# --- who somebody is ------------------------------------------------------------------------------


@pytest.mark.short
def test_a_certificate_stands_for_a_user(secured, connect_as, known):
    target = secured()
    assert target.get("/api/v1/vms", known)[0] == 200
    client = connect_as(target, known)
    told = client.expect("connection_status")["data"]
    assert told["user"] == "prometheus.example.org" and told["role"] == "admin"
    assert "authorities whose certificates clients may show: 1" in target.agent.log()


@pytest.mark.short
def test_who_shows_none_needs_a_token_as_ever(secured, connect_as):
    target = secured()
    assert target.get("/api/v1/vms")[0] == 401
    assert connect_as(target, None).wait_closed()[0] == 4001
    token = token_for(target.agent, "ann", role="viewer")
    assert target.get("/api/v1/vms", token=token)[0] == 200
    assert target.get("/healthz")[0] == 200


@pytest.mark.short
def test_by_dns_name_e_mail_address_or_common_name(secured, connect_as, authority):
    target = secured()

    def identity(name: str, *alternatives: str, subject: str | None = None) -> tuple | None:
        client = connect_as(target, authority.sign(name, *alternatives, subject=subject))
        first = client.wait(lambda seen: seen and seen[0])
        if first["type"] == "goodbye":
            return None
        return first["data"]["user"], first["data"]["role"]

    assert identity("mail", "email:ops@example.org") == ("ops@example.org", "operator")
    assert identity("second", "DNS:unknown", "DNS:alone") == ("alone", None)
    assert identity("named", subject="/CN=alone") == ("alone", None)
    # Where there are other names, the common name is none (RFC 6125 §6.4.4).
    assert identity("other", "DNS:unknown", subject="/CN=alone") is None
    assert identity("two", subject="/CN=alone/CN=else") is None
    assert identity("upper", "DNS:ALONE") is None
    assert identity("uri", "URI:alone", subject="/O=x") is None


@pytest.mark.short
def test_permissions_and_vms_are_those_of_its_row(secured, connect_as, authority, guests):
    for name in ("web", "db"):
        guests(name).define()
    target = secured()
    bound = authority.sign("bound.example.org")
    wait_until(lambda: len(target.get("/api/v1/vms", authority.sign("alone"))[1]["vms"]) == 2,
               what="both are known")
    assert [vm["name"] for vm in target.get("/api/v1/vms", bound)[1]["vms"]] == ["web"]
    assert target.get("/api/v1/server", authority.sign("alone"))[0] == 403
    assert target.get("/api/v1/server", bound)[0] == 403


@pytest.mark.short
def test_one_without_a_row_gives_nothing(secured, authority):
    target = secured()
    assert target.get("/api/v1/vms", authority.sign("unknown"))[0] == 401
    assert "no name that stands in tls.clients" in target.agent.log()
    target.agent.config["auth"]["anonymous"] = True
    target.agent.reload()
    wait_until(lambda: target.get("/api/v1/vms", authority.sign("unknown"))[0] == 200,
               what="it is anonymous")


@pytest.mark.short
def test_a_token_wins_and_stands_alone(secured, known):
    target = secured()
    assert target.get("/metrics", known)[0] == 200
    token = token_for(target.agent, "ann", permissions=["server:view"])
    assert target.get("/api/v1/vms", known, token=token)[0] == 403
    assert target.get("/api/v1/vms", known, token="nonsense")[0] == 401


@pytest.mark.short
def test_the_certificate_of_a_proxy_is_not_its_clients(secured, known):
    target = secured(server={"trusted_proxies": ["127.0.0.9"]})

    def status(source: str) -> int:
        connection = target.connection(known, source=source)
        try:
            return get(connection, "/api/v1/vms")[0]
        finally:
            connection.close()

    assert status("127.0.0.2") == 200
    assert status("127.0.0.9") == 401


# --- who it is not --------------------------------------------------------------------------------


@pytest.mark.short
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("how", ["another authority", "ended", "of a server", "self-signed"])
def test_one_that_is_not_good_fails_the_handshake(secured, authority, stranger, pair, how, version):
    target = secured(anonymous=True)
    client = {"another authority": lambda: stranger.sign("prometheus.example.org"),
              "ended": lambda: authority.sign("prometheus.example.org", ends_in=-5),
              "of a server": lambda: authority.sign("prometheus.example.org", usage="serverAuth"),
              "self-signed": lambda: pair}[how]()
    with pytest.raises((ssl.SSLError, ConnectionError)):
        target.get("/healthz", client, maximum_version=version)
    wait_until(lambda: refused(target.agent, "tls_handshake") == 1, what="it is counted")
    assert "127.0.0.1 was refused: its TLS handshake failed: " in target.agent.log()
    assert "prometheus.example.org" not in target.agent.log().split("runs on")[1]
    assert target.get("/healthz")[0] == 200


def test_it_ends_when_its_certificate_does(secured, connect_as, authority):
    target = secured()
    soon = authority.sign("prometheus.example.org", ends_in=8)
    client = connect_as(target, soon)
    assert client.expect("token_expiring")
    kept = target.connection(soon)
    assert get(kept, "/api/v1/vms")[0] == 200

    def has_ended() -> bool:
        return get(kept, "/api/v1/vms")[0] == 401

    wait_until(has_ended, 60, "its requests are nobody's", step=0.5)
    assert client.wait_closed(60)[0] == 4001
    kept.close()


@pytest.mark.short
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_no_session_is_resumed(secured, known, version):
    """So that nobody keeps what a new handshake would not give."""
    target = secured()
    context = target.context(known, maximum_version=version)
    session = None
    for _ in range(3):
        with socket.create_connection(("127.0.0.1", target.port), 10) as plain, \
                context.wrap_socket(plain, server_hostname="localhost", session=session) as secure:
            assert not secure.session_reused
            secure.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert secure.recv(1000).startswith(b"HTTP/1.1 200")
            session = secure.session


def test_a_reload_takes_authorities_and_rows_away_from_open_connections_too(secured, known, authority,
                                                                           stranger):
    target = secured()
    kept = target.connection(known)
    assert get(kept, "/api/v1/vms")[0] == 200
    target.agent.config["tls"]["client_ca_file"] = str(stranger.certificate)
    target.agent.reload()
    wait_until(lambda: get(kept, "/api/v1/vms")[0] == 401, what="it is nobody's any more")
    with pytest.raises((ssl.SSLError, ConnectionError)):
        target.get("/healthz", known)
    other = stranger.sign("prometheus.example.org")
    assert target.get("/api/v1/vms", other)[0] == 200
    del target.agent.config["tls"]["clients"]['"prometheus.example.org"']
    target.agent.reload()
    wait_until(lambda: target.get("/api/v1/vms", other)[0] == 401, what="it has no row")
    assert 'tls.clients.\\"prometheus.example.org\\".role: \\"admin\\" -> not set' \
        in json.dumps(target.agent.log())


def test_authorities_that_cannot_be_read_change_nothing(secured, known, tmp_path):
    target = secured()
    broken = tmp_path / "broken.pem"
    broken.write_text("nonsense")
    target.agent.config["tls"]["client_ca_file"] = str(broken)
    target.agent.reload()
    wait_until(lambda: "the configuration stays as it was" in target.agent.log(),
               what="told")
    assert "broken.pem: holds no certificate in PEM" in target.agent.log()
    assert target.get("/api/v1/vms", known)[0] == 200


# --- files that change ----------------------------------------------------------------------------


@pytest.mark.short
def test_the_deny_list_ends_who_came_by_a_certificate(secured, connect_as, known, tmp_path):
    denied = tmp_path / "denied"
    denied.write_text("")
    target = secured(auth={"anonymous": False, "deny_file": str(denied)})
    client = connect_as(target, known)
    assert client.expect("connection_status")
    denied.write_text("sub prometheus.example.org\n")
    assert client.wait_closed(20) == (4001, "access_revoked")
    assert target.get("/api/v1/vms", known)[0] == 401
    assert connect_as(target, known).wait_closed() == (4001, "access_revoked")


def test_authorities_are_read_again_when_their_file_changes(agents, pair, authority, stranger, known,
                                                            tmp_path):
    copy = tmp_path / "authorities.pem"
    copy.write_text(authority.certificate.read_text())
    target = Secured(agents, pair, authority, False)
    target.agent.config["tls"]["client_ca_file"] = str(copy)
    target.agent.restart()
    assert target.get("/api/v1/vms", known)[0] == 200
    copy.write_text(stranger.certificate.read_text())
    other = stranger.sign("prometheus.example.org")

    def is_known() -> bool:
        try:
            return target.get("/api/v1/vms", other)[0] == 200
        except (ssl.SSLError, ConnectionError):
            return False

    wait_until(is_known, 20, "the other authority is known")


# --- handshakes that fail -------------------------------------------------------------------------


@pytest.mark.short
def test_handshakes_that_fail_are_counted_by_themselves(secured):
    target = secured()

    def fail(sent: bytes):
        with socket.create_connection(("127.0.0.1", target.port), 10) as peer:
            try:
                peer.sendall(sent)
                peer.shutdown(socket.SHUT_WR)
            except OSError:  # it is closed already
                pass
            assert b"HTTP" not in read_to_end(peer)

    for sent in (b"GET /secret-path HTTP/1.1\r\nHost: secret-host\r\n\r\n", b"\x16\x03\x01\xff\xff" * 9,
                 b""):
        fail(sent)
    with pytest.raises(ssl.SSLError):
        with socket.create_connection(("127.0.0.1", target.port), 10) as plain:
            ssl.create_default_context().wrap_socket(plain, server_hostname="localhost")
    wait_until(lambda: refused(target.agent, "tls_handshake") == 4, what="they are counted")
    assert target.agent.log().count("was refused: its TLS handshake failed") == 1
    assert "secret" not in target.agent.log()
    for _ in range(5):
        with socket.create_connection(("127.0.0.1", target.port), 10) as plain:
            target.context(None).wrap_socket(plain, server_hostname="localhost").close()
    assert target.get("/healthz")[0] == 200
    assert refused(target.agent, "tls_handshake") == 4 and refused(target.agent, "request_time") == 0


def test_one_that_takes_too_long_is_counted_as_that(secured):
    target = secured(server={"request_seconds": 1})
    with socket.create_connection(("127.0.0.1", target.port), 20) as silent:
        assert silent.recv(1) == b""
    wait_until(lambda: refused(target.agent, "request_time") == 1, what="it is counted")
    assert refused(target.agent, "tls_handshake") == 0


# --- what cannot be started with ------------------------------------------------------------------


def check_config(agents, tls: dict) -> subprocess.CompletedProcess:
    agent = agents(start=False, config={"tls": tls})
    agent.config["server"]["listen"] = ["tls:127.0.0.1:0"]
    agent.write_config()
    return subprocess.run([agent_binary(), "--config", agent.config_path, "--check-config"],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20,
                          check=False)


@pytest.mark.parametrize("text, complaint", [
    (None, "No such file"), ("nonsense", "holds no certificate in PEM"),
    ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "cannot be read"),
    ("leaf", "is no authority's")])
def test_authorities_that_are_not_good_are_refused_at_start(agents, pair, known, tmp_path, text,
                                                            complaint):
    file = tmp_path / "authorities.pem"
    if text:
        file.write_text(known.certificate.read_text() if text == "leaf" else text)
    done = check_config(agents, {"certificate_file": str(pair.certificate),
                                 "key_file": str(pair.key), "client_ca_file": str(file)})
    assert done.returncode == 2 and complaint in done.stderr and str(file) in done.stderr
