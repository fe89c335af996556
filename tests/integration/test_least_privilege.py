# SPDX-License-Identifier: Apache-2.0
"""What the agent needs of the host, and what it takes: a user without any right, libvirt's
read-only socket, and no other program."""

import os
import pwd
import re
import shutil
import socket
import subprocess
from pathlib import Path

import pytest

from lab.agent import Agent, agent_binary
from lab.libvirtd import PrivateLibvirt
from lab.tokens import token_for
from lab.wait import wait_until

# Libvirt asks for a name; neither root nor whom the guests run as.
AGENT_USER = pwd.getpwnam("daemon").pw_uid
WITHOUT_RIGHTS = ["--bounding-set=-all", "--inh-caps=-all", "--ambient-caps=-all", "--no-new-privs"]
# LeakSanitizer is a debugger of its own process: forbidden here, or already taken by strace.
NO_DEBUGGER = {"ASAN_OPTIONS": "detect_leaks=0"}
RUNS_PROGRAMS = re.compile(
    r"^(system|popen|wordexp|v?fork|_Fork|clone|clone3|exec\w*|fexecve|posix_spawnp?|forkpty|"
    r"g_spawn\w*|uv_spawn|virCommand\w*)$")

root_alone = pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes somebody else")


# --- no other program -----------------------------------------------------------------------------


@pytest.mark.short
def test_the_binary_knows_no_way_to_run_a_program():
    symbols = subprocess.run(["nm", "-D", "--undefined-only", str(agent_binary())], check=True,
                             capture_output=True, text=True, timeout=60).stdout
    names = {line.split()[-1].split("@")[0] for line in symbols.splitlines()}
    assert {"virConnectOpenReadOnly", "prctl"} <= names  # it is the list
    assert not sorted(name for name in names if RUNS_PROGRAMS.match(name))


def traced(tmp_path: Path) -> list[str]:
    if not shutil.which("strace"):
        pytest.skip("strace is not installed")
    command = ["strace", "-D", "-f", "-qq", "-e", "trace=execve,execveat,fork,vfork,clone,clone3",
               "-e", "signal=none", "-o", str(tmp_path / "calls")]
    if subprocess.run([*command, "true"], check=False, capture_output=True).returncode != 0:
        pytest.skip("tracing is not allowed here")
    return command


def test_it_starts_none_whatever_it_does(lab, agents, guests, connect, watch, tmp_path):
    agent = agents(wrapper=traced(tmp_path), environment=NO_DEBUGGER,
                   config={"console": {"enabled": True}})
    guest = guests("traced").create()
    guest.wait_booted()
    viewer = watch(agent, guest)
    viewer.wait_status("connected")
    viewer.type("abc")
    viewer.wait_output("abc")
    client = connect(agent, "/ws?events=*")
    client.expect("snapshot")
    agent.figure("rollo_agent_connections")
    lab.restart()
    wait_until(lambda: agent.get("/readyz")[0] == 200, 30, "it has come back")
    agent.reload()
    wait_until(lambda: "read again" in agent.log(), what="it has been read again")
    agent.stop()
    calls = (tmp_path / "calls").read_text().splitlines()
    threads = [call for call in calls if re.search(r"\bclone3?\(", call)]
    assert threads and all("CLONE_THREAD" in call for call in threads)
    others = [call for call in calls if call not in threads and "resumed" not in call]
    assert len(others) == 1 and "execve(" in others[0], others  # its own start


# --- a user without rights ------------------------------------------------------------------------


@pytest.fixture
def as_nobody(lab, agents, tmp_path):
    """Makes agents of a user that has nothing: no group, no capability, no way to get any."""
    sockets = [lab.directory, lab.directory / "run", lab.directory / "run/libvirt"]
    before = [path.stat().st_mode for path in sockets]
    for path in sockets:
        path.chmod(0o711)
    lab.socket_path.chmod(0o777)
    reachable = [path for path in (tmp_path, *tmp_path.parents) if path.owner() != "root"
                 or not path.stat().st_mode & 0o001]

    def make(**options) -> Agent:
        wrapper = ["setpriv", f"--reuid={AGENT_USER}", f"--regid={AGENT_USER}", "--clear-groups",
                   *WITHOUT_RIGHTS]
        agent = agents("own-user", start=False, wrapper=wrapper, environment=NO_DEBUGGER,
                       **options)
        agent.write_config()
        for path in reachable:
            path.chmod(path.stat().st_mode | 0o011)
        binary = agent_binary()
        if any(not path.stat().st_mode & 0o001 for path in binary.parents):
            pytest.skip(f"{binary} is where others may not go")
        for path in (agent.directory, *agent.directory.rglob("*")):
            os.chown(path, AGENT_USER, AGENT_USER)
        return agent

    yield make
    for path, mode in zip(sockets, before):
        path.chmod(mode)


def status_of(pid: int) -> dict[str, str]:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {name: " ".join(value.split()) for name, _, value in
            (line.partition(":") for line in lines)}


@root_alone
def test_a_user_that_has_nothing_but_libvirt_can_do_everything(as_nobody, guests, connect, watch):
    agent = as_nobody(config={"console": {"enabled": True}, "agent": {"core_dumps": False}})
    agent.start()
    status = status_of(agent.pid)
    assert status["Uid"].split() == [str(AGENT_USER)] * 4 and not status["Groups"]
    assert {status[name] for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == \
        {"0" * 16}
    assert "runs as root" not in agent.log()
    client = connect(agent, "/ws?events=*")
    client.expect("snapshot")
    guest = guests("served").create()
    guest.wait_booted()
    client.expect("vm_status_changed", lambda m: m["data"]["new_status"] == "running")
    client.expect("vm_metrics_update", seconds=30)
    viewer = watch(agent, guest)
    viewer.wait_status("connected")
    viewer.type("abc")
    viewer.wait_output("abc")
    # It reads of itself what it tells, although nobody else of its user may.
    assert agent.figure("process_open_fds") > 5
    assert agent.figure("process_resident_memory_bytes") > 1e6
    assert agent.state_file().exists()
    guest.domain.destroy()
    client.expect("vm_status_changed", lambda m: m["data"]["new_status"] == "stopped")


@root_alone
def test_as_root_it_says_that_it_need_not_be(agent):
    assert len(re.findall("<4>runs as root, which it does not need", agent.log())) == 1


@root_alone
@pytest.mark.parametrize("dumps", [False, True])
def test_others_of_its_user_look_into_it_only_where_that_is_wanted(as_nobody, dumps):
    agent = as_nobody(config={"agent": {"core_dumps": dumps}})
    agent.start()
    assert status_of(agent.pid)["NoNewPrivs"] == "1"
    for name in ("environ", "mem", "fd"):
        owner = Path(f"/proc/{agent.pid}/{name}").stat().st_uid
        assert owner == (AGENT_USER if dumps else 0), name
    read = subprocess.run(["setpriv", f"--reuid={AGENT_USER}", f"--regid={AGENT_USER}",
                           "--clear-groups", "cat", f"/proc/{agent.pid}/environ"], check=False,
                          capture_output=True)
    assert (read.returncode == 0) == dumps


# --- libvirt's read-only socket -------------------------------------------------------------------


def connections(lab: PrivateLibvirt, pid: int) -> list[bool]:
    """Of each connection that the daemon has with that process, whether it is read-only."""
    def ask(*arguments: str) -> str:
        socket = lab.socket_path.with_name("libvirt-admin-sock")
        return subprocess.run(
            lab.as_guest_user(["virt-admin", "-c", f"libvirtd+unix:///session?socket={socket}",
                               *arguments]),
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20,
            check=False).stdout

    found = []
    for line in ask("client-list", "libvirtd").splitlines():
        if not line.split()[:1] or not line.split()[0].isdigit():
            continue
        told = dict(part.split(":", 1) for part in
                    ask("client-info", "libvirtd", line.split()[0]).splitlines() if ":" in part)
        told = {name.strip(): value.strip() for name, value in told.items()}
        if told.get("unix_process_id") == str(pid):
            found.append({"yes": True, "no": False}[told["readonly"]])
    return found


def managing(lab: PrivateLibvirt, agent: Agent) -> int:
    """How many of its connections may change something. Without any other the question is idle."""
    all_of_them = connections(lab, agent.pid)
    assert True in all_of_them
    return all_of_them.count(False)


def test_only_a_console_that_is_open_has_a_connection_that_may_change_something(lab, agents,
                                                                               guests, watch):
    agent = agents(config={"console": {"enabled": True, "linger_seconds": 1}})
    guest = guests("watched", vm_id=31).create()
    guest.wait_booted()
    admin = token_for(agent, role="admin")
    wait_until(lambda: agent.get("/api/v1/vms/31/history", admin)[0] == 200, what="it is sampled")
    assert managing(lab, agent) == 0
    viewers = [watch(agent, guest, user) for user in ("ann", "bob")]
    for viewer in viewers:
        viewer.wait_status("connected")
    assert managing(lab, agent) == 1  # whoever watches it
    for viewer in viewers:
        viewer.close()
    wait_until(lambda: managing(lab, agent) == 0, 20, "it has let go of the console")


def test_where_consoles_are_not_enabled_there_is_never_one(lab, agents, guests, watch):
    agent = agents(config={"console": {"enabled": False}})
    guest = guests("unwatched", vm_id=32, console_policy="always").create()
    guest.wait_booted()
    watch(agent, guest, role="admin").expect("goodbye")
    assert managing(lab, agent) == 0


TWO_GUESTS = """\
<node>
  <domain type="test">
    <name>first</name><uuid>77a6fc12-07b5-4c43-8e1f-1a2b3c4d5e6f</uuid><memory>65536</memory>
    <os><type>hvm</type></os>
    <devices><console type="pty"><target type="serial" port="0"/><alias name="serial0"/></console>
    </devices>
  </domain>
</node>
"""

# Where the system's libvirt has its two sockets; /run is the agent's own.
TWO_SOCKETS = """\
set -e
mount -t tmpfs -o mode=755 tmpfs /run
mkdir /run/libvirt
touch /run/libvirt/libvirt-sock /run/libvirt/libvirt-sock-ro
mount --bind "$1" /run/libvirt/libvirt-sock-ro
mount --bind "$2" /run/libvirt/libvirt-sock
shift 2
exec "$@"
"""


@pytest.fixture
def two_sockets(lab, tmp_path):
    """A wrapper: libvirt's read-only socket is open to everybody, the other one to somebody else.
    The agent is root without any capability there: libvirt takes anybody else to the sockets of a
    session, where both are one."""
    if subprocess.run(["unshare", "-m", "true"], check=False, capture_output=True).returncode != 0:
        pytest.skip("there is no way to a mount namespace")
    closed = tmp_path / "closed.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(closed))
        listener.listen()
        closed.chmod(0o600)
        os.chown(closed, AGENT_USER, AGENT_USER)
        lab.socket_path.chmod(0o777)
        yield ["unshare", "-m", "sh", "-c", TWO_SOCKETS, "sh", str(lab.socket_path), str(closed),
               "setpriv", *WITHOUT_RIGHTS]


@root_alone
def test_with_the_read_only_socket_alone_everything_but_consoles_works(
        lab, agents, two_sockets, connect, watch, tmp_path):
    node = lab.directory / "images/node.xml"
    node.write_text(TWO_GUESTS)
    lab.own(node)
    calls = ["strace", "-D", "-f", "-qq", "-e", "trace=connect", "-e", "signal=none", "-o",
             str(tmp_path / "calls")]
    traced(tmp_path)
    agent = agents(uri=f"test+unix://{node}", wrapper=[*calls, *two_sockets],
                   environment=NO_DEBUGGER, config={"console": {"enabled": True}})
    client = connect(agent, "/ws?events=*")
    assert [vm["name"] for vm in client.expect("snapshot")["data"]["vms"]] == ["first"]
    client.expect("vm_metrics_update", seconds=30)
    reached = (tmp_path / "calls").read_text()
    assert '/run/libvirt/libvirt-sock-ro"' in reached
    assert '/run/libvirt/libvirt-sock"' not in reached

    viewer = watch(agent, "first")
    told = viewer.wait_status("suspended", message="libvirt does not let the agent open consoles; "
                              "`rollo-agent console enable` on the host does")
    assert told["writer"] is False
    assert '/run/libvirt/libvirt-sock"' in (tmp_path / "calls").read_text()
    wait_until(lambda: "libvirt does not let the agent open consoles" in agent.log())
    assert "Permission denied" in agent.log()
    client.expect("vm_metrics_update", seconds=30)  # and all else goes on
