# SPDX-License-Identifier: Apache-2.0
"""A real nginx before an agent, with the configuration of docs/proxy.md."""

import http.client
import json
import re
import subprocess
from pathlib import Path

from .agent import ROOT, free_port
from .certificates import Pair
from .wait import wait_until

BINARY = ROOT / "build/nginx/nginx"
FROM = "127.0.0.9"
"""The address from which it connects to an agent by TCP."""


def documented() -> str:
    page = (ROOT / "docs/proxy.md").read_text()
    return re.search(r"^```nginx\n(.*?)^```", page, re.MULTILINE | re.DOTALL)[1]


def put(text: str, old: str, new: str) -> str:
    assert old in text, f"{old} does not stand in docs/proxy.md"
    return text.replace(old, new)


class Nginx:
    """Context manager: nginx with TLS on loopback before what listens at `upstream`, a UNIX socket's
    path or a TCP port. Has `url` and `ws_url` as an agent has."""

    def __init__(self, directory: Path, pair: Pair, upstream: str | int):
        directory.mkdir()
        self._directory = directory
        self._pair = pair
        self.port = free_port()
        by_tcp = isinstance(upstream, int)
        server = documented()
        server = put(server, "unix:/run/rollo-agent/proxy.sock",
                     f"127.0.0.1:{upstream}" if by_tcp else f"unix:{upstream}")
        server = put(server, "listen 443 ssl;", f"listen 127.0.0.1:{self.port} ssl;")
        server = put(server, "/etc/nginx/tls/fullchain.pem", str(pair.certificate))
        server = put(server, "/etc/nginx/tls/key.pem", str(pair.key))
        server = put(server, "/var/log/nginx/rollo-agent.log", str(directory / "access.log"))
        if by_tcp:
            server = put(server, "proxy_http_version 1.1;",
                         f"proxy_http_version 1.1; proxy_bind {FROM};")
        kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        paths = " ".join(f"{kind}_temp_path {directory / kind};" for kind in kinds)
        (directory / "nginx.conf").write_text(
            f"daemon off; master_process off; pid {directory / 'nginx.pid'};\n"
            f"events {{}}\nhttp {{\n{paths}\n{server}\n}}\n")

    def __enter__(self) -> "Nginx":
        self._process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", "--", str(BINARY), "-p", str(self._directory), "-e",
             str(self._directory / "error.log"), "-c", str(self._directory / "nginx.conf")],
            stdin=subprocess.DEVNULL)
        wait_until(self._answers, 20, "nginx answers")
        return self

    def __exit__(self, *_):
        self._process.terminate()
        self._process.wait()

    def _answers(self) -> bool:
        if self._process.poll() is not None:
            raise RuntimeError((self._directory / "error.log").read_text())
        try:
            self.get("/healthz")
            return True
        except OSError:
            return False

    @property
    def ws_url(self) -> str:
        return f"wss://127.0.0.1:{self.port}"

    @property
    def origin(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    def access_log(self) -> str:
        return (self._directory / "access.log").read_text()

    def get(self, path: str, source: str = "127.0.0.1", **headers: str) -> tuple[int, dict | str]:
        """GET on a connection of its own that comes from `source`."""
        connection = http.client.HTTPSConnection(
            "127.0.0.1", self.port, timeout=20, context=self._pair.trusted(),
            source_address=(source, 0))
        try:
            connection.request("GET", path, headers={name.replace("_", "-"): value
                                                     for name, value in headers.items()})
            answer = connection.getresponse()
            body = answer.read().decode()
            is_json = "json" in (answer.getheader("Content-Type") or "")
            return answer.status, json.loads(body) if is_json else body
        finally:
            connection.close()
