# SPDX-License-Identifier: Apache-2.0
"""The program itself: its command line, its configuration, its start, its end, its log."""

import os
import re
import signal
import socket
import time
from pathlib import Path

import pytest

from lab.agent import Agent, free_port, run_agent as run, toml
from lab.raw_websocket import CLOSE, TEXT, RawWebSocket
from lab.tokens import token_for
from lab.wait import wait_until

TEST_DRIVER = "test:///default"  # libvirt's own, inside the agent: no daemon is needed


@pytest.fixture
def file(tmp_path) -> Path:
    return tmp_path / "agent.toml"


@pytest.fixture
def quick(agents):
    """Makes agents on the test driver."""
    return lambda name="agent", **options: agents(name, uri=TEST_DRIVER, **options)


# --- the command line -----------------------------------------------------------------------------


@pytest.mark.short
def test_version():
    done = run("--version")
    assert done.returncode == 0 and re.fullmatch(r"rollo-agent \d+\.\d+\.\d+\n", done.stdout)


@pytest.mark.short
def test_the_default_configuration_is_one(file):
    printed = run("--print-default-config")
    assert printed.returncode == 0
    for key in ("uri", "listen", "interval_seconds", "anonymous", "hs256_secret_file",
                "server_id", "state_dir"):
        assert re.search(rf"^#? ?{key} = ", printed.stdout, re.M), key
    file.write_text(printed.stdout)
    checked = run("--config", str(file), "--check-config")
    assert checked.returncode == 0, checked.stderr


@pytest.mark.parametrize("arguments", [
    ["--no-such"], ["nonsense"], ["token"], ["--config"], ["key"], ["key", "old"],
    ["key", "new", "login-link"], ["login-link", "here"]])
def test_wrong_arguments_are_2(arguments):
    done = run(*arguments)
    assert done.returncode == 2 and done.stderr and not done.stdout
    assert "/etc/rollo-agent" not in done.stderr  # it did not come so far as to read that


@pytest.mark.short
@pytest.mark.parametrize("text, line, key", [
    ("[server]\n\nlisten_on = 1\n", 3, "server.listen_on"),
    ("[surver]\nlisten = []\n", 1, "surver"),
    ('[metrics]\ninterval_seconds = 0\n', 2, "metrics.interval_seconds"),
    ('[metrics]\ninterval_seconds = 301\n', 2, "metrics.interval_seconds"),
    ('[metrics]\ninterval_seconds = "5"\n', 2, "metrics.interval_seconds"),
    ('\n[server]\nlisten = ["localhost:1"]\n', 3, "server.listen"),
    ('[server]\nlisten = "127.0.0.1:1"\n', 2, "server.listen"),
    ('[server]\nlisten = ["127.0.0.1:1", "127.0.0.1:1"]\n', 2, "server.listen"),
    ("[auth]\nanonymous = 1\n", 2, "auth.anonymous"),
    ('[agent]\nlog_level = "loud"\n', 2, "agent.log_level"),
    ("[agent]\nserver_id = 0\n", 2, "agent.server_id"),
])
def test_what_is_wrong_is_named_with_file_line_and_key(file, text, line, key):
    file.write_text(text)
    for arguments in (["--check-config"], []):
        done = run("--config", str(file), *arguments)
        assert done.returncode == 2
        assert f"{file}:{line}: {key}: " in done.stderr


def test_every_mistake_is_told_at_once(file):
    file.write_text("[agent]\nno = 1\n[server]\nno = 2\n[metrics]\ninterval_seconds = 0\n")
    told = run("--config", str(file), "--check-config").stderr.splitlines()
    assert [line.split(": ")[1].rsplit(":", 1)[1] for line in told] == ["2", "4", "6"]


def test_what_is_no_toml_is_named_with_its_line(file):
    file.write_text("[agent]\nserver_id = = 1\n")
    done = run("--config", str(file), "--check-config")
    assert done.returncode == 2 and f"{file}:2: " in done.stderr


def test_a_file_that_is_not_there(file):
    done = run("--config", str(file))
    assert done.returncode == 2 and str(file) in done.stderr
    assert "--print-default-config" in done.stderr


@pytest.mark.parametrize("mode, content", [
    (None, ""), (0o600, "."), (0o600, "y" * 31), (0o644, "x" * 40),
    (0o600, "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE")])
def test_a_secret_that_cannot_be_used_is_named(file, mode, content):
    secret = file.parent / "hs256.secret"
    if mode:
        secret.write_text(content)
        secret.chmod(mode)
    file.write_text(f'[auth]\nhs256_secret_file = "{secret}"\n')
    done = run("--config", str(file), "--check-config")
    assert done.returncode == 2
    assert "auth.hs256_secret_file" in done.stderr and str(secret) in done.stderr
    assert len(content) < 2 or content not in done.stderr


def test_drop_ins_and_variables_come_on_top(file):
    (file.parent / "conf.d").mkdir()
    file.write_text("[metrics]\ninterval_seconds = 5\n")
    drop_in = file.parent / "conf.d/10-slow.toml"
    drop_in.write_text("[metrics]\ninterval_seconds = 999\n")
    done = run("--config", str(file), "--check-config")
    assert done.returncode == 2 and f"{drop_in}:2: metrics.interval_seconds: " in done.stderr
    done = run("--config", str(file), "--check-config",
               environment={"ROLLO_METRICS_INTERVAL_SECONDS": "never"})
    assert done.returncode == 2 and "ROLLO_METRICS_INTERVAL_SECONDS" in done.stderr


# --- start ----------------------------------------------------------------------------------------


@pytest.mark.short
def test_an_address_in_use_is_named(quick, tmp_path):
    first = quick()
    second = Agent(TEST_DRIVER, tmp_path / "second", port=first.port)
    second.write_config()
    done = run("--config", str(second.config_path))
    assert done.returncode == 1
    assert f"127.0.0.1:{first.port}" in done.stderr and "in use" in done.stderr
    assert first.ready()


@pytest.mark.short
def test_a_state_folder_in_use_is_named(quick, tmp_path):
    first = quick()
    state = str(first.directory / "state")
    second = Agent(TEST_DRIVER, tmp_path / "second", config={"agent": {"state_dir": state}})
    second.write_config()
    done = run("--config", str(second.config_path))
    assert done.returncode == 1 and state in done.stderr
    assert first.ready()


def test_a_dead_unix_socket_is_replaced_and_a_living_one_is_not(quick, tmp_path):
    path = tmp_path / "agent.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    listen = {"server": {"listen": [f"unix:{path}", f"127.0.0.1:{free_port()}"]}}
    first = quick(start=False, config=listen)
    first.config["server"]["listen"][1] = f"127.0.0.1:{first.port}"
    first.start()
    assert path.is_socket() and (path.stat().st_mode & 0o777) == 0o660
    second = Agent(TEST_DRIVER, tmp_path / "second",
                   config={"server": {"listen": [f"unix:{path}"]}})
    second.write_config()
    done = run("--config", str(second.config_path))
    assert done.returncode == 1 and str(path) in done.stderr
    first.stop()
    assert not path.exists()


# --- end ------------------------------------------------------------------------------------------


def stop_within(agent: Agent, seconds: float):
    began = time.monotonic()
    assert agent.stop(10) == 0
    took = time.monotonic() - began
    assert took < seconds, f"{took:.2f} s"


@pytest.mark.short
def test_sigterm_says_goodbye(quick, connect):
    agent = quick()
    clients = [connect(agent, path) for path in ("/ws", "/ws?events=*", "/ws/server/self")]
    for client in clients:
        client.expect("connection_status")
    stop_within(agent, 3)
    for client in clients:
        goodbye = client.expect("goodbye")["data"]
        assert goodbye["reason"] == "shutting_down" and goodbye["retry_after_ms"] > 0
        assert client.wait_closed()[0] == 1001
    maintenance = clients[1].messages("server_status_changed")[-1]["data"]
    assert (maintenance["new_status"], maintenance["reason"]) == ("maintenance", "agent_stopping")


@pytest.mark.short
def test_sigterm_with_libvirt_frozen_and_a_client_that_does_not_read(lab, agents, guests):
    guests("there").define()
    agent = agents()
    with RawWebSocket(agent.port, "/ws?events=*", receive_buffer=4096) as deaf:
        assert deaf.status == 101
        lab.freeze()
        stop_within(agent, 3)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_during_the_start(lab, agents, number):
    lab.freeze()
    agent = agents(start=False)
    agent.start(ready=False)
    wait_until(lambda: "runs on" in agent.log(), what="it runs")
    os.kill(agent.pid, number)
    began = time.monotonic()
    assert agent._process.wait(10) == 0  # pylint: disable=protected-access
    assert time.monotonic() - began < 3


# --- SIGHUP ---------------------------------------------------------------------------------------


@pytest.mark.short
def test_sighup_says_what_changed_and_what_needs_a_restart(quick, connect):
    agent = quick()
    stays = connect(agent, "/ws?events=*", token=token_for(agent, role="viewer"))
    stays.expect("connection_status")
    agent.config["auth"]["anonymous"] = False
    agent.config["metrics"]["interval_seconds"] = 2
    agent.config["server"]["max_rules"] = 5
    agent.reload()
    wait_until(lambda: "read again" in agent.log(), what="it has been read again")
    log = agent.log()
    assert "auth.anonymous: true -> false\n" in log
    assert "metrics.interval_seconds: 1 -> 2\n" in log
    assert re.search(r"server.max_rules: 64 -> 5 .*restart", log)
    assert connect(agent).wait_closed()[0] == 4001
    assert agent.get("/api/v1/vms")[0] == 401
    known = connect(agent, token=token_for(agent, role="viewer")).expect("connection_status")
    assert known["data"]["limits"]["max_rules"] == 64
    stays.send({"type": "ping"})
    stays.expect("pong")


def test_sighup_with_a_configuration_that_is_wrong_changes_nothing(quick, connect):
    agent = quick()
    agent.config["auth"]["anonymous"] = False
    agent.config["metrics"]["interval_seconds"] = 0
    agent.reload()
    wait_until(lambda: "stays as it was" in agent.log(), what="it was refused")
    assert f"{agent.config_path}:" in agent.log() and "metrics.interval_seconds" in agent.log()
    assert connect(agent).expect("connection_status")
    agent.config["metrics"]["interval_seconds"] = 1
    secret = Path(agent.config["auth"]["hs256_secret_file"])
    good = secret.read_text()
    secret.write_text("short")
    agent.reload()
    wait_until(lambda: agent.log().count("stays as it was") == 2, what="it was refused again")
    secret.write_text(good)
    assert agent.get("/api/v1/vms")[0] == 200


def test_sighup_takes_a_new_secret(quick):
    agent = quick(config={"auth": {"anonymous": False}})
    old = token_for(agent, role="viewer")
    assert agent.get("/api/v1/vms", old)[0] == 200
    Path(agent.config["auth"]["hs256_secret_file"]).write_text("another secret " * 4)
    agent.reload()
    wait_until(lambda: agent.get("/api/v1/vms", old)[0] == 401, what="the old key is out")
    assert agent.get("/api/v1/vms", token_for(agent, role="viewer"))[0] == 200


# --- the log --------------------------------------------------------------------------------------


@pytest.mark.short
def test_one_line_for_each_connection_of_somebody(quick, connect):
    agent = quick(config={"auth": {"anonymous": False}})
    client = connect(agent, "/ws/vm/test?events=*",
                     token=token_for(agent, "somebody", role="viewer"))
    number = client.expect("connection_status")["data"]["connection_id"]
    client.close()
    connect(agent, "/ws/vm/nobody", token=token_for(agent, "seeker", role="viewer")).wait_closed()
    connect(agent, "/ws").wait_closed()
    lost = RawWebSocket(agent.port, "/ws/server/self?token=" + token_for(agent, role="viewer"))
    lost.receive()
    lost.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    lost.socket.close()  # with a reset

    def ended() -> list[str]:
        return [line for line in agent.log().splitlines() if " ended: " in line]

    wait_until(lambda: len(ended()) == 3, what="three lines")
    # Who was nobody is told of in a way that cannot flood the log.
    assert "127.0.0.1 was refused: its token is missing" in agent.log()
    assert [re.search(r"of (\S+) from (\S+) to (\S+) ended: (.*)", line).groups()
            for line in sorted(ended(), key=lambda line: line.split(" of ")[1])] == sorted([
        ("seeker", "127.0.0.1", "/ws/vm/nobody", "closed with 4004: not_found"),
        ("somebody", "127.0.0.1", "/ws/vm/test", "the client closed with 1000"),
        ("tester", "127.0.0.1", "/ws/server/self", "the connection was lost")])
    assert any(number in line for line in ended())


def test_trace_shows_type_size_and_seq_and_never_a_payload(lab, agents, guests, connect):
    assert lab
    agent = agents(config={"agent": {"log_level": "trace"}})
    client = connect(agent, "/ws?events=*")
    client.expect("snapshot")
    guests("traced", title="a very secret title").define()
    created = client.expect("vm_created")
    client.send({"type": "subscribe", "data": {"events": ["secret-event-name"]}})
    client.expect("subscription_confirmed", lambda m: m["data"]["refused"])
    log = agent.log()
    assert re.search(rf"> vm_created of \d+ bytes, seq {created['seq']}\n", log)
    assert re.search(r"< subscribe of \d+ bytes\n", log)
    assert "secret title" not in log and "secret-event-name" not in log


def test_without_any_way_in_it_says_so(file):
    file.write_text(toml({"libvirt": {"uri": TEST_DRIVER}}))
    done = run("--config", str(file), "--check-config")
    assert done.returncode == 0 and "nobody can connect" in done.stderr


def test_a_goodbye_comes_before_the_closing_frame(quick):
    agent = quick()
    with RawWebSocket(agent.port) as client:
        client.receive_until(TEXT)
        os.kill(agent.pid, signal.SIGTERM)
        assert b"shutting_down" in client.receive_until(TEXT)
        assert client.receive_until(CLOSE)[:2] == (1001).to_bytes(2, "big")
    wait_until(lambda: not agent.running(), 5, "it has ended")
