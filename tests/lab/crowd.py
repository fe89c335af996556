# SPDX-License-Identifier: Apache-2.0
"""Many viewers of a console at once. They take whatever comes as fast as it comes and look at it
afterwards, so that it is not they who are slow."""

import json
import selectors
import socket
import threading

from .agent import Agent
from .console import SUBPROTOCOL
from .raw_websocket import BINARY, CLOSE, TEXT, RawWebSocket, frames
from .schema import check_message
from .transcript import Transcript
from .wait import wait_until


class Crowd:
    """Context manager: so many viewers of the console at `path`, some binary, some JSON."""

    def __init__(self, agent: Agent, path: str, token: str, binary: int, plain: int = 0):
        self._agent = agent
        self._forms = [True] * binary + [False] * plain
        self._path = path
        self._token = token

    def __enter__(self) -> "Crowd":
        self._viewers = [self._open(binary) for binary in self._forms]
        self._taken = [bytearray(viewer.pending()) for viewer in self._viewers]
        self._wake, ours = socket.socketpair()
        self._reader = threading.Thread(target=self._read, args=(ours,), daemon=True)
        self._reader.start()
        return self

    def __exit__(self, *_):
        self._stop()
        for viewer in self._viewers:
            viewer.socket.close()

    def wait_output(self, text: bytes, seconds: float = 30.0):
        """Waits until that has been printed for each of them."""
        wait_until(lambda: all(text in each.output for each in self._told()), seconds,
                   f"{text!r} for each", step=0.2)

    def transcripts(self) -> list[Transcript]:
        """Ends the reading. What each was told."""
        self._stop()
        return self._told()

    def _told(self) -> list[Transcript]:
        return [self._transcript(bytes(taken), binary)
                for taken, binary in zip(self._taken, self._forms)]

    def _open(self, binary: bool) -> RawWebSocket:
        headers = f"Authorization: Bearer {self._token}\r\n"
        if binary:
            headers += f"Sec-WebSocket-Protocol: {SUBPROTOCOL}\r\n"
        return RawWebSocket(self._agent.port, self._path, headers=headers)

    @staticmethod
    def _transcript(taken: bytes, binary: bool) -> Transcript:
        transcript = Transcript(binary)
        for number, (opcode, payload) in enumerate(frames(taken)):
            if opcode == BINARY:
                transcript.feed(payload)
            elif opcode == TEXT:
                message = json.loads(payload)
                # They are many and alike.
                if message["type"] != "console_output" or number % 50 == 0:
                    check_message(message)
                transcript.feed(message)
            elif opcode == CLOSE:
                transcript.problems.append(f"closed: {payload!r}")
        return transcript

    def _read(self, stop: socket.socket):
        with selectors.DefaultSelector() as selector:
            selector.register(stop, selectors.EVENT_READ)
            for viewer, taken in zip(self._viewers, self._taken):
                viewer.socket.setblocking(False)
                selector.register(viewer.socket, selectors.EVENT_READ, taken)
            while True:
                for key, _ in selector.select():
                    if key.data is None:
                        return
                    if not (data := key.fileobj.recv(1 << 18)):
                        selector.unregister(key.fileobj)
                    key.data.extend(data)

    def _stop(self):
        self._wake.close()
        self._reader.join(10)
