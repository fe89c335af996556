# SPDX-License-Identifier: Apache-2.0
"""Keys, certificates, the deny list and the configuration change while the agent runs: what that
means for whom, that nobody else notices, and that no disk is waited for."""

import json
import os
import secrets
import signal
import socket
import ssl
import statistics
import time
from contextlib import contextmanager
from pathlib import Path

import libvirt
import pytest

from lab.agent import Agent, agent_binary, free_port
from lab.business import NO_LIMITS, Business
from lab.certificates import Pair, make_pair, served
from lab.client import Client
from lab.raw_websocket import CLOSE, TEXT, RawWebSocket
from lab.strangers import latencies
from lab.tokens import sign, token_for
from lab.wait import wait_until

SECONDS = 30  # for what takes two looks, on a machine that is busy


@pytest.fixture
def business(session_loop):
    def make(agent: Agent, token, **options) -> Business:
        return Business(agent, session_loop, token, **options)

    return make


@pytest.fixture
def guest(guests):
    made = guests("watched").create()
    made.wait_booted()
    return made


def write(path: Path, text: str):
    """In one step, as everybody should."""
    fresh = path.with_name(f".{path.name}.fresh")
    fresh.touch(mode=0o600)
    fresh.write_text(text)
    fresh.rename(path)


def accepted(agent: Agent, token: str) -> bool:
    return agent.get("/api/v1/vms", token)[0] == 200


def ended(client: Client) -> tuple[int, str]:
    reason = client.expect("goodbye", seconds=SECONDS)["data"]["reason"]
    return client.wait_closed()[0], reason


# --- keys -----------------------------------------------------------------------------------------


class KeyRing:
    """A folder of keys of an agent that has no other."""

    def __init__(self, agent: Agent):
        self.folder = agent.directory / "ring"
        self.folder.mkdir()
        agent.config["auth"] = {"anonymous": False, "keys_dir": str(self.folder)}
        self.agent = agent
        self._secrets = {}

    def add(self, kid: str):
        self._secrets[kid] = secrets.token_urlsafe(48)
        write(self.folder / f"{kid}.hs256.secret", self._secrets[kid])

    def remove(self, kid: str):
        (self.folder / f"{kid}.hs256.secret").unlink()

    def token(self, kid: str, **claims) -> str:
        return sign({"sub": "honest", "role": "admin", "exp": int(time.time() + 3600), **claims},
                    self._secrets[kid].encode(), {"alg": "HS256", "typ": "JWT", "kid": kid})


@pytest.mark.short
def test_keys_rotate_while_nobody_notices(agents, business, guest):
    agent = agents(start=False, config=NO_LIMITS)
    ring = KeyRing(agent)
    ring.add("k0")
    agent.start()
    with business(agent, lambda: ring.token("k0"), guest=guest) as honest:
        for old, new in (("k0", "k1"), ("k1", "k2"), ("k2", "k3")):
            ring.add(new)
            wait_until(lambda: accepted(agent, ring.token(new)), SECONDS, "the new key is in")
            assert accepted(agent, ring.token(old))
            honest.token = lambda kid=new: ring.token(kid)
            honest.go_on()
            ring.remove(old)
            wait_until(lambda: not accepted(agent, ring.token(old)), SECONDS, "the old key is out")
            honest.go_on()
        # Who came with the first key is there yet, and may stay with the last.
        honest.events.send({"type": "auth", "data": {"token": ring.token("k3")}})
        honest.events.send({"type": "ping"})
        honest.events.expect("pong")
        assert not honest.events.messages("error")
    assert "stay as they were" not in agent.log()


@pytest.mark.short
def test_a_key_that_is_not_good_changes_nothing_and_is_told_once(agents):
    agent = agents(start=False)
    ring = KeyRing(agent)
    ring.add("good")
    agent.start()
    bad = ring.folder / "bad.hs256.secret"
    write(bad, "short")
    wait_until(lambda: "stay as they were" in agent.log(), SECONDS, "told")
    assert str(bad) in agent.log() and accepted(agent, ring.token("good"))
    bad.unlink()
    ring.add("better")
    wait_until(lambda: accepted(agent, ring.token("better")), SECONDS, "the good ones are read")
    assert agent.log().count("stay as they were") == 1


# --- certificates ---------------------------------------------------------------------------------


@pytest.mark.short
def test_certificates_are_renewed_while_nobody_notices(agents, business, tmp_path):
    pairs = [make_pair(tmp_path, f"pair-{i}") for i in range(3)]
    ours = Pair(tmp_path / "served.crt", tmp_path / "served.key")
    pairs[0].put(ours)
    trust = ssl.create_default_context()
    for pair in pairs:
        trust.load_verify_locations(pair.certificate)
    port = free_port()
    agent = agents(start=False, config=NO_LIMITS | {
        "tls": {"certificate_file": str(ours.certificate), "key_file": str(ours.key)}})
    agent.config["server"]["listen"].append(f"tls:127.0.0.1:{port}")
    agent.start()
    with business(agent, lambda: token_for(agent, role="admin"), tls=(port, trust)) as honest:
        for pair in pairs[1:]:
            pair.put(ours)
            wait_until(lambda p=pair: served(port) == p.der(), SECONDS, "the new one is shown")
            honest.go_on()
    assert "stays as it was" not in agent.log()


# --- the deny list --------------------------------------------------------------------------------


@pytest.fixture
def denying(agents):
    """An agent whose deny list does not exist yet."""
    agent = agents(start=False, config=NO_LIMITS | {"auth": {"anonymous": False}})
    agent.start()
    return agent


def deny(agent: Agent, *lines: str):
    write(agent.directory / "deny", "".join(f"{line}\n" for line in lines))


@pytest.mark.short
@pytest.mark.parametrize("line", ["sub mallory", "jti stolen"])
def test_who_is_denied_ends_at_once_and_nobody_else(denying, business, connect, watch, guest, line):
    agent = denying
    stolen = token_for(agent, "mallory", role="admin", jti="stolen")
    other = token_for(agent, "mallory", role="admin", jti="another")
    with business(agent, lambda: token_for(agent, "honest", role="admin"), guest=guest) as honest:
        console = watch(agent, guest, token=stolen)
        console.acquire()
        console.wait_status("connected", writer=True)
        lost = [connect(agent, "/ws?events=*", token=stolen), console,
                connect(agent, f"/ws/vm/{guest.spec.uuid}", token=stolen),
                connect(agent, "/ws/server/self", token=stolen),
                connect(agent, "/ws/stats", token=stolen)]
        waits = connect(agent, "/ws?auth=message")
        by_another = connect(agent, "/ws?events=*", token=other)
        for client in (*lost[2:], by_another):
            client.expect("connection_status")
        deny(agent, line)
        for client in lost:
            assert ended(client) == (4001, "access_revoked")
        assert not accepted(agent, stolen)
        assert ended(connect(agent, token=stolen)) == (4001, "token_invalid")
        waits.send({"type": "auth", "data": {"token": stolen}})
        assert ended(waits) == (4001, "token_invalid")
        if line == "jti stolen":
            assert accepted(agent, other)
            by_another.send({"type": "ping"})
            by_another.expect("pong")
        else:
            assert ended(by_another) == (4001, "access_revoked")
        honest.go_on()
        deny(agent)
        wait_until(lambda: accepted(agent, stolen), SECONDS, "it is denied no more")
    log = agent.log()
    count = 5 if line == "jti stolen" else 6
    assert f"{count} connections of those who may not be here any more end" in log
    for path in ("/ws", "/ws/stats", f"/ws/console/{guest.spec.uuid}"):
        assert f"of mallory from 127.0.0.1 to {path} ended: closed with 4001: access_revoked" in log


def test_what_waits_for_somebody_who_is_denied_is_dropped(denying, guests):
    """Also where it does not read: megabytes would come behind."""
    agent = denying
    for i in range(8):
        guests(f"large-{i}").define().domain.setMetadata(
            libvirt.VIR_DOMAIN_METADATA_TITLE, f"{i}" + "x" * 1_500_000, None, None,
            libvirt.VIR_DOMAIN_AFFECT_CONFIG)
    honest = token_for(agent, role="viewer")
    wait_until(lambda: len(json.dumps(agent.get("/api/v1/vms", honest)[1])) > 12_000_000, 20,
               "all known")
    with RawWebSocket(agent.port, "/ws?events=*", receive_buffer=4096, seconds=30,
                      headers=f"Authorization: Bearer {token_for(agent, 'mallory', role='viewer')}"
                              "\r\n") as slow:
        slow.receive_until(TEXT)
        deny(agent, "sub mallory")
        wait_until(lambda: "may not be here any more" in agent.log(), SECONDS, "it ends")
        told = [slow.receive()]
        while told[-1][0] != CLOSE:
            told.append(slow.receive())
    assert sum(len(payload) for _, payload in told) < 6_000_000
    assert json.loads(told[-2][1])["data"]["reason"] == "access_revoked"
    assert told[-1][1] == (4001).to_bytes(2, "big") + b"access_revoked"


def test_who_renewed_a_token_is_who_the_new_one_says(denying, connect):
    agent = denying
    client = connect(agent, token=token_for(agent, "ann", role="viewer", jti="old"))
    client.expect("connection_status")
    client.send({"type": "auth", "data": {"token": token_for(agent, "ann", role="viewer",
                                                             jti="new")}})
    client.send({"type": "ping"})
    client.expect("pong")
    deny(agent, "jti old")
    wait_until(lambda: not accepted(agent, token_for(agent, "x", role="viewer", jti="old")),
               SECONDS, "it is denied")
    client.send({"type": "auth", "data": {"token": token_for(agent, "ann", role="viewer",
                                                             jti="old")}})
    assert client.expect("error")["data"]["code"] == "invalid_token"
    deny(agent, "jti old", "jti new")
    assert ended(client) == (4001, "access_revoked")


def test_a_deny_list_that_is_not_good_denies_as_before(denying):
    agent = denying
    mallory = token_for(agent, "mallory", role="viewer")
    deny(agent, "sub mallory")
    wait_until(lambda: not accepted(agent, mallory), SECONDS, "denied")
    deny(agent, "nonsense")
    wait_until(lambda: "stay as they were" in agent.log(), SECONDS, "told")
    assert not accepted(agent, mallory)
    deny(agent, "sub eve")
    wait_until(lambda: accepted(agent, mallory), SECONDS, "the good one is read")
    assert agent.log().count("stay as they were") == 1


# --- what is switched off -------------------------------------------------------------------------


@pytest.mark.short
def test_anonymous_access_that_is_switched_off_ends(agents, business, connect):
    agent = agents(config=NO_LIMITS)
    with business(agent, lambda: token_for(agent, role="admin")) as honest:
        anonymous = [connect(agent, path) for path in ("/ws?events=*", "/ws", "/ws/server/self")]
        raised, waits = connect(agent), connect(agent, "/ws?auth=message")
        raised.send({"type": "auth", "data": {"token": token_for(agent, "ann", role="viewer")}})
        for client in (*anonymous, raised):
            client.expect("connection_status")
        agent.config["auth"]["anonymous"] = False
        agent.reload()
        for client in anonymous:
            assert ended(client) == (4001, "token_missing")
        assert "3 connections of those who may not be here any more end" in agent.log()
        raised.send({"type": "ping"})
        raised.expect("pong")
        waits.send({"type": "auth", "data": {"token": token_for(agent, "bob", role="viewer")}})
        waits.expect("connection_status")
        honest.go_on()


def test_consoles_that_are_switched_off_end_and_nothing_else(agents, business, watch, guest):
    agent = agents(config=NO_LIMITS)
    with business(agent, lambda: token_for(agent, role="admin")) as honest:
        viewers = [watch(agent, guest, "ann"), watch(agent, guest, "bob", binary=False)]
        for viewer in viewers:
            viewer.wait_status("connected")
        agent.config["console"]["enabled"] = False
        agent.reload()
        for viewer in viewers:
            assert ended(viewer) == (4003, "consoles_disabled")
        honest.go_on()


# --- a disk that hangs ----------------------------------------------------------------------------


class HungDisk:
    """Lets agents with this environment wait for as long as it hangs whenever they look at a file
    of the directory, or open it."""

    def __init__(self, directory: Path, name: str = ""):
        self._flag = directory / "hangs"
        self._reached = directory / "hangs.reached"
        self.environment = {
            "LD_PRELOAD": str(agent_binary().parents[1] / "tests/fixtures/hung_path.so"),
            "HUNG_PATH": str(directory / name), "HUNG_WHILE": str(self._flag)}

    @contextmanager
    def hanging(self):
        self._flag.touch()
        try:
            yield
        finally:
            self._flag.unlink(missing_ok=True)

    def wait_reached(self):
        wait_until(self._reached.exists, SECONDS, "the agent waits for it")


def goes_on_as_before(agent: Agent, client: Client, guests, name: str):
    """Events are told, and answers come as fast as ever."""
    guests(name).define()
    client.expect("vm_created", lambda m: m["data"]["vm"]["name"] == name)
    assert statistics.median(latencies(client)) < 0.2
    assert agent.get("/healthz")[0] == 200


@pytest.mark.parametrize("file", ["secret", "agent.toml", "deny"])
def test_a_file_that_hangs_holds_nobody_up(agents, guests, connect, tmp_path, file):
    disk = HungDisk(tmp_path / "agent", file)
    agent = agents(environment=disk.environment)
    client = connect(agent, "/ws?events=vm_status_changed")
    client.expect("snapshot")
    agent.config["metrics"]["interval_seconds"] = 2
    agent.write_config()
    with disk.hanging():
        os.kill(agent.pid, signal.SIGHUP)
        disk.wait_reached()
        goes_on_as_before(agent, client, guests, "meanwhile")
        # Neither of them is lost: the last one reads what is written now.
        agent.config["metrics"]["interval_seconds"] = 3
        agent.write_config()
        for _ in range(3):
            os.kill(agent.pid, signal.SIGHUP)
        wait_until(lambda: "a disk or a file server hangs" in agent.log(), SECONDS, "it is told")
        assert "read again" not in agent.log()
        goes_on_as_before(agent, client, guests, "still")
    wait_until(lambda: "-> 3\n" in agent.log(), SECONDS, "all is read")
    wait_until(lambda: "files can be read again" in agent.log(), SECONDS, "it is told")
    assert agent.log().count("a disk or a file server hangs") == 1


def test_a_certificate_that_hangs_holds_nobody_up(agents, guests, connect, tmp_path):
    pair = make_pair(tmp_path, "slow")
    disk = HungDisk(tmp_path, pair.certificate.name)
    agent = agents(start=False, environment=disk.environment, config={
        "tls": {"certificate_file": str(pair.certificate), "key_file": str(pair.key)}})
    agent.config["server"]["listen"].append(f"tls:127.0.0.1:{free_port()}")
    agent.start()
    client = connect(agent, "/ws?events=vm_status_changed")
    client.expect("snapshot")
    with disk.hanging():
        disk.wait_reached()
        goes_on_as_before(agent, client, guests, "meanwhile")


@pytest.mark.short
def test_a_pipe_in_place_of_the_configuration_holds_nobody_up_nor_the_end(agents, guests, connect):
    agent = agents()
    client = connect(agent, "/ws?events=vm_status_changed")
    client.expect("snapshot")
    pipe = agent.directory / "pipe"
    os.mkfifo(pipe, 0o600)
    pipe.rename(agent.config_path)
    os.kill(agent.pid, signal.SIGHUP)
    # It opens as soon as somebody reads it, who then waits for what is written.
    writer = wait_until(lambda: opened(agent.config_path), SECONDS, "the agent reads it")
    try:
        goes_on_as_before(agent, client, guests, "meanwhile")
        began = time.monotonic()
        assert agent.stop(10) == 0
        assert time.monotonic() - began < 3
        assert client.expect("goodbye")["data"]["reason"] == "shutting_down"
    finally:
        os.close(writer)


def opened(pipe: Path) -> int | None:
    try:
        return os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
    except OSError:
        return None


def test_the_service_manager_hears_when_a_reload_begins_and_when_it_is_over(agents, tmp_path):
    disk = HungDisk(tmp_path / "agent", "agent.toml")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(SECONDS)

        def hears() -> str:
            while (text := manager.recv(1024).decode()) == "WATCHDOG=1":
                pass
            return text.split("\n")[0]

        agent = agents(environment=disk.environment | {"NOTIFY_SOCKET": str(tmp_path / "notify")})
        assert hears() == "READY=1"
        with disk.hanging():
            os.kill(agent.pid, signal.SIGHUP)
            assert hears() == "RELOADING=1"
            disk.wait_reached()
            os.kill(agent.pid, signal.SIGHUP)
            assert hears() == "RELOADING=1"
        assert hears() == "READY=1"  # once, for both
        assert agent.log().count("the configuration was read again") == 2
        agent.config["auth"]["leeway_seconds"] = -1
        agent.reload()
        assert [hears(), hears()] == ["RELOADING=1", "READY=1"]
        agent.stop()
        assert hears() == "STOPPING=1"


def test_the_agent_ends_while_the_configuration_cannot_be_read(agents, tmp_path):
    disk = HungDisk(tmp_path / "agent", "agent.toml")
    agent = agents(environment=disk.environment)
    with disk.hanging():
        os.kill(agent.pid, signal.SIGHUP)
        disk.wait_reached()
        began = time.monotonic()
        assert agent.stop(10) == 0
        assert time.monotonic() - began < 3
