# SPDX-License-Identifier: Apache-2.0
"""The agent's messages as one readable line each."""

import threading
import time
from typing import Any

Data = dict[str, Any]

COLOURS = {"running": "32", "online": "32", "stopped": "31", "crashed": "31", "offline": "31",
           "paused": "33", "stopping": "33", "suspended": "33"}
BOLD, DIM, DIRECTOR = "1", "2", "36"


class Printer:
    """Prints from any thread. Colours only where it is told that somebody sees them."""

    def __init__(self, colour: bool):
        self._colour = colour
        self._lock = threading.Lock()

    def director(self, text: str):
        """What the demo itself is doing."""
        self._print(self._paint(f"  » {text}", DIRECTOR))

    def message(self, message: Data | bytes):
        """One message of the agent."""
        if isinstance(message, bytes):
            return
        kind, data = message.get("type", "?"), message.get("data") or {}
        line = getattr(self, f"_{kind}", self._other)(data)
        seq = f"#{message['seq']}" if "seq" in message else ""
        text = f"{kind:22} {line}"
        if "seq" not in message:
            text = self._paint(text, DIM)
        self._print(f"{seq:>5} {text}")

    def _print(self, line: str):
        with self._lock:
            print(f"{time.strftime('%H:%M:%S')} {line}", flush=True)

    def _paint(self, text: str, code: str | None) -> str:
        return f"\033[{code}m{text}\033[0m" if self._colour and code else text

    def _status(self, word: str) -> str:
        return self._paint(word, COLOURS.get(word))

    # One method for each type; the rest is shown as it is.

    def _connection_status(self, data: Data) -> str:
        return (f"{data.get('status')} to {data.get('hostname')} as {data.get('user')}"
                f" ({data.get('role')}), epoch {data.get('epoch')}")

    def _subscription_confirmed(self, data: Data) -> str:
        events = data.get("events")
        return "every event" if events is None else ", ".join(events) or "no event"

    def _snapshot(self, data: Data) -> str:
        vms = ", ".join(f"{vm['name']} {vm['status']}" for vm in data.get("vms", []))
        return f"as of #{data.get('seq')}: {vms or 'no VMs'}"

    def _vm_status_changed(self, data: Data) -> str:
        return (f"{self._name(data)} {self._status(data['old_status'])} → "
                f"{self._status(data['new_status'])} ({data.get('reason')})")

    def _vm_created(self, data: Data) -> str:
        vm = data["vm"]
        return (f"{self._paint(vm['name'], BOLD)} id {vm['id']}, {self._status(vm['status'])}, "
                f"{vm.get('vcpus')} vCPU, {vm.get('memory_mb')} MiB")

    def _vm_updated(self, data: Data) -> str:
        return f"{self._paint(data['vm']['name'], BOLD)} {', '.join(data.get('changed', []))}"

    def _vm_deleted(self, data: Data) -> str:
        return self._name(data)

    def _vm_metrics_update(self, data: Data) -> str:
        metrics = data["metrics"]
        return (f"{data['vm_name']} cpu {number(metrics.get('cpu_usage_percent'))} %, memory "
                f"{number(metrics.get('memory_used_mb'))} of "
                f"{number(metrics.get('memory_total_mb'))} MiB, written "
                f"{number(metrics.get('disk_write_bytes'))} B")

    def _server_status_changed(self, data: Data) -> str:
        return (f"{data.get('hostname')} {self._status(data['old_status'])} → "
                f"{self._status(data['new_status'])} ({data.get('reason')})")

    def _server_registered(self, data: Data) -> str:
        return f"{data['server'].get('hostname')} {self._status(data['server'].get('status'))}"

    def _server_metrics_update(self, data: Data) -> str:
        metrics = data["metrics"]
        return (f"{data.get('hostname')} cpu {number(metrics.get('cpu_usage_percent'))} %, memory "
                f"{number(metrics.get('memory_used_gb'))} of "
                f"{number(metrics.get('memory_total_gb'))} GB, load "
                f"{metrics.get('load_average')}")

    def _alert(self, data: Data) -> str:
        return f"{data.get('severity')} {data.get('state')}: {data.get('title')}"

    def _progress(self, data: Data) -> str:
        return (f"{data.get('operation_type')} {data.get('progress_percent')} % "
                f"{data.get('status')}: {data.get('message')}")

    def _other(self, data: Data) -> str:
        return ", ".join(f"{key} {value}" for key, value in data.items()
                         if isinstance(value, (str, int, float)) and key != "timestamp")

    def _name(self, data: Data) -> str:
        return self._paint(data.get("vm_name") or "?", BOLD)


def number(value: float | int | None) -> str:
    if value is None:
        return "–"
    return f"{value:.1f}" if isinstance(value, float) else str(value)
