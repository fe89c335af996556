# SPDX-License-Identifier: Apache-2.0
"""`./dev console` as people use it: a real terminal, the real agent, real guests."""

import re
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from lab import demo_address
from lab import guests as commands
from lab.agent import Agent
from lab.guests import Guest
from lab.terminal_user import TerminalUser
from lab.tokens import token_for
from lab.wait import wait_until

PROGRAM = Path(__file__).parents[1] / "lab/console_terminal.py"
END = b"\x1d"  # Ctrl-]
CONNECTED = "serial0: connected"
BANNER = b"Rollo test guest ready"


@pytest.fixture
def served(agents) -> Agent:
    return agents(config={"console": {"enabled": True}})


@pytest.fixture
def sit_down(tmp_path):
    """Opens a console in a terminal of its own: `sit_down(agent, guest, "ann")`."""
    opened = []

    def make(agent: Agent, guest: Guest | str, user: str = "ann", *options: str,
             url: str | None = None, claims: dict | None = None) -> TerminalUser:
        name = guest
        if isinstance(guest, Guest):
            name = guest.spec.uuid
            wait_until(lambda: agent.get(f"/api/v1/vms/{name}")[0] == 200, what="the VM is known")
        token = token_for(agent, user, **(claims or {"role": "operator"}))
        file = tmp_path / f"token-{len(opened)}"
        file.write_text(token + "\n")
        opened.append(TerminalUser([sys.executable, str(PROGRAM), name, *options,
                                    f"--url={url or agent.url}", f"--token-file={file}"]))
        return opened[-1].__enter__()

    yield make
    for user in opened:
        user.__exit__()


def consoles(agent: Agent, guest: Guest) -> list[dict]:
    path = f"/api/v1/vms/{guest.spec.uuid}/console"
    return agent.get(path, token_for(agent, role="admin"))[1]["consoles"]


def started(guest: Guest) -> Guest:
    guest.define().start()
    guest.wait_booted()
    return guest


def test_one_reads_types_and_leaves_the_terminal_as_it_was(served, guests, sit_down):
    user = sit_down(served, started(guests("desk", log_console=True)))
    user.wait_for("nobody is typing; Ctrl-] ends")
    assert BANNER in user.seen and user.is_raw()
    user.type("hello guest\r")
    user.wait_for("hello guest\r\n")
    user.wait_for("you are typing, and nobody else may")
    user.type(b"\x03")  # Ctrl-C is the guest's
    user.wait_for(b"\x03")
    user.type(b"last words" + END + b"not these")
    assert user.wait_ended() == 0 and user.is_as_before()
    assert b"not these" not in user.seen


def test_the_console_outlives_its_guest(served, guests, sit_down):
    guest = started(guests("lazarus", log_console=True))
    user = sit_down(served, guest)
    place = user.wait_for(CONNECTED)
    guest.domain.destroy()
    place = user.wait_for("the VM is not running", after=place)
    user.type("x")
    user.wait_for("the console is not connected", after=place)
    guest.start()
    place = user.wait_for(BANNER, after=place)
    user.wait_for(CONNECTED, after=place - 200)
    assert user.seen.count(BANNER) == 2
    assert user.seen.index(b"VM stopped") < user.seen.index(b"VM started") < place
    user.type("again\r")
    user.wait_for("again\r\n", after=place)


def test_a_second_one_is_told_who_types_and_types_after_that(served, guests, sit_down):
    guest = started(guests("shared", log_console=True))
    ann, bob = sit_down(served, guest, "ann"), sit_down(served, guest, "bob")
    for user in (ann, bob):
        user.wait_for(CONNECTED)
    ann.type("from ann\r")
    bob.wait_for("from ann\r\n")
    bob.wait_for("[rollo: ann is typing]")
    bob.type("from bob\r")
    bob.wait_for("ann is typing: what was typed was discarded")
    ann.type(END)
    assert ann.wait_ended() == 0
    bob.wait_for("nobody is typing", after=bob.seen.index(b"discarded"))
    bob.type("now from bob\r")
    bob.wait_for("now from bob\r\n")
    assert b"from bob" not in ann.seen and bob.seen.count(b"from bob") == 1


@pytest.mark.parametrize("options, claims", [
    (["--read-only"], {"role": "operator"}),
    ([], {"permissions": ["vm:view", "console:read"]}),
])
def test_who_may_only_read_is_told_so(served, guests, sit_down, options, claims):
    guest = started(guests("museum", log_console=True))
    user = sit_down(served, guest, "eve", *options, claims=claims)
    user.wait_for("for reading only; Ctrl-] ends")
    user.type("touch")
    user.wait_for("this is for reading only; what is typed is discarded")
    assert consoles(served, guest)[0]["writer_user"] is None
    guest.send(commands.TICK)
    user.wait_for("line 00000001")
    assert b"touch" not in user.seen


class Relay:
    """Context manager: passes one connection after the other on to a port, until it is cut."""

    def __init__(self, port: int):
        self._to = ("127.0.0.1", port)
        self._ends: list[socket.socket] = []
        self.connections = 0

    def __enter__(self) -> "Relay":
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._listener.close()
        self.cut()

    def cut(self):
        for end in self._ends:
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:  # the other one was first
                pass

    def _accept(self):
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            far = socket.create_connection(self._to)
            self._ends = [near, far]
            self.connections += 1
            for pair in ((near, far), (far, near)):
                threading.Thread(target=self._pass_on, args=pair, daemon=True).start()

    def _pass_on(self, source: socket.socket, target: socket.socket):
        try:
            while data := source.recv(65536):
                target.sendall(data)
        except OSError:
            pass
        self.cut()


def test_after_a_lost_connection_nothing_is_missing_and_nothing_comes_twice(served, guests,
                                                                            sit_down):
    guest = started(guests("flaky", log_console=True))
    with Relay(served.port) as relay:
        user = sit_down(served, guest, url=relay.url)
        user.wait_for(CONNECTED)
        guest.send(commands.TICK)
        user.wait_for("line 00000001")  # from here on the stream brings everything
        guest.send(commands.FLOOD)
        for cuts in range(1, 4):
            place = len(user.seen)
            wait_until(lambda: len(user.seen) > place + 20000, what="more of the flood")
            relay.cut()
            wait_until(lambda: relay.connections > cuts, what="it is back")
        guest.send(commands.IDLE)
        user.wait_for(guest.console_log.read_bytes()[-15:])  # the last line
        assert user.seen.count(b"the connection is lost") == 3
        assert b"missing" not in user.seen
    text = without_notes(user.seen)
    numbers = [int(number, 16) for number in re.findall(rb"line ([0-9a-f]{8})\r\n", text)]
    assert len(numbers) > 3000
    breaks = [pair for pair in zip([0, *numbers], numbers) if pair[1] != pair[0] + 1]
    assert not breaks, [text[text.index(b"line %08x" % last):][:100] for last, _ in breaks]


def test_what_happened_to_the_guest_is_told_once_over_all_connections(served, guests, sit_down):
    guest = started(guests("stopped", log_console=True))
    with Relay(served.port) as relay:
        user = sit_down(served, guest, url=relay.url)
        place = user.wait_for(CONNECTED)
        guest.domain.destroy()
        user.wait_for("here the VM stopped")
        place = user.wait_for("the VM is not running", after=place)
        relay.cut()
        user.wait_for("the VM is not running", after=place)
        guest.start()
        user.wait_for("here the VM started")
        user.wait_for(CONNECTED, after=place)
    assert user.seen.count(b"here the VM stopped") == 1


def without_notes(seen: bytes) -> bytes:
    """What the guest has printed: a line in which a note fell is begun again below the note."""
    note = re.compile(rb"(?P<begun>[^\r\n]+\r?)\r\n\x1b\[2m\[rollo: [^\n]*\r\n(?P=begun)"
                      rb"|\x1b\[2m\[rollo: [^\n]*\r\n")
    while note.search(seen):
        seen = note.sub(lambda found: found["begun"] or b"", seen, count=1)
    return seen


def test_what_the_terminal_says_by_itself_takes_the_pen_from_nobody(served, guests, sit_down):
    guest = started(guests("asker", log_console=True))
    user = sit_down(served, guest)
    place = user.wait_for(CONNECTED)
    for answer in (b"\x1b[24;80R", b"\x1b[?62;1c", b"\x1b]11;rgb:0000/0000/0000\x1b\\"):
        user.type(answer)
    guest.send(commands.TICK)
    place = user.wait_for("line 00000001", after=place)
    assert consoles(served, guest)[0]["writer_user"] is None
    user.type("a")
    user.wait_for("you are typing", after=place)
    user.type(b"\x1b[24;80R")  # a full-screen program needs it
    user.wait_for("[24;80R", after=place)


def test_an_agent_that_restarts_is_waited_for(served, guests, sit_down):
    user = sit_down(served, started(guests("patient", log_console=True)))
    place = user.wait_for(CONNECTED)
    served.stop()
    user.wait_for("the connection is lost; it is tried again", after=place)
    user.type("x")
    user.wait_for("not connected; what is typed is discarded", after=place)
    served.start()
    place = user.wait_for("the agent was started anew", after=place, seconds=20)
    user.wait_for(CONNECTED, after=place)


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_leaves_the_terminal_as_it_was(served, guests, sit_down, sign):
    user = sit_down(served, started(guests("signalled", log_console=True)))
    user.wait_for(CONNECTED)
    user.process.send_signal(sign)
    assert user.wait_ended() == 0 and user.is_as_before()


def test_what_cannot_be_is_said_and_leaves_the_terminal_as_it_was(served, guests, agents,
                                                                  sit_down):
    guest = started(guests("closed", log_console=True))
    without = agents("without", config={"console": {"enabled": False}})
    for user, word in [
            (sit_down(served, "nobody-has-this-name"), "there is no such VM or console"),
            (sit_down(served, guest, "ann", "--device=serial7"), "there is no such VM or console"),
            (sit_down(served, guest, claims={"role": "viewer"}), "may not see this console"),
            (sit_down(without, guest), "consoles are not enabled on this host"),
            (sit_down(served, guest, url="http://127.0.0.1:1"), "no agent answers")]:
        user.wait_for(word)
        assert user.wait_ended() == 1 and user.is_as_before()


def test_it_ends_when_consoles_are_switched_off(served, guests, sit_down):
    user = sit_down(served, started(guests("switched")))
    user.wait_for(CONNECTED)
    served.config["console"]["enabled"] = False
    served.reload()
    user.wait_for("consoles are not enabled on this host")
    assert user.wait_ended() == 1 and user.is_as_before()


def test_nothing_of_the_notes_is_in_a_file_of_output(served, guests, tmp_path):
    guest = started(guests("piped", log_console=True))
    output = tmp_path / "output"
    with open(output, "wb") as file, subprocess.Popen(
            [sys.executable, str(PROGRAM), guest.spec.uuid, f"--url={served.url}",
             "--token-file=-"], stdin=subprocess.PIPE, stdout=file,
            stderr=subprocess.PIPE) as program:
        program.stdin.write(token_for(served, role="operator").encode() + b"\n")
        program.stdin.flush()
        try:
            guest.send(commands.TICK)
            wait_until(lambda: b"line 00000001\r\n" in output.read_bytes(), what="the line")
        finally:
            program.terminate()
        notes = program.communicate(timeout=10)[1]
    assert program.returncode == 0
    assert output.read_bytes().strip().startswith(BANNER) and b"rollo:" not in output.read_bytes()
    assert b"[rollo: serial0: connected; nobody is typing; for reading only]\n" in notes


def test_the_token_of_the_demo_is_for_the_demo_alone():
    answer = subprocess.run([sys.executable, str(PROGRAM), "vm", "--url=http://127.0.0.1:1"],
                            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20,
                            check=False)
    assert answer.returncode == 2 and "--token-file or $ROLLO_TOKEN is needed" in answer.stderr


def test_where_the_demo_is_nobody_else_can_read(tmp_path, monkeypatch):
    monkeypatch.setattr(demo_address, "FILE", tmp_path / "demo.json")
    with demo_address.published("http://here", "secret"):
        assert demo_address.find() == ("http://here", "secret")
        assert demo_address.FILE.stat().st_mode & 0o777 == 0o600
        with demo_address.published("http://there", "other"):
            assert demo_address.find() == ("http://there", "other")
        assert demo_address.find() is None
    assert demo_address.find() is None
