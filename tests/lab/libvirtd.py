# SPDX-License-Identifier: Apache-2.0
"""A libvirtd of one's own, in a directory of its own, that touches nothing of the machine's."""

import json
import os
import pwd
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
import uuid
from pathlib import Path

import libvirt

from .wait import wait_until

# Libvirt names guests' sockets below its own directories; the kernel allows 107 bytes in all.
LONGEST_TEMPORARY_DIRECTORY = 24

LIBVIRTD_CONF = """\
host_uuid = "{host_uuid}"
auth_unix_rw = "none"
auth_unix_ro = "none"
log_level = 3
log_outputs = "3:file:{log}"
max_clients = 500
max_workers = 20
"""

# The "file" handler saves a virtlogd.
QEMU_CONF = """\
stdio_handler = "file"
security_driver = "none"
save_image_format = "{format}"
dump_image_format = "{format}"
snapshot_image_format = "{format}"
"""


class PrivateLibvirt:
    """Context manager. As root the daemon and its QEMUs run as `nobody`, since root's "session"
    is the system's daemon; as an ordinary user they run as that user.

    The daemon's parent is `reaper.py`, which ends daemon and guests and removes the directory as
    soon as this object is closed or the process that owns it is gone, even by SIGKILL.

    `image_format` is that of guests' memory on a disk: "xz" takes about a second for 1.3 MB.
    """

    def __init__(self, host_uuid: str | None = None, qemu_conf: str = "",
                 image_format: str = "raw"):
        self.host_uuid = host_uuid or str(uuid.uuid4())
        self._qemu_conf = QEMU_CONF.format(format=image_format) + qemu_conf
        self._reaper: subprocess.Popen | None = None
        self._control: socket.socket | None = None
        self._connection: libvirt.virConnect | None = None
        self.pid: int | None = None

    # Life cycle of the laboratory

    def __enter__(self) -> "PrivateLibvirt":
        try:
            self._prepare_directory()
            self._start_reaper()
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """Ends the daemon and every guest, removes the directory. May be called twice."""
        if self._control:
            self._control.shutdown(socket.SHUT_RDWR)
            self._control.close()
            self._answers.close()
            self._control = None
        if self._reaper:
            self._reaper.wait(30)
            self._reaper = None
        elif getattr(self, "directory", None):
            shutil.rmtree(self.directory, ignore_errors=True)
        self._gone()

    # The daemon

    @property
    def uri(self) -> str:
        """Never plain qemu:///session: for that the client would start a daemon by itself."""
        return f"qemu+unix:///session?socket={self.socket_path}"

    @property
    def socket_path(self) -> Path:
        return self.directory / "run/libvirt/libvirt-sock"

    @property
    def log_path(self) -> Path:
        return self.directory / "libvirtd.log"

    def start(self):
        """Starts the daemon and returns when it accepts connections."""
        environment = {
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
            "LANG": "C.UTF-8",
            "HOME": str(self.directory / "home"),
            "XDG_RUNTIME_DIR": str(self.directory / "run"),
            "XDG_CONFIG_HOME": str(self.directory / "config"),
            "XDG_CACHE_HOME": str(self.directory / "cache"),
            "XDG_DATA_HOME": str(self.directory / "data"),
            "TMPDIR": str(self.directory),
        }
        argv = ["libvirtd", "--pid-file", str(self.directory / "run/libvirtd.pid")]
        self.pid = self._ask(do="start", argv=self.as_guest_user(argv), env=environment,
                             log=str(self.directory / "libvirtd.out"))["pid"]
        wait_until(self._accepts, 20, "libvirtd accepts connections", step=0.005)

    def stop(self):
        """Ends the daemon with SIGTERM; guests go on."""
        self.thaw()
        self._ask(do="stop", signal=signal.SIGTERM, seconds=20)
        self._gone()

    def kill(self):
        """Ends the daemon with SIGKILL; guests go on."""
        self._ask(do="stop", signal=signal.SIGKILL, seconds=20)
        self._gone()

    def freeze(self):
        """Stops the daemon's threads (SIGSTOP): connections stay, answers do not come."""
        self._ask(do="signal", signal=signal.SIGSTOP)

    def thaw(self):
        self._ask(do="signal", signal=signal.SIGCONT)

    def restart(self):
        self.stop()
        self.start()

    def connect(self) -> libvirt.virConnect:
        """A new connection of the caller's own."""
        return libvirt.open(self.uri)

    @property
    def connection(self) -> libvirt.virConnect:
        """The laboratory's own connection, opened anew when the daemon was started anew."""
        if self._connection is None:
            self._connection = self.connect()
        return self._connection

    def remove_guests(self):
        """Ends and undefines every guest, whoever made it; starts the daemon if it is down."""
        if self.pid is None:
            self.start()
        self.thaw()
        for pid in self.guest_pids():
            os.kill(pid, signal.SIGCONT)
        for domain in self.connection.listAllDomains():
            remove(domain)

    def guest_pids(self) -> list[int]:
        """The QEMU processes of this laboratory."""
        return [pid for pid in descendants(self._reaper.pid)
                if "qemu-system" in command_name(pid)]

    # Files

    def own(self, path: Path) -> Path:
        """Gives `path` to the user whom the guests run as, and returns it."""
        if self._guest_user:
            os.chown(path, self._guest_user.pw_uid, self._guest_user.pw_gid)
        return path

    def image(self, name: str, size: int, noise: bool = False) -> Path:
        """A new disk image of `size` bytes, sparse or full of noise, removed with the directory."""
        path = self.directory / "images" / name
        with open(path, "wb") as file:
            if noise:
                file.write(os.urandom(size))
            file.truncate(size)
        return self.own(path)

    def copy(self, source: Path) -> Path:
        """A file that guests may read, copied once: the source may lie where they may not go."""
        path = self.directory / "images" / source.name
        if not path.exists():
            subprocess.run(["cp", "--sparse=always", str(source), str(path)], check=True)
            path.chmod(0o644)
        return path

    # Inside

    def _gone(self):
        # Only now: closing a connection to a daemon that is frozen blocks.
        self._connection = None
        self.pid = None

    def _prepare_directory(self):
        self._guest_user = pwd.getpwnam("nobody") if os.geteuid() == 0 else None
        parent = tempfile.gettempdir()
        if len(parent) > LONGEST_TEMPORARY_DIRECTORY or not others_may_enter(parent):
            parent = "/tmp"
        self.directory = Path(tempfile.mkdtemp(prefix="rollo-", dir=parent))
        self.own(self.directory)
        for name in ("home", "run", "config", "config/libvirt", "cache", "data", "images"):
            (self.directory / name).mkdir(mode=0o700)
            self.own(self.directory / name)
        (self.directory / "config/libvirt/libvirtd.conf").write_text(
            LIBVIRTD_CONF.format(host_uuid=self.host_uuid, log=self.log_path))
        (self.directory / "config/libvirt/qemu.conf").write_text(self._qemu_conf)

    def _start_reaper(self):
        ours, theirs = socket.socketpair()
        self._control = ours
        with theirs:
            self._reaper = subprocess.Popen(
                ["/usr/bin/python3", "-IS", str(Path(__file__).with_name("reaper.py")),
                 str(theirs.fileno()), str(self.directory)],
                pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, start_new_session=True)
        self._answers = ours.makefile("r")

    def _ask(self, **request) -> dict:
        self._control.sendall(json.dumps(request).encode() + b"\n")
        line = self._answers.readline()
        if not line:
            raise RuntimeError("the reaper of the private libvirt is gone")
        answer = json.loads(line)
        if "error" in answer:
            raise RuntimeError(f"private libvirt: {request['do']}: {answer['error']}")
        return answer

    def as_guest_user(self, argv: list[str]) -> list[str]:
        """That command, run as the user whom the daemon and its guests run as."""
        if not self._guest_user:
            return argv
        return ["setpriv", f"--reuid={self._guest_user.pw_uid}",
                f"--regid={self._guest_user.pw_gid}", "--clear-groups", *argv]

    def _accepts(self) -> bool:
        if not Path(f"/proc/{self.pid}").exists():
            output = (self.directory / "libvirtd.out").read_text(errors="replace")
            raise RuntimeError(f"libvirtd ended at once: {output.strip()}")
        with socket.socket(socket.AF_UNIX) as probe:
            try:
                probe.connect(str(self.socket_path))
            except OSError:
                return False
        return True


def remove(domain: libvirt.virDomain):
    """Destroys and undefines a domain, whatever state it is in; no error when it is gone."""
    everything = (libvirt.VIR_DOMAIN_UNDEFINE_MANAGED_SAVE
                  | libvirt.VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA
                  | libvirt.VIR_DOMAIN_UNDEFINE_CHECKPOINTS_METADATA)
    for step in (domain.destroy, lambda: domain.undefineFlags(everything)):
        try:
            step()
        except libvirt.libvirtError:
            pass


def others_may_enter(directory: str) -> bool:
    return bool(os.stat(directory).st_mode & stat.S_IXOTH)


def command_name(pid: int) -> str:
    try:
        return os.path.basename(os.readlink(f"/proc/{pid}/exe"))
    except OSError:
        return ""


def descendants(pid: int) -> list[int]:
    """Every living process below `pid`."""
    found = []
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return found
    for child in map(int, children):
        found += [child, *descendants(child)]
    return found


# Libvirt prints each error on stderr besides raising it: stop that.
libvirt.registerErrorHandler(lambda *_: None, None)
