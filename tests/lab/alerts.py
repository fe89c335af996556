# SPDX-License-Identifier: Apache-2.0
"""Rules for alerts in an agent's configuration, and the alerts that it tells of."""

from .agent import Agent
from .client import Client, Message
from .guests import Guest

RULES = ("vm_cpu", "vm_memory", "vm_cpu_steal", "vm_disk_latency", "vm_swap", "vm_crashed",
         "vm_panicked", "vm_watchdog", "vm_io_error", "vm_memory_failure", "vm_unresponsive",
         "server_cpu", "server_cpu_steal", "server_memory", "server_swap", "server_load",
         "server_disk", "server_pool", "libvirt_lost", "agent_queues")
# Keys of a rule that waits for nothing.
AT_ONCE = {"for_seconds": 0}


def only(**rules: dict) -> dict[str, dict]:
    """The tables of a configuration in which these rules hold, and no others."""
    assert set(rules) <= set(RULES)
    return {f"alerts.{name}": rules.get(name, {"enabled": False}) for name in RULES}


def above(raise_: float, clear: float | None = None, severity: str = "warning",
          seconds: int = 0) -> dict:
    """Keys of a rule with one threshold."""
    clear = raise_ if clear is None else clear
    return {"for_seconds": seconds, "thresholds": {severity: {"raise": raise_, "clear": clear}}}


def expect_alert(client: Client, rule: str, state: str = "firing", seconds: float = 30,
                 **fields) -> Message:
    """The data of the next such alert."""
    return client.expect_data("alert", seconds, alert_type=rule, state=state, **fields)


def firing(agent: Agent, token: str | None = None) -> list[Message]:
    """What GET /api/v1/alerts has."""
    status, body = agent.get("/api/v1/alerts", token)
    assert status == 200, body
    return body["alerts"]


def same(alert: Message, earlier: Message) -> bool:
    """It tells of the same trouble."""
    keys = ("alert_id", "alert_type", "first_seen", "entity_type", "entity_id")
    return all(alert[key] == earlier[key] for key in keys)


def id_of(agent: Agent, guest: Guest) -> int:
    return agent.get(f"/api/v1/vms/{guest.spec.uuid}")[1]["id"]
