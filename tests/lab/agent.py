# SPDX-License-Identifier: Apache-2.0
"""The agent under test: a configuration of its own, a process, its log."""

import http.client
import json
import os
import re
import secrets
import signal
import socket
import subprocess
from pathlib import Path

from .wait import wait_until

ROOT = Path(__file__).resolve().parents[2]
SANITIZER_REPORT = re.compile(
    r"ERROR: \w+Sanitizer|(WARNING|FATAL): ThreadSanitizer|: runtime error: ")


class AgentMisbehaved(AssertionError):
    """The agent did not stop as it should, or a sanitizer found something in it."""


def agent_binary() -> Path:
    """`build/agent/rollo-agent`, or what $ROLLO_BUILD says in place of `build`."""
    return Path(os.environ.get("ROLLO_BUILD", ROOT / "build")) / "agent/rollo-agent"


def run_agent(*arguments: str, environment: dict[str, str] | None = None,
              seconds: float = 20) -> subprocess.CompletedProcess:
    """Runs the binary to its end. Of the environment no ROLLO_* but those given are passed on."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith("ROLLO_")}
    return subprocess.run([str(agent_binary()), *arguments], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=seconds, check=False,
                          env=clean | (environment or {}))


def free_port(first: int = 0) -> int:
    """A loopback TCP port that nobody listens on: `first` or the next free one after it."""
    for port in range(first, first + 100) if first else (0,):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return probe.getsockname()[1]
    raise RuntimeError(f"no free port from {first} on")


def toml(tables: dict[str, dict]) -> str:
    """TOML of tables of plain values and of tables of them."""
    lines = []
    for table, values in tables.items():
        lines.append(f"[{table}]")
        lines += [f"{key} = {toml_value(value)}" for key, value in values.items()]
    return "\n".join(lines) + "\n"


def toml_value(value) -> str:
    """JSON's strings, numbers, booleans and lists are TOML's."""
    if not isinstance(value, dict):
        return json.dumps(value)
    return "{ " + ", ".join(f"{key} = {toml_value(each)}" for key, each in value.items()) + " }"


class Agent:
    """Context manager: one agent on loopback. Files live in `directory`: agent.toml, agent.log
    (all runs, appended), secret, state/. `config` adds to or overrides the tables of the
    configuration, for example {"metrics": {"interval_seconds": 1}}. `wrapper` is put before the
    command, `environment` is added to it.

    The agent is killed with the thread that started it, so start it from the main thread.
    """

    def __init__(self, uri: str, directory: Path, *, config: dict[str, dict] | None = None,
                 port: int = 0, wrapper: list[str] | None = None,
                 environment: dict[str, str] | None = None):
        self.directory = directory
        self.directory.mkdir(parents=True, exist_ok=True)
        self.port = port or free_port()
        self._wrapper = wrapper or []
        # The agent reads ROLLO_*: the laboratory's own, and those of whoever runs it, stay out.
        self._environment = {name: value for name, value in os.environ.items()
                             if not name.startswith("ROLLO_")} | (environment or {})
        self._process: subprocess.Popen | None = None
        self._admin: str | None = None
        secret = self.directory / "secret"
        if not secret.exists():
            secret.touch(mode=0o600)
            secret.write_text(secrets.token_urlsafe(48))
        self.config = {
            # Tests look into it, and so do sanitizers.
            "agent": {"server_id": 1, "state_dir": str(self.directory / "state"),
                      "core_dumps": True},
            "libvirt": {"uri": uri},
            "server": {"listen": [f"127.0.0.1:{self.port}"]},
            "metrics": {"interval_seconds": 1},
            "auth": {"anonymous": True, "hs256_secret_file": str(secret)},
            "console": {"enabled": True},
        }
        for table, values in (config or {}).items():
            self.config[table] = {**self.config.get(table, {}), **values}

    def __enter__(self) -> "Agent":
        try:
            self.start()
        except BaseException:
            self.kill()
            raise
        return self

    def __exit__(self, *_):
        self.close()

    # Where it is

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def ws_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}"

    @property
    def config_path(self) -> Path:
        return self.directory / "agent.toml"

    @property
    def log_path(self) -> Path:
        return self.directory / "agent.log"

    @property
    def pid(self) -> int:
        return self._process.pid

    def log(self) -> str:
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    # Its life

    def start(self, ready: bool = True, seconds: float = 20.0):
        """Writes the configuration and starts the process; returns when it says it is ready
        (libvirt connected, inventory read), or at once when `ready` is false."""
        self.write_config()
        with open(self.log_path, "ab") as log:
            self._process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", "--", *self._wrapper, str(agent_binary()),
                 "--config", str(self.config_path)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self._environment,
                start_new_session=True)
        if ready:
            wait_until(self.ready, seconds, "the agent is ready", step=0.02)

    def write_config(self):
        (self.directory / "state").mkdir(exist_ok=True)
        self.config_path.write_text(toml(self.config))

    def state_file(self) -> Path:
        """What has to outlive it."""
        return self.directory / "state/vms.state"

    def ready(self) -> bool:
        """True when /readyz says 200. Raises RuntimeError when the process has ended."""
        if self._process.poll() is not None:
            raise RuntimeError(f"the agent ended with {self._process.returncode}:\n"
                               + self.log()[-4000:])
        try:
            return self.get("/readyz")[0] == 200
        except OSError:
            return False

    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def stop(self, seconds: float = 5.0) -> int:
        """SIGTERM; returns the exit status. Raises TimeoutError after `seconds`."""
        self._process.send_signal(signal.SIGTERM)
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise TimeoutError(f"the agent still runs {seconds:g} s after SIGTERM") from None

    def kill(self):
        """SIGKILL, if it runs."""
        if self.running():
            self._process.kill()
            self._process.wait()

    def reload(self):
        """SIGHUP, with the configuration written anew."""
        self.write_config()
        self._process.send_signal(signal.SIGHUP)

    def restart(self):
        self.stop()
        self.start()

    def close(self):
        """Stops it if it runs, in the hard way if the soft one takes too long. Raises
        AgentMisbehaved when it does not end with 0 in time, or a sanitizer had something to say
        in any of its runs."""
        status = 0
        if self.running():
            try:
                status = self.stop()
            except TimeoutError as error:
                self.kill()
                raise AgentMisbehaved(f"{error}:\n{self.log()[-3000:]}") from None
        if report := SANITIZER_REPORT.search(self.log()):
            raise AgentMisbehaved(self.log()[report.start():][:8000])
        if status != 0:
            raise AgentMisbehaved(f"the agent ended with {status}:\n{self.log()[-3000:]}")

    # What it says

    def get(self, path: str, token: str | None = None,
            headers: dict[str, str] | None = None) -> tuple[int, dict | str]:
        """GET over HTTP: status and body, decoded when it is JSON."""
        headers = dict(headers or {})
        if token:
            headers["Authorization"] = f"Bearer {token}"
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", path, headers=headers)
            answer = connection.getresponse()
            body = answer.read().decode()
            if "json" in (answer.getheader("Content-Type") or ""):
                return answer.status, json.loads(body)
            return answer.status, body
        except http.client.HTTPException as error:
            raise OSError(str(error)) from error
        finally:
            connection.close()

    def figure(self, name: str, labels: str = "") -> float:
        """A figure of /metrics: `figure("rollo_agent_connections")`, with labels as they stand
        there: `figure("x", '{reason="y"}')`."""
        if self._admin is None:
            self._admin = self.token("figures")
        status, text = self.get("/metrics", token=self._admin)
        if status != 200:
            raise RuntimeError(f"/metrics: {status}: {text}")
        found = re.search(rf"^{re.escape(name + labels)} (\S+)$", text, re.MULTILINE)
        if not found:
            raise RuntimeError(f"no {name}{labels} in /metrics:\n{text}")
        return float(found[1])

    def token(self, sub: str = "tester", role: str = "admin", ttl: str = "1h",
              *more: str) -> str:
        """A token that this agent accepts, made by the agent's own command."""
        self.write_config()
        made = subprocess.run(
            [str(agent_binary()), "--config", str(self.config_path), "token", "--sub", sub,
             "--role", role, "--ttl", ttl, *more],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20, check=False,
            env=self._environment)
        if made.returncode != 0:
            raise RuntimeError(f"rollo-agent token: {made.returncode}: {made.stderr}")
        return made.stdout.strip()
