# SPDX-License-Identifier: Apache-2.0
"""A file system that may hang, as one on the network does while its server is away: an empty
directory whose server (FUSE) is this process."""

import ctypes
import os
import stat
import struct
import threading
from pathlib import Path

LOOKUP, FORGET, GETATTR, STATFS, RELEASE, FLUSH, INIT, OPENDIR, READDIR, RELEASEDIR = (
    1, 2, 3, 17, 18, 25, 26, 27, 28, 29)
ENOENT, ENOSYS = 2, 38
FORCE, DETACH = 1, 2  # umount2(2)
BLOCK = 4096

libc = ctypes.CDLL(None, use_errno=True)


def available() -> bool:
    """Only root may mount."""
    return os.geteuid() == 0 and os.access("/dev/fuse", os.R_OK | os.W_OK)


class NetworkFilesystem:
    """Context manager: mounted at `path`. While it is `away`, whoever asks for its size waits."""

    def __init__(self, path: Path, blocks: int = 1000, free: int = 250):
        self.path = path
        self.blocks = blocks
        self.free = free
        self.asked = 0  # for its size
        self._away: list[int] | None = None

    def __enter__(self) -> "NetworkFilesystem":
        self._device = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
        options = f"fd={self._device},rootmode=40755,user_id=0,group_id=0,allow_other"
        if libc.mount(b"rollo", str(self.path).encode(), b"fuse", 0, options.encode()) != 0:
            raise OSError(ctypes.get_errno(), "mount")
        self._server = threading.Thread(target=self._serve)
        self._server.start()
        return self

    def __exit__(self, *_):
        # Whoever still waits gets an error.
        libc.umount2(str(self.path).encode(), FORCE | DETACH)
        self._server.join(10)
        os.close(self._device)

    def go_away(self):
        self._away = []

    def come_back(self):
        waiting, self._away = self._away, None
        for request in waiting:
            self._tell_size(request)

    def _serve(self):
        while True:
            try:
                request = os.read(self._device, 1 << 17)
            except OSError:  # unmounted
                return
            _, kind, number = struct.unpack_from("<IIQ", request)
            self._answer(kind, number)

    def _answer(self, kind: int, number: int):
        if kind == INIT:
            self._reply(number, struct.pack("<IIIIHHIIHHI7I", 7, 31, 0, 0, 12, 9, BLOCK, 1,
                                            0, 0, 0, *[0] * 7))
        elif kind == GETATTR:
            self._reply(number, struct.pack("<QII6Q10I", 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0,
                                            stat.S_IFDIR | 0o755, 2, 65534, 65534, 0, BLOCK, 0))
        elif kind == STATFS:
            self.asked += 1
            if self._away is None:
                self._tell_size(number)
            else:
                self._away.append(number)
        elif kind == OPENDIR:
            self._reply(number, struct.pack("<QII", 1, 0, 0))
        elif kind in (READDIR, RELEASEDIR, RELEASE, FLUSH):
            self._reply(number)
        elif kind != FORGET:
            self._reply(number, error=ENOENT if kind == LOOKUP else ENOSYS)

    def _tell_size(self, number: int):
        self._reply(number, struct.pack("<5Q4I24x", self.blocks, self.free, self.free, 10, 5,
                                        BLOCK, 255, BLOCK, 0))

    def _reply(self, number: int, body: bytes = b"", error: int = 0):
        try:
            os.write(self._device, struct.pack("<IiQ", 16 + len(body), -error, number) + body)
        except OSError:  # nobody waits for it any more
            pass
