#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A guest's serial console in this terminal, through the agent. Ctrl-] ends it."""
# It is of the laboratory, as the demo is: it shares no code with the agent, needs what the tests
# need, and is installed nowhere. So it also shows that the contract is enough to write a client.

import argparse
import asyncio
import os
import re
import signal
import sys
from pathlib import Path
from urllib.parse import quote

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from lab import demo_address  # noqa: E402
from lab.console_session import ConsoleSession, Over  # noqa: E402
from lab.terminal import Terminal  # noqa: E402

END_KEY = b"\x1d"  # Ctrl-]


async def work(session: ConsoleSession, terminal: Terminal):
    """Until Ctrl-] or a signal. Raises Over when the agent has ended it."""
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()

    def on_keys():
        try:
            keys = os.read(0, 65536)
        except OSError:  # the terminal is gone
            keys = b""
        typed, end, _ = keys.partition(END_KEY)
        session.type(typed)
        if end or not keys:
            ended.set()
            loop.remove_reader(0)

    if terminal.has_keys:
        loop.add_reader(0, on_keys)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, ended.set)
    loop.add_signal_handler(signal.SIGCONT, terminal.make_raw)
    running = asyncio.create_task(session.run())
    end = asyncio.create_task(ended.wait())
    await asyncio.wait({running, end}, return_when=asyncio.FIRST_COMPLETED)
    if running.done():
        end.cancel()
        running.result()
    await session.close()
    running.cancel()


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="dev console", description=__doc__)
    parser.add_argument("vm", metavar="VM", help="its id, UUID or name")
    parser.add_argument("--device", metavar="ALIAS", help="default: the VM's first console")
    parser.add_argument("--read-only", action="store_true", help="type nothing, take no lease")
    parser.add_argument("--url", help="of the agent, http or https; default: ./dev demo")
    parser.add_argument("--token-file", metavar="FILE",
                        help="where the token stands, - for standard input; default: "
                        "$ROLLO_TOKEN, or that of ./dev demo")
    options = parser.parse_args()
    options.token = token_of(options, parser)
    if options.url and not options.token:  # the demo's is nobody else's business
        parser.error("with --url, --token-file or $ROLLO_TOKEN is needed as well")
    if not options.url:
        url, token = demo_address.find() or parser.error("no demo is running: --url?")
        options.url, options.token = url, options.token or token
    return options


def token_of(options: argparse.Namespace, parser: argparse.ArgumentParser) -> str | None:
    """Never an argument: those stand in the list of processes, for everybody on this machine."""
    if not options.token_file:
        return os.environ.get("ROLLO_TOKEN", "").strip() or None
    try:
        if options.token_file == "-":
            return sys.stdin.readline().strip()
        return Path(options.token_file).read_text().strip()
    except OSError as error:
        parser.error(f"--token-file: {error.strerror}")


def main() -> int:
    options = parse()
    with Terminal() as terminal:
        query = {"device": options.device} if options.device else {}
        if options.read_only or not terminal.has_keys:
            query["mode"] = "ro"
        url = re.sub("^http", "ws", options.url.rstrip("/"))
        session = ConsoleSession(f"{url}/ws/console/{quote(options.vm, safe='')}", options.token,
                                 query, terminal)
        try:
            asyncio.run(work(session, terminal))
        except BrokenPipeError:  # nobody reads on
            pass
        except Over as over:
            terminal.note(str(over))
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
