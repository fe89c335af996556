# SPDX-License-Identifier: Apache-2.0
"""The commands that make a key, tokens and links, and an agent that takes what they made."""

import os
import re
import stat
import subprocess
import time
from pathlib import Path

import pytest

from lab.agent import Agent, run_agent, toml
from lab.tokens import claims_of
from lab.wait import wait_until

TEST_DRIVER = "test:///default"  # libvirt's own, inside the agent: no daemon is needed
LINK = re.compile(r"http://127\.0\.0\.1:(\d+)/#token=([\w-]+\.[\w-]+\.[\w-]+)\n")


@pytest.fixture
def file(tmp_path) -> Path:
    """A configuration that names no key."""
    path = tmp_path / "agent.toml"
    path.write_text(toml({"libvirt": {"uri": TEST_DRIVER}}))
    return path


@pytest.fixture
def keyless(agents):
    """An agent on the test driver that lets nobody in: it has no key yet."""
    agent = agents(uri=TEST_DRIVER, start=False, config={"auth": {"anonymous": False},
                                                         "agent": {"log_level": "trace"}})
    del agent.config["auth"]["hs256_secret_file"]
    agent.start()
    return agent


def mode(path: Path) -> str:
    return stat.filemode(path.stat().st_mode)


def reloaded(agent: Agent):
    before = agent.log().count("read again")
    agent.reload()
    wait_until(lambda: agent.log().count("read again") > before, what="it has been read again")


# --- key new --------------------------------------------------------------------------------------


@pytest.mark.short
def test_after_key_new_everything_just_works(keyless):
    config = ["--config", str(keyless.config_path)]
    for command in (["token", "--sub", "me"], ["login-link"]):
        told = run_agent(*config, *command)
        assert told.returncode == 2 and "rollo-agent key new" in told.stderr and not told.stdout
    assert "nobody can connect" in keyless.log() and "rollo-agent key new" in keyless.log()

    made = run_agent(*config, "key", "new")
    assert made.returncode == 0 and not made.stderr
    assert f"rollo-agent --config {keyless.config_path} login-link" in made.stdout
    reloaded(keyless)
    token = run_agent(*config, "token", "--sub", "me", "--role", "viewer").stdout.strip()
    link = LINK.fullmatch(run_agent(*config, "login-link").stdout)
    assert int(link[1]) == keyless.port
    for each in (token, link[2]):
        assert keyless.get("/api/v1/vms", each)[0] == 200
    secret = (keyless.directory / "keys/hs256.secret").read_text().strip()
    for said in (keyless.log(), made.stdout):
        assert secret not in said and token not in said and link[2] not in said


@pytest.mark.short
def test_a_new_key_is_for_its_owner_alone(file):
    made = run_agent("--config", str(file), "key", "new")
    key = file.parent / "keys/hs256.secret"
    assert made.returncode == 0 and made.stdout.startswith(f"{key}: ")
    assert mode(key) == "-rw-------" and mode(key.parent) == "drwx------"
    assert re.fullmatch(r"[0-9a-f]{64}\n", key.read_text())
    assert os.listdir(key.parent) == [key.name]


def test_where_the_configuration_names_a_file_the_key_goes_there(file):
    key = file.parent / "elsewhere/my.secret"
    file.write_text(f'[auth]\nhs256_secret_file = "{key}"\n')
    assert run_agent("key", "new", "--config", str(file)).returncode == 0
    assert mode(key) == "-rw-------"
    assert not (file.parent / "keys").exists()
    assert run_agent("--config", str(file), "--check-config").returncode == 0


@pytest.mark.short
def test_a_key_is_never_replaced(file):
    key = file.parent / "keys/hs256.secret"
    assert run_agent("--config", str(file), "key", "new").returncode == 0
    first = key.read_text()
    again = run_agent("--config", str(file), "key", "new")
    assert again.returncode == 1 and not again.stdout
    assert again.stderr == \
        f"rollo-agent: {key}: there is a key already, which stays as it is; " \
        "--kid NAME makes another one\n"
    assert key.read_text() == first
    key.unlink()
    key.symlink_to(file.parent / "nowhere")
    assert run_agent("--config", str(file), "key", "new").returncode == 1
    assert not (file.parent / "nowhere").exists()


def test_a_key_that_cannot_be_made_says_where_and_why(file):
    file.write_text('[auth]\nhs256_secret_file = "/proc/no/such/key"\n')
    failed = run_agent("--config", str(file), "key", "new")
    assert failed.returncode == 1 and not failed.stdout
    assert failed.stderr == "rollo-agent: /proc/no/such: No such file or directory\n"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files to other groups")
def test_the_group_of_the_folder_may_read_what_root_puts_there(file):
    keys = file.parent / "keys"
    keys.mkdir(mode=0o750)
    os.chown(keys, 0, 54321)
    made = run_agent("--config", str(file), "key", "new")
    assert made.returncode == 0 and "the group 54321" in made.stdout
    status = (keys / "hs256.secret").stat()
    assert (status.st_uid, status.st_gid) == (0, 54321)
    assert mode(keys / "hs256.secret") == "-rw-r-----"


def test_a_key_beside_the_configuration_that_is_no_good_is_not_passed_over(file):
    key = file.parent / "keys/hs256.secret"
    key.parent.mkdir()
    key.write_text("x" * 64)
    key.chmod(0o644)
    for command in (["--check-config"], [], ["token", "--sub", "me"]):
        told = run_agent("--config", str(file), *command)
        assert told.returncode == 2 and str(key) in told.stderr and "chmod" in told.stderr


# --- token ----------------------------------------------------------------------------------------


@pytest.mark.short
def test_the_token_command_makes_what_the_agent_takes(agents):
    agent = agents(uri=TEST_DRIVER, config={"auth": {"anonymous": False}})
    made = agent.token("me", "viewer", "5m", "--vm", "test")
    assert [vm["name"] for vm in agent.get("/api/v1/vms", made)[1]["vms"]] == ["test"]
    for wrong in (["--ttl", "soon"], ["--role", "emperor"], ["--permission", "fly"]):
        done = run_agent("--config", str(agent.config_path), "token", "--sub", "me", *wrong)
        assert done.returncode == 2 and not done.stdout


# --- login-link -----------------------------------------------------------------------------------


@pytest.mark.short
def test_a_link_lets_in_and_its_token_never_travels_in_an_address(agents, connect):
    agent = agents(uri=TEST_DRIVER, config={"auth": {"anonymous": False},
                                            "agent": {"log_level": "trace"}})
    made = run_agent("--config", str(agent.config_path), "login-link", "--sub", "ann")
    token = LINK.fullmatch(made.stdout)[2]
    assert made.returncode == 0
    assert made.stderr == "rollo-agent: whoever opens this within 15m is let in as ann (operator)\n"

    # What a browser asks for: the fragment stays with it.
    asked = subprocess.run(["curl", "-s", "-v", "-o", os.devnull, made.stdout.strip()], timeout=20,
                           stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True)
    assert "> GET / HTTP/1.1\n" in asked.stderr.replace("\r", "")
    sent = [line for line in asked.stderr.splitlines() if line.startswith("> ")]
    assert not [line for line in sent if token in line]

    # And what a dashboard does with it.
    client = connect(agent, "/ws?auth=message")
    client.send({"type": "auth", "data": {"token": token}})
    status = client.expect("connection_status")["data"]
    assert (status["user"], status["role"]) == ("ann", "operator")
    assert "console:write" in status["permissions"]
    assert "console:force" not in status["permissions"]
    assert token not in agent.log() and token.split(".")[2] not in agent.log()


def test_who_a_link_is_for_and_for_how_long(file):
    assert run_agent("--config", str(file), "key", "new").returncode == 0

    def link(*arguments: str) -> dict:
        made = run_agent("login-link", "--config", str(file), *arguments,
                         environment={"SUDO_USER": "caller"})
        assert made.returncode == 0, made.stderr
        return claims_of(LINK.fullmatch(made.stdout)[2])

    now = time.time()
    plain = link()
    assert plain["sub"] == "caller" if os.geteuid() == 0 else plain["sub"]
    assert plain["role"] == "operator" and 840 < plain["exp"] - now < 960
    chosen = link("--sub", "ann", "--role", "admin", "--ttl", "24h")
    assert (chosen["sub"], chosen["role"]) == ("ann", "admin")
    assert 86_000 < chosen["exp"] - now < 86_500


@pytest.mark.parametrize("arguments, listen, named", [
    ([], "unix:/run/rollo-test.sock", "server.listen"),
    ([], "127.0.0.1:0", "server.listen"),
    (["--ttl", "25h"], "127.0.0.1:8780", "a day"),
    (["--ttl", "soon"], "127.0.0.1:8780", "lifetime"),
    (["--role", "emperor"], "127.0.0.1:8780", "emperor"),
    (["--sub", ""], "127.0.0.1:8780", "token"),
])
def test_a_link_that_cannot_be_made_says_why(file, arguments, listen, named):
    assert run_agent("--config", str(file), "key", "new").returncode == 0
    told = run_agent("--config", str(file), "login-link", *arguments,
                     environment={"ROLLO_SERVER_LISTEN": listen})
    assert told.returncode == 2 and named in told.stderr and not told.stdout
