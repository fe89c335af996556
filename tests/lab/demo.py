#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""`./dev demo`: a private libvirt, three guests, the agent on loopback, and its events as they
come, while the guests are started, paused, rebooted and stopped now and then. `./dev console` opens
their consoles meanwhile. Ctrl-C (or SIGTERM, or SIGHUP) takes everything down again; nothing of it
touches the machine's own libvirt."""

import argparse
import itertools
import os
import signal
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import libvirt  # noqa: E402

from lab import alerts, demo_address, jobs  # noqa: E402
from lab import guests as commands  # noqa: E402
from lab.agent import Agent, free_port  # noqa: E402
from lab.client import Client, Loop  # noqa: E402
from lab.demo_lines import Printer  # noqa: E402
from lab.guests import Guest, GuestSpec  # noqa: E402
from lab.libvirtd import PrivateLibvirt  # noqa: E402
from lab.linux_guest import LinuxGuest, LinuxSpec  # noqa: E402
from lab.wait import wait_until  # noqa: E402

PORT = 8780
STEP_SECONDS = 6

HELP = """\

  The agent is ready. In another terminal:

  HTTP       {http}/api/v1/vms
  WebSocket  {ws}/ws/monitor
  libvirt    virsh -c '{uri}' list --all
  token      {token}
             (role admin, 12 hours; without it: read-only)

  curl -s -H 'Authorization: Bearer {token}' {http}/api/v1/vms
  /usr/bin/python3 -m websockets '{ws}/ws/monitor?events=*&token={token}'
  websocat '{ws}/ws/monitor?events=*'          # if you have websocat

  curl -s {http}/api/v1/operations         # what libvirt is busy with; copies, saves, dumps
  curl -s {http}/api/v1/alerts             # what is wrong at present
  curl -s {http}/api/v1/vms/db-1/history   # the last quarter of an hour
  curl -s -H 'Authorization: Bearer {token}' {http}/metrics

  Consoles: a shell in linux-1, a line a second from web-1; as many at once as you like

  ./dev console linux-1
  curl -s -H 'Authorization: Bearer {token}' {http}/api/v1/vms/linux-1/console
  curl -s -H 'Authorization: Bearer {token}' '{http}/api/v1/vms/linux-1/console/log?tail=2000'

  Events follow as they come. Ctrl-C takes everything down.
"""


class Stop(Exception):
    """A signal asked for the end."""


def on_signal(*_):
    # From here on nothing may disturb the clean-up, also not a second Ctrl-C.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    raise Stop


class Demo:
    def __init__(self, lab: PrivateLibvirt, agent: Agent, printer: Printer):
        self._agent = agent
        self._printer = printer
        self.web = Guest(lab, GuestSpec("web-1", title="A boot sector that serves nothing"))
        self.db = Guest(lab, GuestSpec("db-1", pvpanic=True, data_disk=64 << 20))
        # With a log file, so that its console has the first lines of each start as well.
        self.linux = LinuxGuest(lab, LinuxSpec("linux-1", network=True, max_vcpus=2, quiet=False,
                                               log_console=True))

    def run(self):
        """Plays until a signal comes. Raises RuntimeError when the agent ends by itself."""
        for guest in (self.web, self.db, self.linux):
            guest.define()
        for guest in (self.web, self.db, self.linux):
            self.step(f"start {guest.name}", guest.start, seconds=1)
        for guest in (self.db, self.web):
            guest.wait_booted()
        self.web.send(commands.TICK)
        for text, action in itertools.cycle(self.plan()):
            self.step(text, action)

    def plan(self):
        web, db, linux = self.web, self.db, self.linux
        return [
            ("db-1 is busy", lambda: db.send(commands.BUSY)),
            ("pause web-1", lambda: web.domain.suspend()),
            ("resume web-1", lambda: web.domain.resume()),
            ("db-1 writes to its disk", lambda: db.send(commands.WRITE * 20)),
            ("copy the disk of db-1, 8 MiB a second", lambda: jobs.copy_disk(db, 8)),
            ("the copy has all: let db-1 go on with it", lambda: self.pivot(db)),
            ("db-1 reboots itself", lambda: self.reboot(db)),
            ("linux-1 uses memory", self.use_memory),
            ("shut web-1 down", lambda: self.shut_down(web)),
            ("start web-1", self.boot_web),
            ("the balloon of linux-1 grows: 128 MiB left", lambda: self.balloon(128)),
            ("db-1 panics", lambda: self.panic(db)),
            ("start db-1", lambda: self.boot(db)),
            ("the balloon of linux-1 is let go", lambda: self.balloon(160)),
            ("give web-1 another title", self.new_title),
            ("reset linux-1", lambda: self.reset(linux)),
        ]

    def step(self, text: str, action, seconds: float = STEP_SECONDS):
        self._printer.director(text)
        try:
            action()
        except (libvirt.libvirtError, TimeoutError, RuntimeError) as error:
            # Somebody may be playing with the guests by virsh: that is what they are for.
            self._printer.director(f"that did not work: {error}")
            self.revive()
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if not self._agent.running():
                raise RuntimeError("the agent ended by itself")
            time.sleep(0.2)

    def revive(self):
        for guest in (self.web, self.db, self.linux):
            if guest.state() == -1:
                guest.define()
            if guest.state() in (libvirt.VIR_DOMAIN_SHUTOFF, libvirt.VIR_DOMAIN_CRASHED):
                guest.start()
            elif guest.state() == libvirt.VIR_DOMAIN_PAUSED:
                guest.domain.resume()

    @staticmethod
    def pivot(guest: Guest):
        wait_until(lambda: jobs.has_all(guest), 30, what="the copy has all")
        jobs.pivot(guest)

    @staticmethod
    def boot(guest: Guest):
        guest.start()
        guest.wait_booted()

    def boot_web(self):
        self.boot(self.web)
        self.web.send(commands.TICK)

    @staticmethod
    def reboot(guest: Guest):
        guest.send(commands.REBOOT)
        guest.wait_booted()

    @staticmethod
    def reset(guest: Guest):
        guest.domain.reset()
        guest.wait_booted()

    @staticmethod
    def shut_down(guest: Guest):
        guest.domain.shutdown()
        guest.wait_state(libvirt.VIR_DOMAIN_SHUTOFF)

    @staticmethod
    def panic(guest: Guest):
        guest.send(commands.PANIC)
        guest.wait_state(libvirt.VIR_DOMAIN_SHUTOFF)

    def use_memory(self):
        self.linux.wait_booted()
        self.linux.run("echo 'demo: 24 MiB of memory are filled' >/dev/kmsg; "
                       "rm -f /tmp/x; dd if=/dev/zero of=/tmp/x bs=1M count=24 2>/dev/null")

    def balloon(self, megabytes: int):
        self.linux.domain.setMemory(megabytes * 1024)

    def new_title(self):
        self.web.spec.title = f"Renamed at {time.strftime('%H:%M:%S')}"
        self.web.define()


def play(printer: Printer, port: int):
    with PrivateLibvirt() as lab:
        agent = Agent(lab.uri, lab.directory / "agent", port=free_port(port),
                      config={"metrics": {"interval_seconds": 5},
                              "alerts.vm_cpu": alerts.above(80, 50, seconds=10),
                              "console": {"enabled": True, "attach": "always"}})
        with agent, demo_address.published(agent.url, token := agent.token("demo", "admin", "12h")):
            print(HELP.format(http=agent.url, ws=agent.ws_url, uri=lab.uri, token=token),
                  flush=True)
            url = f"{agent.ws_url}/ws/monitor?events=*"
            with Client(Loop(), url, token=token, check=False, on_message=printer.message):
                try:
                    Demo(lab, agent, printer).run()
                except RuntimeError as error:
                    sys.exit(f"{error}:\n{agent.log()[-4000:]}")
                finally:
                    printer.director("taking everything down")


def main() -> int:
    parser = argparse.ArgumentParser(prog="dev demo", description=__doc__)
    parser.add_argument("--port", type=int, default=PORT,
                        help=f"where the agent listens, or the next free one (default {PORT})")
    options = parser.parse_args()
    # At once, also under a shell that started us with SIGINT ignored.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, on_signal)
    colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ
    try:
        play(Printer(colour), options.port)
    except Stop:
        pass
    return 0


if __name__ == "__main__":
    sys.exit(main())
