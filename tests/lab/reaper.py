#!/usr/bin/python3 -IS
# SPDX-License-Identifier: Apache-2.0
"""Parent of a private libvirtd and, once they are orphans, of its QEMUs.

Usage: reaper.py CONTROL_FD DIRECTORY. The file descriptor is one end of a socket pair. Commands
come as lines of JSON, each is answered by one line:

    {"do": "start", "argv": [...], "env": {...}, "log": PATH}   -> {"pid": N}
    {"do": "stop", "signal": N, "seconds": S}                   -> {"status": wait status}
    {"do": "signal", "signal": N}                               -> {}

When the other end closes, which it also does when its owner is killed, or on SIGTERM, every
descendant is killed and reaped, the directory is removed, and the reaper ends.

Why a process of its own: libvirt waits for a destroyed QEMU to be reaped by whoever inherits it,
which process 1 of a container does late, and a process that uses libvirt itself must not collect
children that it does not know.
"""

import ctypes
import json
import os
import select
import shutil
import signal
import socket
import sys
import time

PR_SET_CHILD_SUBREAPER = 36


class Reaper:
    def __init__(self, control: socket.socket, directory: str):
        self.control = control
        self.directory = directory
        self.daemon = None
        self.daemon_status = 0
        self.pending = b""
        # The wake descriptor turns SIGCHLD and SIGTERM into bytes that select() sees.
        self.wake_in, wake_out = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self.ending = False
        signal.set_wakeup_fd(wake_out, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGTERM, self.on_term)
        signal.signal(signal.SIGINT, signal.SIG_IGN)

    def on_term(self, *_):
        self.ending = True

    def run(self):
        while not self.ending:
            ready, _, _ = select.select([self.control, self.wake_in], [], [])
            self.reap()
            if self.control in ready and not self.serve():
                break
        self.clean_up()

    def serve(self) -> bool:
        data = self.control.recv(65536)
        if not data:
            return False
        self.pending += data
        while b"\n" in self.pending:
            line, self.pending = self.pending.split(b"\n", 1)
            request = json.loads(line)
            try:
                answer = getattr(self, "do_" + request.pop("do"))(**request)
            except OSError as error:
                answer = {"error": str(error)}
            self.control.sendall(json.dumps(answer).encode() + b"\n")
        return True

    def do_start(self, argv, env, log):
        self.daemon = os.fork()
        if self.daemon == 0:
            try:
                os.setsid()
                null = os.open(os.devnull, os.O_RDONLY)
                out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
                os.dup2(null, 0)
                os.dup2(out, 1)
                os.dup2(out, 2)
                signal.signal(signal.SIGINT, signal.SIG_DFL)
                os.execvpe(argv[0], argv, env)
            finally:
                os._exit(127)
        return {"pid": self.daemon}

    def do_signal(self, signal):
        if self.daemon:
            os.kill(self.daemon, signal)
        return {}

    def do_stop(self, signal, seconds):
        if self.daemon:
            os.kill(self.daemon, signal)
        deadline = time.monotonic() + seconds
        while self.daemon and time.monotonic() < deadline:
            select.select([self.wake_in], [], [], deadline - time.monotonic())
            self.reap()
        if self.daemon:
            return {"error": f"still running {seconds} s after signal {signal}"}
        return {"status": self.daemon_status}

    def reap(self):
        try:
            os.read(self.wake_in, 4096)
        except BlockingIOError:
            pass
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if pid == self.daemon:
                self.daemon, self.daemon_status = None, status

    def clean_up(self):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        # A killed parent hands over its children, so this ends when the last generation is gone.
        while children := self.children():
            for pid in children:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            select.select([self.wake_in], [], [], 0.1)
            self.reap()
        shutil.rmtree(self.directory, ignore_errors=True)

    @staticmethod
    def children():
        with open(f"/proc/self/task/{os.getpid()}/children", encoding="ascii") as file:
            return [int(pid) for pid in file.read().split()]


def main():
    control_fd, directory = int(sys.argv[1]), sys.argv[2]
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    control = socket.socket(fileno=control_fd)
    control.set_inheritable(False)
    Reaper(control, directory).run()


if __name__ == "__main__":
    main()
